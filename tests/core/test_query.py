"""Every plan gives what looking at every leg gives, in the one order; nothing else is seen."""

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callstate.core.access import Scope
from callstate.core.index import OrderedView, Place
from callstate.core.model import Leg
from callstate.core.query import Match, Query, count, count_short, plan, run, run_short
from tests.core.legs import CUSTOMERS, MACHINES, NUMBERS, TYPES, UNIQUEIDS, legs
from tests.core.oracle import (
    SORTS,
    crowded_store,
    expected,
    is_visible,
    make_store,
    random_leg,
    random_query,
    random_scope,
)

replace = msgspec.structs.replace

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


many_legs = st.lists(legs(), max_size=25, unique_by=lambda leg: leg.key)


@pytest.fixture
def no_small_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a store of a few legs take the ways that are meant for many."""
    monkeypatch.setattr("callstate.core.plan.OWN", 0)
    monkeypatch.setattr("callstate.core.plan.SMALL", 1)
    monkeypatch.setattr("callstate.core.query.SMALL", 1)
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


SEVEN = Scope(customers=frozenset({7}))
EIGHT = Scope(customers=frozenset({8}))


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


@pytest.mark.usefixtures("no_small_sets")
@pytest.mark.parametrize("seed", range(60))
def test_a_short_answer_is_the_answer_or_none(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(seed)
    members = list({leg.key: leg for leg in map(random_leg, [dice] * 60)}.values())
    store, shorts = make_store(members), 0
    monkeypatch.setattr("callstate.core.query.SHORT", 8)
    for _ in range(20):
        query, scope = random_query(dice), random_scope(dice)
        found, number = run_short(store, query, scope), count_short(store, query, scope)
        assert found in (None, run(store, query, scope))
        assert number in (None, count(store, query, scope))
        shorts += found is not None
    assert 0 < shorts < 20


def test_what_is_short() -> None:
    store = crowded_store(4000)
    system = [Query(limit=5), Query(limit=5, descending=True), Query(callid="1000000100.2")]
    assert all(run_short(store, query, SYSTEM) for query in system)
    for query in (Query(), Query(limit=5, sort="peer"), Query(limit=5, dnumber="none")):
        assert run_short(store, query, SYSTEM) is None
    assert run_short(store, Query(), SEVEN)
    assert count_short(store, Query(), SYSTEM) == 4000
    assert count_short(store, Query(snumber="1"), SYSTEM) is None
