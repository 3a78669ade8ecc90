"""The memory of a leg: with its mirror, its variables and all indexes, and without the mirror.

Each figure is from a process of its own, since memory that was given back stays with a process.
"""

import gc
import multiprocessing
from collections.abc import Callable, Iterator

from tests.bench import material
from tests.bench.bench_curves import filled, with_calls_up
from tests.bench.findings import Finding
from tests.bench.measure import resident_bytes, rounded
from tests.bench.sizes import Size

NAME = "memory"


def run(size: Size) -> Iterator[Finding]:
    """Give the memory of a leg, measured in three ways."""
    number = size.memory_legs
    with_variables = _alone(_whole, number)
    figures = {
        "legs": number,
        "bytes of a leg": {
            "mirror, variables, indexes": with_variables,
            "the same without channelvars": _alone(_plain, number),
            "store and indexes alone": _alone(_store, number),
        },
        "MB for a thousand calls": rounded(with_variables * 2 / 1000),
    }
    yield Finding(
        bench=NAME,
        what=f"{number} legs",
        figures=figures,
        values={"memory": rounded(with_variables / 1000)},
    )


def _alone(measure: Callable[[int], float], number: int) -> float:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return rounded(pool.apply(_in_a_loop, (measure, number)))


def _in_a_loop(measure: Callable[[int], float], number: int) -> float:
    return material.in_a_loop(measure(one) for one in [number])[0]


def _whole(number: int) -> float:
    return _growth(lambda: with_calls_up(number // 2), lambda: with_calls_up(1), number)


def _plain(number: int) -> float:
    return _growth(
        lambda: with_calls_up(number // 2, channel_variables=False),
        lambda: with_calls_up(1, channel_variables=False),
        number,
    )


def _store(number: int) -> float:
    return _growth(lambda: filled(number), lambda: filled(2), number)


def _growth(make: Callable[[], object], warm: Callable[[], object], number: int) -> float:
    """Return how many bytes of the machine each of `number` legs takes that `make` makes."""
    first = warm()
    gc.collect()
    before = resident_bytes()
    made = make()
    gc.collect()
    grown = resident_bytes() - before
    del made, first
    return grown / number
