"""What is published holds no trace of where it was made, and no promise without an owner."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Each word is spelled in pieces, so that this file does not hold it.
TRACES = {
    "a home folder": r"/ro" r"ot/(?!\.)|/ho" r"me/\w+/",
    "a working folder": r"(?<![\w.$}])/wo" r"rk/",
    "a neighbouring folder": r"\.\./sha" r"red",
    "a private package host": r"\bart" r"ifactory|pypi\.(?!org)\w+\.\w+/simple|--index-" r"url",
    "a number of an issue": r"(?i)\b(?:issue|ticket|pull request) #\d+",
}
# TODO(owner): condition. Anything else belongs nowhere.
UNOWNED = re.compile(r"\b(?:TO" r"DO(?!\(\w+\): \S)|FIX" r"ME|X{3}\b)")


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
        if path.is_file() and not path.is_relative_to(ROOT / "fixtures" / "asterisk-22")
        if not path.is_relative_to(ROOT / "fixtures" / "asterisk-16")
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
