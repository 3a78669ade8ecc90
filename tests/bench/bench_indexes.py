"""What each index costs to keep, in time and memory, and what a query costs without it."""

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial

from callstate.core import query as queries
from callstate.core.access import Scope
from callstate.core.filters import Match, Test, customers_test, equal_test, text_test
from callstate.core.index import HashIndex, OrderedView, Place, place_of
from callstate.core.model import Leg
from callstate.core.query import Query
from callstate.core.store import LegStore
from tests.bench import crowd
from tests.bench.findings import Finding
from tests.bench.measure import rounded, side_by_side
from tests.bench.sizes import Size

NAME = "indexes"

_EVERYBODY = Scope(customers=None)


def run(size: Size) -> Iterator[Finding]:
    """Give a finding for each index, at the number of legs for which memory is measured."""
    legs = list(crowd.legs(size.memory_legs))
    places = [place_of(leg) for leg in legs]
    yield _ordered(places, size)
    store = LegStore()
    for leg in legs:
        store.put(leg)
    for name, (value, query, scope, test) in _indexes(legs[len(legs) // 2]).items():
        kept = _kept([(value(place.leg), place) for place in places])
        yield Finding(bench=NAME, what=name, figures=kept | _asked(store, query, scope, test, size))


def _indexes(leg: Leg) -> dict[str, tuple[Callable[[Leg], str | int], Query, Scope, Test]]:
    """Return what each index files by, a query for `leg` that uses it, and the test instead."""
    customers = frozenset({leg.scustomer})
    exact, everybody = Match.EXACT, _EVERYBODY
    number, called, destination = leg.snumber, leg.cnumber, leg.dnumber
    return {
        "by customer": (
            lambda one: one.scustomer,
            Query(),
            Scope(customers=customers),
            customers_test(customers),
        ),
        "by callid": (
            lambda one: one.callid,
            Query(callid=leg.callid),
            everybody,
            equal_test("callid", leg.callid),
        ),
        "by source number": (
            lambda one: one.snumber,
            Query(snumber=number, smatch=exact),
            everybody,
            text_test("snumber", number, exact),
        ),
        "by called number": (
            lambda one: one.cnumber,
            Query(cnumber=called, cmatch=exact),
            everybody,
            text_test("cnumber", called, exact),
        ),
        "by destination number": (
            lambda one: one.dnumber,
            Query(dnumber=destination, dmatch=exact),
            everybody,
            text_test("dnumber", destination, exact),
        ),
    }


def _kept(filed: list[tuple[str | int, Place]]) -> dict[str, object]:
    """Return what it costs to file all of `filed` and to take them out again, for one leg."""
    index = HashIndex()
    grown = _growth(lambda: _add(index, filed))
    values, index = len(index), HashIndex()
    begin = time.process_time()
    _add(index, filed)
    for value, place in filed:
        index.remove(value, place)
    return _figures(len(filed), grown, time.process_time() - begin) | {"values": values}


def _growth(work: Callable[[], object]) -> int:
    """Return by how many bytes what is allocated grows; too little for the process's size."""
    gc.collect()
    tracemalloc.start()
    work()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return grown


def _add(index: HashIndex, filed: list[tuple[str | int, Place]]) -> None:
    for value, place in filed:
        index.add(value, place)


def _ordered(places: list[Place], size: Size) -> Finding:
    view = OrderedView()
    grown = _growth(lambda: _add_all(view, places))
    timed = {
        "ordered view": lambda: next(view.walk()),
        "sorted anew": lambda: sorted(places)[:100],
    }
    samples = side_by_side(timed, rounds=size.rounds, round_seconds=size.round_seconds)
    view = OrderedView()
    begin = time.process_time()
    _add_all(view, places)
    for place in places:
        view.remove(place)
    figures = _figures(len(places), grown, time.process_time() - begin)
    us = {name: sample.per(1) for name, sample in samples.items()}
    return Finding(bench=NAME, what="by start, in order", figures=figures | {"us": us})


def _add_all(view: OrderedView, places: list[Place]) -> None:
    for place in places:
        view.add(place)


def _figures(number: int, grown: int, seconds: float) -> dict[str, object]:
    return {
        "legs": number,
        "bytes of a leg": rounded(grown / number),
        "us that a leg comes and goes": rounded(seconds * 1e6 / number),
    }


def _asked(
    store: LegStore, query: Query, scope: Scope, test: Test, size: Size
) -> dict[str, object]:
    """Return what a query takes with the index, and what looking at every leg takes."""
    work: dict[str, Callable[[], object]] = {
        "with it": partial(queries.run, store, query, scope),
        "without": lambda: test([place.leg for place in store.ordered.walk()]),
    }
    samples = side_by_side(work, rounds=size.rounds, round_seconds=size.round_seconds)
    return {"us": {name: sample.per(1) for name, sample in samples.items()}}
