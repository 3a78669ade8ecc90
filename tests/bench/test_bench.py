"""Every benchmark runs, on tiny amounts, and gives what the table of targets needs.

No figure is judged here: what they measure means nothing on a machine that runs tests.
"""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.__main__ import NAMES, findings_of
from tests.bench.findings import TARGETS, Finding, line_of, setting, table
from tests.bench.measure import Sample, ratio, rounded, side_by_side


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _numbers(each)
    elif isinstance(value, list):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, int | float):
        yield value


@pytest.fixture(scope="module")
def findings() -> dict[str, list[Finding]]:
    """What each benchmark found."""
    return {name: list(findings_of(name, "taste")) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_gives_figures_that_are_numbers(
    name: str, findings: dict[str, list[Finding]]
) -> None:
    assert findings[name]
    for finding in findings[name]:
        numbers = list(_numbers(finding.figures))
        assert numbers, finding
        assert all(map(math.isfinite, numbers)), finding
        assert finding.values.keys() <= TARGETS.keys()


def test_every_target_is_decided_or_said_not_to_be(findings: dict[str, list[Finding]]) -> None:
    everything = [finding for some in findings.values() for finding in some]
    decided = {name for finding in everything for name in (*finding.values, *finding.missing)}
    assert decided == TARGETS.keys()
    where = setting("taste")
    text = table(where, everything)
    assert all(target.what in text for target in TARGETS.values())
    assert "not measured\n" not in text
    assert all("\n" not in line_of(where, finding) for finding in everything)


def test_the_worst_of_several_values_decides() -> None:
    found = [Finding(bench="x", what="", values={"panoramisk": value}) for value in (9.0, 7.0)]
    row = next(line for line in table(setting("x"), found).splitlines() if "bare parse" in line)
    assert "7 x (7 .. 9)" in row
    assert row.endswith("MISSED")


def test_what_could_not_be_measured_says_why() -> None:
    found = [Finding(bench="x", what="", missing={"redis": "no redis-server"})]
    row = next(line for line in table(setting("x"), found).splitlines() if "Redis" in line)
    assert row.endswith("not measured, no redis-server")


def test_contenders_take_turns() -> None:
    clock, order = iter(range(10_000)), list[str]()
    samples = side_by_side(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")},
        rounds=3,
        clock=lambda: next(clock),
        round_seconds=0,
    )
    assert order == ["a", "b"] * 4  # the first to warm up
    assert samples["a"].seconds == [1, 1, 1]


def test_a_ratio_is_that_of_the_rounds() -> None:
    # A disturbance of a whole round disturbs both and changes nothing.
    assert ratio(Sample([2.0, 20.0, 2.0]), Sample([1.0, 10.0, 1.0])) == 2.0
    assert rounded(1234.567) == 1235
    assert rounded(0.00012345) == 0.0001234
