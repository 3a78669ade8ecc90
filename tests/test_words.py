"""What is published holds no trace of where it was made, and no promise without an owner."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# This file holds the words, so it alone is not searched.
TRACES = {
    "a home folder": r"/root/(?!\.)|/home/\w+/",
    "a working folder": r"(?<![\w.$}])/work/",
    "a neighbouring folder": r"\.\./shared",
    "a private package host": r"\bartifactory|pypi\.(?!org)\w+\.\w+/simple|--index-url",
    "a number of an issue": r"(?i)\b(?:issue|ticket|pull request) #\d+",
}
# TODO(owner): condition. Anything else belongs nowhere.
UNOWNED = re.compile(r"\bTODO(?!\(\w+\): \S)|\bFIXME|\bXXX\b")


def _published() -> list[Path]:
    """The text files that git tracks, recorded streams aside."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [
        path
        for path in paths
        if path.is_file() and path != Path(__file__)
        if not any(path.is_relative_to(stream) for stream in (ROOT / "fixtures").glob("asterisk-*"))
    ]


def _lines_with(pattern: str | re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in _published()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(pattern, line)
    ]


@pytest.mark.parametrize("pattern", TRACES.values(), ids=TRACES)
def test_nothing_published_tells_where_it_was_made(pattern: str) -> None:
    assert _lines_with(pattern) == []


def test_every_promise_has_an_owner_and_a_condition() -> None:
    assert _lines_with(UNOWNED) == []


@pytest.mark.parametrize(
    ("trace", "line"),
    [
        ("a home folder", "see /root/x"),
        ("a home folder", "/home/me/x"),
        ("a working folder", "cd /work/main"),
        ("a neighbouring folder", "../shared/x.md"),
        ("a private package host", "pip --index-url x"),
        ("a number of an issue", "Issue #12"),
    ],
)
def test_a_trace_would_be_seen(trace: str, line: str) -> None:
    assert re.search(TRACES[trace], line)


@pytest.mark.parametrize("line", ["# TODO: later", "# TODO(ada)", "# FIXME"])
def test_a_promise_without_owner_or_condition_would_be_seen(line: str) -> None:
    assert UNOWNED.search(line)
    assert not UNOWNED.search("# TODO(ada): once 16 is out of support")
