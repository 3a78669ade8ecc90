"""A walk gives, step by step, what the query gave at its first step, whatever happens meanwhile."""

import random

import msgspec
import pytest

from callstate.core.access import Scope
from callstate.core.model import Leg
from callstate.core.plan import Source
from callstate.core.query import Query, count, plan, run
from callstate.core.store import LegStore
from callstate.core.walk import STEP, Steps, count_walk, finish, walk
from tests.core.legs import make_leg
from tests.core.oracle import disturb, make_store, random_leg, random_query, random_scope

SYSTEM = Scope(customers=None)


@pytest.fixture(autouse=True)
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a store of a few legs take many steps, and the ways that are meant for many legs."""
    monkeypatch.setattr("callstate.core.walk.STEP", 3)
    monkeypatch.setattr("callstate.core.demand.STEP", 3)
    monkeypatch.setattr("callstate.core.texts.BLOCK", 4)
    monkeypatch.setattr("callstate.core.plan.OWN", 0)
    monkeypatch.setattr("callstate.core.plan.SMALL", 1)


def random_store(dice: random.Random) -> LegStore:
    members = [random_leg(dice) for _ in range(dice.randrange(80))]
    return make_store(list({leg.key: leg for leg in members}.values()))


def finish_disturbed(steps: Steps[list[Leg]], store: LegStore, dice: random.Random) -> list[Leg]:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return list(done.value)
        disturb(store, dice)


@pytest.mark.parametrize("seed", range(150))
def test_a_walk_gives_what_the_query_gives(seed: int) -> None:
    dice = random.Random(seed)
    store = random_store(dice)
    for _ in range(6):
        query, scope = random_query(dice), random_scope(dice)
        assert finish(walk(store, query, scope)) == run(store, query, scope)
        assert finish(count_walk(store, query, scope)) == count(store, query, scope)


@pytest.mark.parametrize("seed", range(300))
def test_what_happens_meanwhile_does_not_show(seed: int) -> None:
    dice = random.Random(seed)
    store = random_store(dice)
    query, scope = random_query(dice), random_scope(dice)
    before = run(store, query, scope)
    assert finish_disturbed(walk(store, query, scope), store, dice) == before


def test_a_leg_that_goes_and_comes_back_is_shown_as_it_was() -> None:
    store = make_store([random_leg(random.Random(seed)) for seed in range(20)])
    before = run(store, Query(), SYSTEM)
    steps = walk(store, Query(), SYSTEM)
    next(steps)
    for leg in before:
        store.put(msgspec.structs.replace(leg, status="hold"))
        store.remove(leg.key)
        store.put(msgspec.structs.replace(leg, status="ending"))
    assert finish(steps) == before


def test_the_walk_listens_only_while_it_looks() -> None:
    store = make_store([random_leg(random.Random(seed)) for seed in range(20)])
    for steps in (walk(store, Query(sort="snumber"), SYSTEM), walk(store, Query(), SYSTEM)):
        next(steps)
        assert store._subscribers
        steps.close()
        assert not store._subscribers
    steps = walk(store, Query(sort="snumber"), SYSTEM)
    looking = 0
    for _ in steps:
        looking += bool(store._subscribers)
    assert looking == -(-len(store) // 3) + 1


def test_a_limit_ends_the_walk_where_it_is_reached() -> None:
    store = make_store([random_leg(random.Random(seed)) for seed in range(60)])
    whole = sum(1 for _ in walk(store, Query(), SYSTEM))
    assert sum(1 for _ in walk(store, Query(limit=6), SYSTEM)) == 1 < whole


def test_a_leg_with_two_of_the_wanted_customers_is_found_once() -> None:
    own = [make_leg(f"1000000100.{n}", scustomer=n % 2 + 1, dcustomer=2) for n in range(9)]
    others = [make_leg(f"1000000100.{n}", scustomer=3) for n in range(20, 99)]
    store, scope = make_store(own + others), Scope(customers=frozenset({1, 2}))
    assert plan(store, Query(), scope).source is Source.CUSTOMERS
    assert finish(walk(store, Query(), scope)) == own
    assert finish(count_walk(store, Query(), scope)) == len(own)


def test_a_step_is_a_thousand_legs() -> None:
    assert STEP == 1000
