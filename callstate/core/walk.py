"""A query over many legs, answered in steps between which the loop can do other things.

1. The answer is of one state, that at the first step; see `snapshot`.
2. A step looks at `STEP` legs, or sorts, merges or gives up as many. Nothing is made in great
   number that the garbage collector would count: a full collection takes longer than a step.
3. What must be sorted is sorted in runs, and these are merged. Runs and merge are stable, as
   `query.run` is, so the order is the same.
"""

from array import array
from collections.abc import Sequence
from contextlib import closing
from heapq import merge
from itertools import islice
from typing import Any, TypeVar

from callstate.core.access import Scope
from callstate.core.demand import Wanted, make_window, needs_window, texts_of, wanted_text
from callstate.core.filters import Test
from callstate.core.index import Place
from callstate.core.model import Key, Leg
from callstate.core.plan import Query, Source, places_of, plan
from callstate.core.query import keep, sort_values, tests_of
from callstate.core.snapshot import Moment, slices_in_order, slices_of
from callstate.core.snapshot import Steps as Steps
from callstate.core.store import LegStore

# A step is some 0.2 to 1 ms (2-core VM, 2026-11).
STEP = 1000

# So many steps a limit may take to be reached before texts are made to find the rest.
_STEPS_FIRST = 8

# Of 1 in 8 legs it is as quick to look at all of them as to find these.
_FREQUENT = 1 / 8

T = TypeVar("T")

_Columns = tuple[list[Place], list[Leg]]

_IN_ORDER = frozenset({Source.ALL, Source.ORDER})


def walk(store: LegStore, query: Query, scope: Scope) -> Steps[list[Leg]]:
    """Return what `query.run` does at the first step. O(k log k), as that; less when it was
    asked lately: see `demand`.
    """
    source = plan(store, query, scope).source
    if wanted_text(query) or not needs_window(store, query, source):
        return (yield from _walk(store, query, scope, source))
    make = make_window(store, query.sort, descending=query.descending)
    if not tests_of(query, scope, source):
        return (yield from make)[: query.limit]
    legs = yield from _walk(store, query, scope, source)
    yield from make
    return legs


def _walk(store: LegStore, query: Query, scope: Scope, source: Source) -> Steps[list[Leg]]:
    wanted = wanted_text(query) if source in _IN_ORDER else None
    if wanted is not None and _is_worth_searching(store, query, source, wanted):
        places, legs = yield from _searched(store, query, scope, source=source, wanted=wanted)
    else:
        wanted = None
        most = query.limit if source is Source.ORDER else 0
        places, legs = yield from _found(store, query, scope, source=source, most=most)
    if wanted is not None or source not in _IN_ORDER:
        limit = query.limit if query.sort == "start" else 0
        places, legs = yield from _sorted(list(places), places, legs, query=query, limit=limit)
    if query.sort != "start":
        values: list[Any] = []
        for first in range(0, len(legs), STEP):
            some = slice(first, first + STEP)
            values += sort_values(query, places[some], legs[some])
            yield
        places, legs = yield from _sorted(values, places, legs, query=query, limit=query.limit)
    yield from _given_up(places)
    return legs[: query.limit] if query.limit else legs


def count_walk(store: LegStore, query: Query, scope: Scope) -> Steps[int]:
    """Return what `query.count` does at the first step. O(k), as that; see `walk`."""
    source = plan(store, query, scope).source
    source = Source.ALL if source is Source.ORDER else source  # whatever the limit
    wanted = wanted_text(query) if source in _IN_ORDER else None
    if wanted is not None and _is_worth_searching(store, query, source, wanted):
        places, legs = yield from _searched(store, query, scope, source=source, wanted=wanted)
    else:
        places, legs = yield from _found(store, query, scope, source=source)
    number = len(legs)
    yield from _given_up(places, legs)
    return number


def finish(steps: Steps[T]) -> T:
    """Do all `steps` at once."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: T = done.value
            return result


def _is_worth_searching(store: LegStore, query: Query, source: Source, wanted: Wanted) -> bool:
    """Tell whether finding `wanted` in texts takes less than looking at leg after leg.

    Until a limit is reached, limit / share legs are looked at, 0.3 us each. Of the texts all
    that are found must be looked at, n * share, at four times that.
    """
    texts = store.texts.get(wanted.fields)
    if texts is None:
        return True
    share = texts.share(wanted.text, wanted.match)
    if source is Source.ORDER:
        return 4 * len(store) * share * share <= query.limit
    return share <= _FREQUENT


def _searched(
    store: LegStore, query: Query, scope: Scope, *, source: Source, wanted: Wanted
) -> Steps[_Columns]:
    """Return the legs that `query` finds where texts are `wanted`; with a limit, the first."""
    tests = tests_of(query, scope, source)
    with Moment(store) as moment:
        if source is Source.ORDER and wanted.fields not in store.texts:
            found = yield from _first_steps(store, query, tests)
            if len(found[1]) == query.limit:
                return found
        texts = yield from texts_of(store, wanted.fields)
        keys: dict[Key, None] = {}
        cost = 0
        for some in texts.search(wanted.text, wanted.match):
            keys.update(dict.fromkeys(some))
            cost += 1 + len(some)
            if cost > STEP // 8:
                cost = 0
                yield
        found = yield from _looked_up(moment, tests, keys)
        while keys:
            for _ in range(min(len(keys), STEP)):
                keys.popitem()
            yield
    return found


def _looked_up(moment: Moment, tests: list[Test], keys: dict[Key, None]) -> Steps[_Columns]:
    """Return the legs of `keys`, and of those that changed since `moment`, that pass `tests`."""
    places: list[Place] = []
    legs: list[Leg] = []
    order = iter(keys)
    while some := list(islice(order, STEP)):
        _append(places, legs, keep(tests, *moment.find(some)))
        yield
    looked = 0
    while some := moment.changed(looked, STEP):
        looked += len(some)
        others = [key for key in some if key not in keys]
        _append(places, legs, keep(tests, *moment.find(others)))
        yield
    return places, legs


def _append(places: list[Place], legs: list[Leg], more: _Columns) -> None:
    places += more[0]
    legs += more[1]


def _first_steps(store: LegStore, query: Query, tests: list[Test]) -> Steps[_Columns]:
    """Return what the first steps of a walk in order find, at most the limit."""
    places: list[Place] = []
    legs: list[Leg] = []
    slices = slices_in_order(store, size=STEP, descending=query.descending)
    with closing(slices):
        for some in islice(slices, _STEPS_FIRST):
            _append(places, legs, keep(tests, *some))
            if len(legs) >= query.limit:
                break
            yield
    return places[: query.limit], legs[: query.limit]


def _found(
    store: LegStore, query: Query, scope: Scope, *, source: Source, most: int = 0
) -> Steps[_Columns]:
    """Return the legs that `query` finds in `source`, the first `most` if not 0.

    Their places are there when it takes them to sort.
    """
    tests = tests_of(query, scope, source)
    if source in _IN_ORDER:
        slices = slices_in_order(store, size=STEP, descending=query.descending)
    else:
        slices = slices_of(store, places_of(store, query, scope, source), size=STEP)
    # Each column of 100 000 is another millisecond for the garbage collector.
    needs_places = source not in _IN_ORDER or query.sort == "uniqueid"
    places: list[Place] = []
    legs: list[Leg] = []
    with closing(slices):
        for some_places, some_legs in slices:
            passed_places, passed_legs = keep(tests, some_places, some_legs)
            if needs_places:
                places += passed_places
            legs += passed_legs
            if 0 < most <= len(legs):
                break
            yield
    return places, legs


def _sorted(
    values: list[Any], places: list[Place], legs: list[Leg], *, query: Query, limit: int
) -> Steps[_Columns]:
    """Return `places` and `legs` in the order of `values`, the first `limit` if not 0.

    The three lists are emptied.
    """
    value_of, reverse = values.__getitem__, query.descending
    runs: list[Sequence[int]] = []
    for first in range(0, len(values), STEP):
        run = range(first, min(first + STEP, len(values)))
        runs.append(array("q", sorted(run, key=value_of, reverse=reverse)[: limit or None]))
        yield
    merged = islice(merge(*runs, key=value_of, reverse=reverse), limit or None)
    sorted_places: list[Place] = []
    sorted_legs: list[Leg] = []
    while some := list(islice(merged, STEP)):
        if places:
            sorted_places += map(places.__getitem__, some)
        sorted_legs += map(legs.__getitem__, some)
        yield
    yield from _given_up(values, places, legs)
    return sorted_places, sorted_legs


def _given_up(*columns: list[Any]) -> Steps[None]:
    """Empty `columns`: to let go of 100 000 objects in one go takes 5 ms."""
    for column in columns:
        while column:
            del column[-STEP:]
            yield
