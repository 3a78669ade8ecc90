"""What a query must answer, found by looking at every leg; and random stores, queries, scopes."""

import random
from functools import cmp_to_key, partial
from typing import Any

import msgspec

from callstate.core.access import Scope
from callstate.core.model import Leg, uniqueid_order
from callstate.core.query import Match, Query
from callstate.core.store import LegStore
from tests.core.legs import MACHINES, NUMBERS, TYPES, UNIQUEIDS, make_leg

SORTS = [
    "cnumber",
    "ctype",
    "direction",
    "dnumber",
    "dtype",
    "machine",
    "peer",
    "scustomer",
    "snumber",
    "stype",
    "uniqueid",
    "start",
]


def is_text_match(match: Match, wanted: str, text: str) -> bool:
    wanted, text = wanted.casefold(), text.casefold()
    found = {
        Match.CONTAINS: wanted in text,
        Match.EXACT: wanted == text,
        Match.START: text.startswith(wanted),
        Match.END: text.endswith(wanted),
    }
    return not wanted or found[match]


def is_direction_match(leg: Leg, wanted: str) -> bool:
    is_source_outside = leg.stype in ("external", "peer")
    return {
        "": True,
        "in": leg.direction == "in" or (leg.direction == "out" and is_source_outside),
        "out": leg.direction == "out",
        "internal": leg.direction == "internal",
        "in_out": leg.direction != "internal",
    }[wanted]


def is_visible(leg: Leg, scope: Scope) -> bool:
    is_customers = scope.customers is None or bool(scope.customers & {leg.scustomer, leg.dcustomer})
    own: set[tuple[int, str]] = set()
    if leg.stype == "phone":
        own.add((leg.scustomer, leg.snumber))
    if leg.dtype == "phone":
        own.add((leg.dcustomer, leg.dnumber))
    return is_customers and (scope.lines is None or bool(scope.lines & own))


def is_found(leg: Leg, query: Query) -> bool:
    how = query.callername_match
    return (
        is_direction_match(leg, query.direction)
        and query.callid in ("", leg.callid)
        and (not query.phone or (leg.stype, leg.snumber) == ("phone", query.phone))
        and query.stype in ("", leg.stype)
        and query.ctype in ("", leg.ctype)
        and query.dtype in ("", leg.dtype)
        and is_text_match(query.smatch, query.snumber, leg.snumber)
        and is_text_match(query.cmatch, query.cnumber, leg.cnumber)
        and is_text_match(query.dmatch, query.dnumber, leg.dnumber)
        and (not query.machines or leg.machine in query.machines)
        and (
            is_text_match(how, query.callername_number, leg.callername_internal)
            or is_text_match(how, query.callername_number, leg.callername_external)
        )
    )


def compare(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


def order(query: Query, one: Leg, other: Leg) -> int:
    """Compare two legs as the API page says, word for word."""

    def value(leg: Leg) -> Any:
        if query.sort == "uniqueid":
            return uniqueid_order(leg.uniqueid)
        field = getattr(leg, query.sort)
        return field.casefold() if isinstance(field, str) else field

    def uniqueid(leg: Leg) -> tuple[tuple[int, int], str]:
        return uniqueid_order(leg.uniqueid), leg.uniqueid

    result = (
        compare(value(one), value(other))
        or compare(one.start, other.start)
        or compare(uniqueid(one), uniqueid(other))
        or compare(one.machine, other.machine)
    )
    return -result if query.descending else result


def expected(members: list[Leg], query: Query, scope: Scope) -> list[Leg]:
    """Answer `query` by looking at every leg."""
    found = [leg for leg in members if is_visible(leg, scope) and is_found(leg, query)]
    found.sort(key=cmp_to_key(partial(order, query)))
    return found[: query.limit or None]


def make_store(members: list[Leg]) -> LegStore:
    store = LegStore()
    for leg in members:
        store.put(leg)
    return store


def random_leg(dice: random.Random) -> Leg:
    start = 1000000100 + dice.randrange(4)
    fields = ("snumber", "cnumber", "dnumber", "callername_internal", "callername_external")
    return make_leg(
        f"{start}.{dice.randrange(20)}",
        machine=dice.choice(MACHINES),
        start=start,
        callid=dice.choice(UNIQUEIDS),
        scustomer=dice.randrange(8),
        dcustomer=dice.randrange(8),
        peer=dice.randrange(3),
        direction=dice.choice(("in", "out", "internal")),
        **{field: dice.choice(NUMBERS) for field in fields},
        **{field: dice.choice(TYPES) for field in ("stype", "ctype", "dtype")},
    )


def random_query(dice: random.Random) -> Query:
    wanted: dict[str, Any] = {
        "callid": dice.choice(UNIQUEIDS),
        "phone": dice.choice(NUMBERS),
        "snumber": dice.choice(NUMBERS),
        "cnumber": dice.choice(NUMBERS),
        "dnumber": dice.choice(NUMBERS),
        "dtype": dice.choice(TYPES),
        "callername_number": dice.choice(NUMBERS),
        "machines": frozenset(dice.sample(MACHINES, 2)),
        "direction": dice.choice(("in", "out")),
    }
    chosen = dice.sample(sorted(wanted), dice.randrange(3))
    matches: dict[str, Any] = {
        name: dice.choice(list(Match))
        for name in ("smatch", "cmatch", "dmatch", "callername_match")
    }
    return Query(
        sort=dice.choice(("start", dice.choice(SORTS))),
        descending=dice.random() < 0.5,
        limit=dice.choice((0, 1, 5, 50)),
        **matches,
        **{name: wanted[name] for name in chosen},
    )


def random_scope(dice: random.Random) -> Scope:
    customers = frozenset(dice.sample(range(1, 30), dice.choice((0, 1, 2, 29))))
    lines = {(dice.randrange(1, 8), dice.choice(NUMBERS[1:])) for _ in range(3)}
    return Scope(
        customers=dice.choice((None, customers)),
        lines=dice.choice((None, None, frozenset(lines))),
    )


def crowded_store(size: int = 400) -> LegStore:
    """Return a store of `size` legs: 10 of customer 7, a fifth on machine 2, the rest alike."""
    store = LegStore()
    for number in range(size):
        store.put(
            make_leg(
                f"1000000100.{number}",
                machine=2 if number % 5 == 0 else 1,
                start=1000000100,
                callid=f"1000000100.{number // 2}",
                scustomer=7 if number < 10 else 8,
                snumber="12" if number < 3 else "34",
                cnumber=f"0{number}",
                dnumber=f"2{number}",
                stype="phone",
            )
        )
    return store


def disturb(store: LegStore, dice: random.Random) -> None:
    """Change the store: legs come, go, come back, and change in every way that a leg can."""
    for _ in range(dice.randrange(4)):
        members = list(store)
        if not members or dice.random() < 0.3:
            store.put(random_leg(dice))
            continue
        leg = dice.choice(members)
        match dice.randrange(4):
            case 0:
                store.remove(leg.key)
            case 1:
                store.remove(leg.key)
                store.put(msgspec.structs.replace(leg, status="hold"))
            case 2:
                store.put(msgspec.structs.replace(leg, start=leg.start + 1, scustomer=5))
            case _:
                number = dice.choice(NUMBERS)
                store.put(msgspec.structs.replace(leg, snumber=number, status="ending"))
        store.check()
