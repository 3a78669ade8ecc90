"""What is asked for, and where its legs are looked for.

`plan` picks the smallest set of legs that holds every answer, from the scope as well as from
the query. Other customers' legs can make that set smaller (nobody talks on a line that is
asked for) but not larger: nothing is looked at for longer than the own legs need, or for
all legs where the own are a quarter of these.
"""

from collections.abc import Collection
from enum import StrEnum
from itertools import chain
from operator import attrgetter

import msgspec

from callstate.core.access import Scope
from callstate.core.filters import Match as Match
from callstate.core.index import HashIndex, Place
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


# So few legs of a scope's customers are always looked at, whatever fewer there may be: what
# the work is then says nothing of other customers' legs. 256 take some 40 µs (2-core VM).
OWN = 256

# A set of at least a quarter of all legs costs more to sort than the ordered view to walk,
# unless it is so small that neither can be measured.
_WEAK_SHARE = 4
SMALL = 64


def plan(store: LegStore, query: Query, scope: Scope) -> Plan:
    """Return the smallest applicable source of legs. O(c), c = customers, lines and machines."""
    own = None if scope.customers is None else store.by_customer.count_any(scope.customers)
    if own is not None and own <= OWN:
        return Plan(Source.CUSTOMERS, own)
    total = len(store)
    best = min(_candidates(store, query, scope, own), key=attrgetter("size"), default=None)
    if best is not None and (best.size < SMALL or best.size * _WEAK_SHARE < total):
        return best
    if query.sort == "start" and query.limit and not query.count:
        return Plan(Source.ORDER, total)
    return Plan(Source.ALL, total)


def places_of(store: LegStore, query: Query, scope: Scope, source: Source) -> list[Place]:
    """Return a copy of the places that `source` is. O(k), at 10 ns a place.

    All of them come in the order that is asked for. From other sources they come in none, and
    one that is filed under two of the wanted values comes twice; `repeats` tells which.
    """
    match source:
        case Source.ALL | Source.ORDER:
            return list(store.ordered.walk(descending=query.descending))
        case Source.CUSTOMERS:
            assert scope.customers is not None, "planned without customers"
            return store.by_customer.gather(scope.customers)
        case Source.LINES:
            assert scope.lines is not None, "planned without lines"
            numbers = _line_numbers(scope.lines)
            return store.by_snumber.gather(numbers) + store.by_dnumber.gather(numbers)
        case Source.MACHINES:
            return list(chain.from_iterable(map(store.of_machine, query.machines)))
        case _:
            index, value = _bucket(store, query, source)
            return list(index.lookup(value))


def repeats(scope: Scope, source: Source) -> bool:
    """Tell whether `places_of` may give a place of `source` twice."""
    if source is Source.CUSTOMERS:
        return scope.customers is not None and len(scope.customers) > 1
    return source is Source.LINES


def _candidates(store: LegStore, query: Query, scope: Scope, own: int | None) -> list[Plan]:
    found: list[Plan] = []
    if own is not None:
        found.append(Plan(Source.CUSTOMERS, own))
    if scope.lines is not None:
        numbers = _line_numbers(scope.lines)
        size = store.by_snumber.count_any(numbers) + store.by_dnumber.count_any(numbers)
        found.append(Plan(Source.LINES, size))
    if query.machines:
        size = sum([len(store.of_machine(machine)) for machine in query.machines])
        found.append(Plan(Source.MACHINES, size))
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
