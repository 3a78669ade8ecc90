"""The query run over the legs that its plan names, filtered and put in order.

No function here works without a scope. The order is total: what `sort` names, then start,
uniqueid, machine (a `Place`). Sorting is stable, so legs are put in the order of their places
first, and the ordered view has them so.

`run` and `count` answer in one go. `run_short` and `count_short` do so where that is quick;
where it is not, `walk` gives the same answer in steps.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import nlargest, nsmallest
from itertools import compress, islice
from operator import attrgetter
from typing import Any

from callstate.core.access import Scope
from callstate.core.fetch import fetch_places
from callstate.core.filters import (
    Test,
    customers_test,
    direction_test,
    either_test,
    equal_test,
    lines_test,
    machines_test,
    text_test,
)
from callstate.core.index import Place
from callstate.core.model import Leg
from callstate.core.plan import (
    SMALL,
    Source,
    places_of,
    repeats,
)
from callstate.core.plan import (
    Match as Match,
)
from callstate.core.plan import (
    Plan as Plan,
)
from callstate.core.plan import (
    Query as Query,
)
from callstate.core.plan import (
    plan as plan,
)
from callstate.core.store import LegStore

# So many legs are looked at and sorted within a millisecond (2-core VM, 2026-11).
SHORT = 1000

# Below one in eight a heap is faster than sorting everything.
_LIMIT_SHARE = 8

_NUMBER_SORTS = frozenset({"machine", "peer", "scustomer"})

# Each with the parameter that says how it is compared.
_NUMBERS = (("snumber", "smatch"), ("cnumber", "cmatch"), ("dnumber", "dmatch"))


def run(store: LegStore, query: Query, scope: Scope) -> list[Leg]:
    """Return the legs in `scope` that `query` finds, sorted, at most `limit`.

    O(k log k), k = size of the plan; O(n) when that is all legs.
    """
    chosen = plan(store, query, scope)
    if chosen.source is Source.ORDER:
        walk = store.ordered.walk(descending=query.descending)
        return _first(walk, query, tests_of(query, scope, chosen.source), most=chosen.size)
    return _run(store, query, scope, chosen.source)


def run_short(store: LegStore, query: Query, scope: Scope) -> list[Leg] | None:
    """Return what `run` does if only about `SHORT` legs must be looked at, else None.

    In another order than by start that takes somebody who asked for it lately: see `demand`.
    """
    chosen = plan(store, query, scope)
    if chosen.source is Source.ORDER:
        walk = store.ordered.walk(descending=query.descending)
        found = _first(walk, query, tests_of(query, scope, chosen.source), most=SHORT)
        return found if len(found) == query.limit or chosen.size <= SHORT else None
    if chosen.size <= SHORT:
        return _run(store, query, scope, chosen.source)
    return _first_of_window(store, query, scope) if chosen.source is Source.ALL else None


def count(store: LegStore, query: Query, scope: Scope) -> int:
    """Return how many legs in `scope` `query` finds, whatever its limit. O(k), as `run`."""
    return _count(store, query, scope, plan(store, query, scope).source)


def count_short(store: LegStore, query: Query, scope: Scope) -> int | None:
    """Return what `count` does if at most `SHORT` legs must be looked at, else None."""
    chosen = plan(store, query, scope)
    if chosen.size > SHORT and not _is_everything(query, scope, chosen.source):
        return None
    return _count(store, query, scope, chosen.source)


def sort_values(query: Query, places: Sequence[Place], legs: Sequence[Leg]) -> list[Any]:
    """Return what `query` sorts by, for each of `legs`, which are in `places`."""
    if query.sort == "start":
        return list(places)
    if query.sort == "uniqueid":
        return [(place.epoch, place.counter) for place in places]
    if query.sort in _NUMBER_SORTS:
        return list(map(attrgetter(query.sort), legs))
    return list(map(str.casefold, map(attrgetter(query.sort), legs)))


def keep(tests: list[Test], places: list[Place], legs: list[Leg]) -> tuple[list[Place], list[Leg]]:
    """Return those `places` and `legs`, side by side, that pass all `tests`."""
    for test in tests:
        passed = test(legs)
        places = list(compress(places, passed))
        legs = list(compress(legs, passed))
    return places, legs


def tests_of(query: Query, scope: Scope, source: Source) -> list[Test]:
    """Return what a leg of `source` must still pass: everything that `source` does not ensure."""
    tests: list[Test] = []
    if scope.customers is not None and source is not Source.CUSTOMERS:
        tests.append(customers_test(scope.customers))
    if scope.lines is not None:
        tests.append(lines_test(scope.lines))
    if query.machines and source is not Source.MACHINES:
        tests.append(machines_test(query.machines))
    if query.phone:
        tests += equal_test("stype", "phone"), equal_test("snumber", query.phone)
    for field in ("callid", "stype", "ctype", "dtype"):
        wanted = getattr(query, field)
        if wanted and field != source:
            tests.append(equal_test(field, wanted))
    return tests + _text_tests(query, source)


def _text_tests(query: Query, source: Source) -> list[Test]:
    tests: list[Test] = []
    for field, match in _NUMBERS:
        wanted = getattr(query, field)
        if wanted and field != source:
            tests.append(text_test(field, wanted, getattr(query, match)))
    if query.callername_number:
        wanted, how = query.callername_number, query.callername_match
        internal = text_test("callername_internal", wanted, how)
        tests.append(either_test(internal, text_test("callername_external", wanted, how)))
    if query.direction:
        tests.append(direction_test(query.direction))
    return tests


def _is_everything(query: Query, scope: Scope, source: Source) -> bool:
    """Tell whether `source` is all legs, and all of them are found."""
    return source is Source.ALL and not tests_of(query, scope, source)


def _count(store: LegStore, query: Query, scope: Scope, source: Source) -> int:
    tests = tests_of(query, scope, source)
    if not tests and source is Source.ALL:
        return len(store)
    places = _places(store, query, scope, source)
    return len(keep(tests, places, _legs(places))[1]) if tests else len(places)


def _run(store: LegStore, query: Query, scope: Scope, source: Source) -> list[Leg]:
    tests = tests_of(query, scope, source)
    places = _places(store, query, scope, source)
    if len(places) <= SHORT:  # what more of them need does not stay in the processor's cache
        fetch_places(places)
    if tests:
        places, _ = keep(tests, places, _legs(places))
    if source is not Source.ALL:
        places = _sorted_places(query, places)
    legs = _legs(places)
    if query.sort != "start":
        values = sort_values(query, places, legs)
        order = sorted(range(len(legs)), key=values.__getitem__, reverse=query.descending)
        legs = [legs[index] for index in order]
    return legs[: query.limit] if query.limit else legs


def _first_of_window(store: LegStore, query: Query, scope: Scope) -> list[Leg] | None:
    """Return the first legs in an order that was asked for lately, None if it was not."""
    window = store.windows.get((query.sort, query.descending))
    if window is None or not query.limit:
        return None
    tests = tests_of(query, scope, Source.ALL)
    found = _first(window.walk(), query, tests, most=SHORT)
    if len(found) < query.limit:
        return None
    window.idle = 0
    return found


def _first(walk: Iterator[Place], query: Query, tests: list[Test], *, most: int) -> list[Leg]:
    """Return the first `limit` legs of `walk` that pass `tests`.

    They are fewer where about `most` legs were looked at, or all.
    """
    found: list[Leg] = []
    looked, size = 0, min(max(query.limit, SMALL), most)
    while len(found) < query.limit and looked < most:
        places = list(islice(walk, size))
        if not places:
            break
        found += keep(tests, places, _legs(places))[1]
        looked += size
        size *= 2
    return found[: query.limit]


def _places(store: LegStore, query: Query, scope: Scope, source: Source) -> list[Place]:
    places = places_of(store, query, scope, source)
    return list(dict.fromkeys(places)) if repeats(scope, source) else places


def _legs(places: Iterable[Place]) -> list[Leg]:
    return [place.leg for place in places]


def _sorted_places(query: Query, places: list[Place]) -> list[Place]:
    """Return `places` in their order; where nothing else sorts, only as many as `limit`."""
    if query.sort == "start" and 0 < query.limit * _LIMIT_SHARE < len(places):
        pick = nlargest if query.descending else nsmallest
        return pick(query.limit, places)
    return sorted(places, reverse=query.descending)
