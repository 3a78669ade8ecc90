"""The query: complete and checked, then planned, run and ordered.

`plan` picks the smallest set of legs that holds every answer, from the scope as well as from
the query; all else is a filter over that set. No function here works without a scope.

The order is total: what `sort` names, then start, uniqueid, machine (a `Place`). Sorting is
stable, so legs are put in the order of their places first, and the ordered view has them so.
"""

from collections.abc import Collection, Iterable
from enum import StrEnum
from heapq import nlargest, nsmallest
from itertools import compress, islice
from operator import attrgetter
from typing import Any

import msgspec

from callstate.core.access import Scope
from callstate.core.filters import (
    Match as Match,
)
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
from callstate.core.index import HashIndex, Place
from callstate.core.model import Leg
from callstate.core.store import LegStore, fold


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, apart from by whom: every default applied, nothing left to interpret.

    An empty text means: do not filter by it.
    """

    count: bool = False
    direction: str = ""
    sort: str = "start"
    descending: bool = False
    names: bool = False
    callername_number: str = ""
    callername_match: Match = Match.CONTAINS
    callid: str = ""
    phone: str = ""
    stype: str = ""
    ctype: str = ""
    dtype: str = ""
    snumber: str = ""
    smatch: Match = Match.CONTAINS
    cnumber: str = ""
    cmatch: Match = Match.CONTAINS
    dnumber: str = ""
    dmatch: Match = Match.CONTAINS
    machines: frozenset[int] = frozenset()
    limit: int = 0


class Source(StrEnum):
    """Where a plan takes its legs from."""

    CALLID = "callid"
    LINES = "lines"
    CUSTOMERS = "customers"
    PHONE = "phone"
    SNUMBER = "snumber"
    CNUMBER = "cnumber"
    DNUMBER = "dnumber"
    MACHINES = "machines"
    ALL = "all"
    ORDER = "order"
    """All, by start, and only until the limit is reached."""


class Plan(msgspec.Struct, frozen=True):
    """Which set of legs is looked at, and an upper bound of how many these are."""

    source: Source
    size: int


# A set of at least a quarter of all legs costs more to sort than the ordered view to walk,
# unless it is so small that neither can be measured.
_WEAK_SHARE = 4
_SMALL = 64

# Below one in eight a heap is faster than sorting everything.
_LIMIT_SHARE = 8

_NUMBER_SORTS = frozenset({"machine", "peer", "scustomer"})

# Each with the parameter that says how it is compared.
_NUMBERS = (("snumber", "smatch"), ("cnumber", "cmatch"), ("dnumber", "dmatch"))


def plan(store: LegStore, query: Query, scope: Scope) -> Plan:
    """Return the smallest applicable source of legs. O(c), c = customers, lines and machines."""
    total = len(store)
    best = min(_candidates(store, query, scope), key=attrgetter("size"), default=None)
    if best is not None and (best.size < _SMALL or best.size * _WEAK_SHARE < total):
        return best
    if query.sort == "start" and query.limit and not query.count:
        return Plan(Source.ORDER, total)
    return Plan(Source.ALL, total)


def run(store: LegStore, query: Query, scope: Scope) -> list[Leg]:
    """Return the legs in `scope` that `query` finds, sorted, at most `limit`.

    O(k log k), k = size of the plan; O(n) when that is all legs.
    """
    chosen = plan(store, query, scope)
    tests = _tests(query, scope, chosen.source)
    if chosen.source is Source.ORDER:
        return _walk(store, query, tests)
    places = _places(store, query, scope, chosen.source)
    if tests:
        places, _ = _keep(tests, places, _legs(places))
    if chosen.source is not Source.ALL:
        places = _sorted_places(query, places)
    legs = _legs(places)
    if query.sort != "start":
        legs = _sorted_legs(query, places, legs)
    return legs[: query.limit] if query.limit else legs


def count(store: LegStore, query: Query, scope: Scope) -> int:
    """Return how many legs in `scope` `query` finds, whatever its limit. O(k), as `run`."""
    source = plan(store, query, scope).source
    tests = _tests(query, scope, source)
    if not tests and source in (Source.ALL, Source.ORDER):
        return len(store)
    places = _places(store, query, scope, source)
    if not tests:
        return len(places)
    return len(_keep(tests, places, _legs(places))[1])


def _candidates(store: LegStore, query: Query, scope: Scope) -> list[Plan]:
    found: list[Plan] = []
    if scope.customers is not None:
        size = store.by_customer.count_any(scope.customers)
        found.append(Plan(Source.CUSTOMERS, size))
    if scope.lines is not None:
        numbers = _line_numbers(scope.lines)
        size = store.by_snumber.count_any(numbers) + store.by_dnumber.count_any(numbers)
        found.append(Plan(Source.LINES, size))
    if query.machines:
        found.append(Plan(Source.MACHINES, store.by_machine.count_any(query.machines)))
    for source in _exact_sources(query):
        index, value = _bucket(store, query, source)
        found.append(Plan(source, index.count(value)))
    return found


def _exact_sources(query: Query) -> list[Source]:
    """Return the sources that are one bucket of an index."""
    wanted = (
        (Source.CALLID, query.callid),
        (Source.PHONE, query.phone),
        (Source.SNUMBER, query.snumber if query.smatch is Match.EXACT else ""),
        (Source.CNUMBER, query.cnumber if query.cmatch is Match.EXACT else ""),
        (Source.DNUMBER, query.dnumber if query.dmatch is Match.EXACT else ""),
    )
    return [source for source, value in wanted if value]


def _bucket(store: LegStore, query: Query, source: Source) -> tuple[HashIndex, str]:
    """Return the index and the value in it that an exact `source` is."""
    match source:
        case Source.CALLID:
            return store.by_callid, query.callid
        case Source.PHONE:
            return store.by_snumber, fold(query.phone)
        case Source.SNUMBER:
            return store.by_snumber, fold(query.snumber)
        case Source.CNUMBER:
            return store.by_cnumber, fold(query.cnumber)
        case _:
            return store.by_dnumber, fold(query.dnumber)


def _line_numbers(lines: Collection[tuple[int, str]]) -> frozenset[str]:
    return frozenset([fold(number) for _, number in lines])


def _places(store: LegStore, query: Query, scope: Scope, source: Source) -> Collection[Place]:
    """Return the places that `source` is; all of them in the order that is asked for."""
    match source:
        case Source.ALL | Source.ORDER:
            return list(store.ordered.walk(descending=query.descending))
        case Source.CUSTOMERS:
            assert scope.customers is not None, "planned without customers"
            return store.by_customer.lookup_any(scope.customers)
        case Source.LINES:
            assert scope.lines is not None, "planned without lines"
            numbers = _line_numbers(scope.lines)
            sources = store.by_snumber.lookup_any(numbers)
            return {*sources, *store.by_dnumber.lookup_any(numbers)}
        case Source.MACHINES:
            return store.by_machine.lookup_any(query.machines)
        case _:
            index, value = _bucket(store, query, source)
            return index.lookup(value)


def _legs(places: Iterable[Place]) -> list[Leg]:
    return [place.leg for place in places]


def _walk(store: LegStore, query: Query, tests: list[Test]) -> list[Leg]:
    """Return the first `limit` legs in the order of their places that pass `tests`."""
    found: list[Leg] = []
    walk = store.ordered.walk(descending=query.descending)
    size = max(query.limit, _SMALL)
    while len(found) < query.limit:
        places = list(islice(walk, size))
        if not places:
            break
        found += _keep(tests, places, _legs(places))[1]
        size *= 2
    return found[: query.limit]


def _keep(
    tests: list[Test], places: Collection[Place], legs: list[Leg]
) -> tuple[Collection[Place], list[Leg]]:
    """Return those `places` and `legs`, side by side, that pass all `tests`."""
    for test in tests:
        passed = test(legs)
        places = list(compress(places, passed))
        legs = list(compress(legs, passed))
    return places, legs


def _sorted_places(query: Query, places: Collection[Place]) -> Collection[Place]:
    """Return `places` in their order; where nothing else sorts, only as many as `limit`."""
    if query.sort == "start" and 0 < query.limit * _LIMIT_SHARE < len(places):
        pick = nlargest if query.descending else nsmallest
        return pick(query.limit, places)
    return sorted(places, reverse=query.descending)


def _sorted_legs(query: Query, places: Collection[Place], legs: list[Leg]) -> list[Leg]:
    """Return `legs`, which are in the order of `places`, by what the query sorts by."""
    values: list[Any]
    if query.sort == "uniqueid":
        values = [(place.epoch, place.counter) for place in places]
    elif query.sort in _NUMBER_SORTS:
        values = list(map(attrgetter(query.sort), legs))
    else:
        values = list(map(str.casefold, map(attrgetter(query.sort), legs)))
    order = sorted(range(len(legs)), key=values.__getitem__, reverse=query.descending)
    return [legs[index] for index in order]


def _tests(query: Query, scope: Scope, source: Source) -> list[Test]:
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
