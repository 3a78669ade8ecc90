"""What the benchmarks find, held against the targets: lines of JSON, and a table for people.

`TARGETS` is the table of what callstate must reach, in its order. A benchmark gives findings;
each holds its figures, and the values of the targets that these decide.
"""

import datetime
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from callstate import build

ROOT = Path(__file__).parent.parent.parent


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to reach: the `value` must be at least, or at most, `limit`."""

    what: str
    sense: Literal[">=", "<="]
    limit: float
    unit: str = ""

    def is_met(self, value: float) -> bool:
        """Tell whether `value` is good enough."""
        return value >= self.limit if self.sense == ">=" else value <= self.limit

    def worst(self, values: Iterable[float]) -> float:
        """Return the value that decides."""
        return min(values) if self.sense == ">=" else max(values)

    def __str__(self) -> str:
        return f"{self.sense} {self.limit:g}{self.unit}"


def _target(what: str, sense: Literal[">=", "<="], limit: float, unit: str = "") -> Target:
    return Target(what=what, sense=sense, limit=limit, unit=unit)


# fmt: off
TARGETS = {
    "panoramisk": _target("bytes to legs, against panoramisk's bare parse", ">=", 8, " x"),
    "split": _target("bytes to legs, against a bare split", ">=", 25, " %"),
    "socket": _target("the same from a socket, against receive and count", ">=", 20, " %"),
    "event curve": _target("cost of an event, 100 000 against 1 000 legs up", "<=", 2, " x"),
    "constant": _target("HTTP list of 20 legs, against constant bytes", ">=", 60, " %"),
    "query curve": _target("its own work, most against 1 000 legs up", "<=", 1.5, " x"),
    "query": _target("its own work, parameters parsed to bytes", "<=", 25, " us"),
    "p99": _target("its p99 under 20 000 events/s, against idle", "<=", 1.5, " x"),
    "loaded rate": _target("its rate under 20 000 events/s, against idle", ">=", 85, " %"),
    "stall": _target("longest stall while 10 000 and 100 000 legs are sent", "<=", 3, " ms"),
    "flow": _target("events taken in meanwhile, of those sent", ">=", 95, " %"),
    "sqlite": _target("20 legs, against SQLite in memory", ">=", 10, " x"),
    "redis": _target("20 legs, against Redis", ">=", 50, " x"),
    "memory": _target("memory of a leg, mirror and indexes, at 100 000", "<=", 4, " kB"),
    "sync": _target("own CPU to be in step with 10 000 channels", "<=", 2, " s"),
    "no gap": _target("legs served while a new list comes, of those up", ">=", 100, " %"),
    "exactness": _target("tests of captures against Asterisk's answers, failed", "<=", 0),
    "healing": _target("tests of faults on the wire, failed", "<=", 0),
    "nothing left": _target("tests that very many calls leave nothing, failed", "<=", 0),
    "hostile": _target("tests of hostile input, failed", "<=", 0),
}
# fmt: on


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a benchmark: `figures` say what was measured, `values` decide targets.

    `missing` names targets that could not be decided, and what the machine lacks for it.
    """

    bench: str
    what: str
    figures: dict[str, Any] = {}
    values: dict[str, float] = {}
    missing: dict[str, str] = {}


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when, and of what state of the code, findings are."""

    date: str
    machine: str
    cores: int
    python: str
    build: str
    commit: str
    size: str


def setting(size: str) -> Setting:
    """Return the setting of a run that begins now."""
    return Setting(
        date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        machine=_processor(),
        cores=os.cpu_count() or 0,
        python=platform.python_version(),
        build=build.kind(),
        commit=_commit(),
        size=size,
    )


def line_of(where: Setting, finding: Finding) -> str:
    """Return a finding as one line of JSON, with where it was made."""
    return msgspec.json.encode(msgspec.to_builtins(where) | msgspec.to_builtins(finding)).decode()


def table(where: Setting, findings: Sequence[Finding]) -> str:
    """Return every target with the value that decides it and its verdict."""
    rows = [("what", "value", "target", "verdict")]
    rows += [(target.what, *_row(name, target, findings)) for name, target in TARGETS.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    head = f"{where.date}, {where.machine}, {where.cores} cores, Python {where.python}, "
    return "\n".join([f"{head}{where.build}, commit {where.commit}, {where.size}", "", *lines])


def _row(name: str, target: Target, findings: Sequence[Finding]) -> tuple[str, str, str]:
    values = [finding.values[name] for finding in findings if name in finding.values]
    if not values:
        missing = [finding.missing[name] for finding in findings if name in finding.missing]
        return "-", str(target), ", ".join(["not measured", *missing])
    worst = target.worst(values)
    spread = f" ({min(values):.4g} .. {max(values):.4g})" if len(set(values)) > 1 else ""
    verdict = "met" if target.is_met(worst) else "MISSED"
    return f"{worst:.4g}{target.unit}{spread}", str(target), verdict


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model n")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def _commit() -> str:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return asked.stdout.strip() or "unknown"
