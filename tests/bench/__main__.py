"""Runs the benchmarks, each in a fresh process, and holds what they find against the targets.

`python -m tests.bench [--quick] [--only NAME]... [--save]`; `make bench` is all of it.
"""

import argparse
import importlib
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from callstate import collector
from tests.bench.findings import ROOT, Finding, Setting, line_of, setting, table
from tests.bench.sizes import SIZES

NAMES = (
    "pipeline", "wire", "curves", "indexes", "http", "rivals", "memory", "sync", "manager",
    "proofs",
)  # fmt: skip
RESULTS = Path(__file__).parent / "results"


def findings_of(name: str, size: str) -> Iterator[Finding]:
    """Give the findings of one benchmark, as they come."""
    module = importlib.import_module(f"tests.bench.bench_{name}")
    yield from module.run(SIZES[size])


def _run_alone(name: str, size: str, where: Setting) -> Iterator[Finding]:
    """Give the findings of one benchmark that has a process for itself."""
    command = [sys.executable, "-m", "tests.bench", "--size", size, "--child", name]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None, "a pipe"
        for line in process.stdout:
            finding = msgspec.json.decode(line, type=Finding)
            print(line_of(where, finding), flush=True)
            yield finding
    if process.returncode:
        raise SystemExit(f"the benchmark {name} failed")


def _save(where: Setting, findings: list[Finding], text: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / f"{where.date}-{where.size}-{where.build}"
    lines = [line_of(where, finding) for finding in findings]
    stem.with_suffix(".jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")
    stem.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--quick", dest="size", action="store_const", const="quick")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME")
    parser.add_argument("--save", action="store_true", help="keep the results beside the scripts")
    parser.add_argument("--child", choices=NAMES, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Run what is asked for."""
    asked = _parse()
    if asked.child:
        # Machines that are not there yet, lists that differ: what is measured is not a mishap.
        logging.disable(logging.WARNING)
        collector.configure()  # as the daemon's process is; rivals profit as well
        for finding in findings_of(asked.child, asked.size):
            print(msgspec.json.encode(finding).decode(), flush=True)
        return
    where, findings = setting(asked.size), list[Finding]()
    for name in asked.only or NAMES:
        findings += _run_alone(name, asked.size, where)
    text = table(where, findings)
    print(f"\n{text}")
    if asked.save:
        _save(where, findings, text)


if __name__ == "__main__":
    main()
