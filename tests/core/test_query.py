"""Every plan gives what looking at every leg gives, in the one order; nothing else is seen."""

import random
from collections.abc import Iterator
from functools import cmp_to_key
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callstate.core.access import Scope
from callstate.core.index import OrderedView, Place
from callstate.core.model import Leg, uniqueid_order
from callstate.core.query import Match, Plan, Query, Source, count, plan, run
from callstate.core.store import LegStore
from tests.core.legs import CUSTOMERS, MACHINES, NUMBERS, TYPES, UNIQUEIDS, legs, make_leg

replace = msgspec.structs.replace

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
SYSTEM = Scope(customers=None)


def scopes() -> st.SearchStrategy[Scope]:
    customers = st.sampled_from([customer for customer in CUSTOMERS if customer])
    numbers = st.sampled_from([number for number in NUMBERS if number])
    return st.builds(
        Scope,
        customers=st.none() | st.frozensets(customers),
        lines=st.none() | st.none() | st.frozensets(st.tuples(customers, numbers), max_size=3),
    )


def queries() -> st.SearchStrategy[Query]:
    def rarely(strategy: st.SearchStrategy[Any], default: Any) -> st.SearchStrategy[Any]:
        return st.integers(0, 4).flatmap(lambda dice: strategy if dice == 4 else st.just(default))

    texts = rarely(st.sampled_from([number for number in NUMBERS if number]), "")
    types = rarely(st.sampled_from([kind for kind in TYPES if kind]), "")
    matches = st.sampled_from(Match)
    return st.builds(
        Query,
        direction=rarely(st.sampled_from(("in", "out", "internal", "in_out")), ""),
        sort=st.sampled_from(SORTS),
        descending=st.booleans(),
        callername_number=texts,
        callername_match=matches,
        callid=rarely(st.sampled_from(UNIQUEIDS), ""),
        phone=texts,
        stype=types,
        ctype=types,
        dtype=types,
        snumber=texts,
        smatch=matches,
        cnumber=texts,
        cmatch=matches,
        dnumber=texts,
        dmatch=matches,
        machines=rarely(st.frozensets(st.sampled_from((*MACHINES, 9))), frozenset()),
        limit=rarely(st.sampled_from((1, 2, 3)), 0),
    )


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
    found.sort(key=cmp_to_key(lambda one, other: order(query, one, other)))
    return found[: query.limit or None]


def make_store(members: list[Leg]) -> LegStore:
    store = LegStore()
    for leg in members:
        store.put(leg)
    return store


many_legs = st.lists(legs(), max_size=25, unique_by=lambda leg: leg.key)


@pytest.fixture
def no_small_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a store of a few legs take the ways that are meant for many."""
    monkeypatch.setattr("callstate.core.query._SMALL", 1)
    monkeypatch.setattr("callstate.core.query._LIMIT_SHARE", 1)


def check_against_every_leg(members: list[Leg], query: Query, scope: Scope) -> None:
    store = make_store(members)
    assert run(store, query, scope) == expected(members, query, scope)
    whole = expected(members, replace(query, limit=0), scope)
    assert count(store, query, scope) == len(whole)
    assert len(whole) <= plan(store, query, scope).size


@settings(derandomize=True, deadline=None, max_examples=400)
@given(many_legs, queries(), scopes())
def test_every_plan_gives_what_looking_at_every_leg_gives(
    members: list[Leg], query: Query, scope: Scope
) -> None:
    check_against_every_leg(members, query, scope)


@pytest.mark.usefixtures("no_small_sets")
@pytest.mark.parametrize("seed", range(250))
def test_every_plan_of_a_large_store_does_too(seed: int) -> None:
    dice = random.Random(seed)
    members = [random_leg(dice) for _ in range(dice.randrange(120))]
    members = list({leg.key: leg for leg in members}.values())
    for _ in range(8):
        check_against_every_leg(members, random_query(dice), random_scope(dice))


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
        "machines": frozenset(dice.sample(MACHINES, 2)),
        "direction": dice.choice(("in", "out")),
    }
    chosen = dice.sample(sorted(wanted), dice.randrange(3))
    matches: dict[str, Any] = {
        name: dice.choice(list(Match)) for name in ("smatch", "cmatch", "dmatch")
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


@settings(derandomize=True, deadline=None, max_examples=200)
@given(many_legs, queries(), scopes())
def test_legs_outside_the_scope_change_nothing(
    members: list[Leg], query: Query, scope: Scope
) -> None:
    visible = [leg for leg in members if is_visible(leg, scope)]
    everything, own = make_store(members), make_store(visible)
    assert run(everything, query, scope) == run(own, query, scope)
    assert count(everything, query, scope) == count(own, query, scope)


@pytest.mark.parametrize("sort", SORTS)
def test_descending_is_the_whole_order_reversed(sort: str) -> None:
    dice = random.Random(sort)
    store = make_store([random_leg(dice) for _ in range(60)])
    ascending = run(store, Query(sort=sort), SYSTEM)
    assert run(store, Query(sort=sort, descending=True), SYSTEM) == ascending[::-1]
    for scope in (SYSTEM, Scope(customers=frozenset({1}))):
        whole = run(store, Query(sort=sort), scope)
        limited = [run(store, Query(sort=sort, limit=limit), scope) for limit in (1, 7, 999)]
        assert limited == [whole[:1], whole[:7], whole]


def crowded_store() -> LegStore:
    """Return a store of 400 legs: 10 of customer 7, a fifth on machine 2, the rest alike."""
    store = LegStore()
    for number in range(400):
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


SEVEN = Scope(customers=frozenset({7}))
EIGHT = Scope(customers=frozenset({8}))


@pytest.mark.parametrize(
    ("query", "scope", "source", "size"),
    [
        (Query(), SEVEN, Source.CUSTOMERS, 10),
        (Query(), Scope(customers=frozenset()), Source.CUSTOMERS, 0),
        (Query(), Scope(customers=frozenset(range(20, 99)) | {7}), Source.CUSTOMERS, 10),
        (Query(), EIGHT, Source.ALL, 400),
        (Query(limit=5), EIGHT, Source.ORDER, 400),
        (Query(limit=5, descending=True), SYSTEM, Source.ORDER, 400),
        (Query(limit=5, sort="peer"), SYSTEM, Source.ALL, 400),
        (Query(limit=5, count=True), SYSTEM, Source.ALL, 400),
        (Query(callid="1000000100.3"), EIGHT, Source.CALLID, 2),
        (Query(callid="1000000100.3"), SYSTEM, Source.CALLID, 2),
        (Query(phone="12"), SEVEN, Source.PHONE, 3),
        (Query(snumber="12", smatch=Match.EXACT), SEVEN, Source.SNUMBER, 3),
        (Query(snumber="12"), SEVEN, Source.CUSTOMERS, 10),
        (Query(cnumber="01", cmatch=Match.EXACT), SYSTEM, Source.CNUMBER, 1),
        (Query(cnumber="01", cmatch=Match.START), SYSTEM, Source.ALL, 400),
        (Query(dnumber="21", dmatch=Match.EXACT), SYSTEM, Source.DNUMBER, 1),
        (Query(machines=frozenset({2})), SYSTEM, Source.MACHINES, 80),
        (Query(machines=frozenset({1, 2})), SYSTEM, Source.ALL, 400),
        (Query(machines=frozenset({9})), SEVEN, Source.MACHINES, 0),
        (Query(), Scope(customers=None, lines=frozenset({(7, "12")})), Source.LINES, 3),
        (Query(), Scope(customers=None, lines=frozenset()), Source.LINES, 0),
    ],
)
def test_a_plan_takes_the_smallest_set(
    query: Query, scope: Scope, source: Source, size: int
) -> None:
    assert plan(crowded_store(), query, scope) == Plan(source, size)


def test_a_limit_of_everything_stops_where_it_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    store, seen = crowded_store(), list[Place]()
    walk = store.ordered.walk

    def watched(*, descending: bool) -> Iterator[Place]:
        for place in walk(descending=descending):
            seen.append(place)
            yield place

    monkeypatch.setattr(OrderedView, "walk", lambda _, **how: watched(**how))
    assert len(run(store, Query(limit=5), EIGHT)) == 5
    assert len(seen) == 64
    assert len(run(store, Query(limit=5, dnumber="2399"), EIGHT)) == 1
    assert len(seen) == 64 + 400
