"""The targets that are no matter of time: the tests that prove them, counted."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.bench.findings import ROOT, Finding
from tests.bench.sizes import Size

NAME = "proofs"

# Each target and the tests that it rests on.
PROOFS = {
    "exactness": ("tests/replay",),
    "healing": ("tests/faults", "tests/ami/test_connection.py"),
    "nothing left": ("tests/soak",),
    "hostile": ("tests/ami/test_decode.py", "tests/core/test_laws.py", "tests/web/test_fuzz.py"),
}
_TASTE = ("tests/ami/test_backoff.py",)
_SOAK_CALLS = {"taste": 40, "quick": 10_000, "full": 100_000}
_COUNT = re.compile(r"(\d+) (passed|failed|errors?)\b")
_SOAKED = re.compile(r"^\d+ calls, .*$", flags=re.MULTILINE)


def run(size: Size) -> Iterator[Finding]:
    """Give a finding for each target, with how many tests passed."""
    for target, paths in PROOFS.items():
        yield _proof(target, paths if size.name != "taste" else _TASTE, size)


def _proof(target: str, paths: tuple[str, ...], size: Size) -> Finding:
    figures = _tested(paths, _SOAK_CALLS[size.name])
    return Finding(
        bench=NAME, what=", ".join(paths), figures=figures, values={target: figures["failed"]}
    )


@cache
def _tested(paths: tuple[str, ...], calls: int) -> dict[str, Any]:
    """Run the tests at `paths` and return how many passed and failed."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rP", "-p", "no:cacheprovider", *paths],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"CALLSTATE_SOAK_CALLS": f"{calls}"},
    )  # fmt: skip
    lines = ran.stdout.splitlines()
    assert lines, f"no test ran: {ran.stderr}"
    counts = {word: int(number) for number, word in _COUNT.findall(lines[-1])}
    failed = sum(number for word, number in counts.items() if word != "passed")
    if ran.returncode and not failed:
        failed = 1
    figures: dict[str, Any] = {"passed": counts.get("passed", 0), "failed": failed}
    soaked = _SOAKED.search(ran.stdout)
    if soaked is not None:
        figures["soak"] = soaked[0]
    return figures
