"""Nobody is answered by what he may not see: with and without the legs of others, all is equal.

`CALLSTATE_TENANCY_CASES` sets how many cases are tried.
"""

import os
import random
from typing import Any

import pytest

from callstate.core.access import Scope, authorize
from callstate.core.errors import QueryError
from callstate.core.plan import Source, plan
from callstate.core.query import count, run
from callstate.core.store import LegStore
from callstate.core.walk import count_walk, finish, walk
from tests.core.oracle import make_store
from tests.core.tenants import World, query_of, random_given, random_world

CASES = int(os.environ.get("CALLSTATE_TENANCY_CASES", "4000"))
CHUNKS = 20


def ask(world: World, store: LegStore, given: dict[str, Any]) -> tuple[Any, Scope | None]:
    """Return all that `given` shows of `store`: an error's text, or legs and numbers."""
    try:
        scope = authorize(world.tree, world.who, customer=world.customer, recursive=world.recursive)
    except QueryError as error:
        return (type(error), str(error)), None
    query = query_of(given)
    found, number = run(store, query, scope), count(store, query, scope)
    assert finish(walk(store, query, scope)) == found
    assert finish(count_walk(store, query, scope)) == number
    return (found, number), scope


@pytest.fixture(params=["few", "many"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take the ways for few legs, or those that are meant for many."""
    if request.param == "many":
        monkeypatch.setattr("callstate.core.plan.OWN", 2)
        monkeypatch.setattr("callstate.core.plan.SMALL", 2)
        monkeypatch.setattr("callstate.core.query.SMALL", 2)
        monkeypatch.setattr("callstate.core.walk.STEP", 4)
    return str(request.param)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_legs_outside_the_scope_change_nothing(chunk: int, size: str) -> None:
    for number in range(chunk, CASES // 2, CHUNKS):
        dice = random.Random(f"{size} {number}")
        world, given = random_world(dice), random_given(dice)
        visible = [leg for leg in world.legs if world.is_visible(leg)]
        mixed = dice.sample(world.legs, len(world.legs))
        everything, own = make_store(mixed), make_store(visible)
        answer, scope = ask(world, everything, given)
        assert (answer, scope) == ask(world, own, given), number
        if scope is None:
            continue
        if not scope.customers and scope.customers is not None:
            assert answer == ([], 0)
        if not {"limit", "callid", "machines"} & given.keys() and not set(given) & FILTERS:
            assert answer[1] == len(visible), number
        check_work(everything, own, given, scope, size)


FILTERS = {
    "callername_number", "phone", "direction", "stype", "snumber", "cnumber", "dnumber"
}  # fmt: skip


def check_work(
    everything: LegStore, own: LegStore, given: dict[str, Any], scope: Scope, size: str
) -> None:
    """Assert what the work may depend on: others can make it less, and no more than so much."""
    if scope.customers is None:
        return
    query = query_of(given)
    chosen = plan(everything, query, scope)
    customers = everything.by_customer.count_any(scope.customers)
    if size == "few":
        assert (chosen.source, chosen.size) == (Source.CUSTOMERS, customers)
    assert chosen.size <= 4 * customers
    if scope.lines is None:
        assert customers == own.by_customer.count_any(scope.customers)


@pytest.mark.parametrize("seed", range(50))
def test_a_foreign_customer_and_none_have_one_text(seed: int) -> None:
    dice = random.Random(seed)
    world = random_world(dice)
    texts = set()
    for customer in (*world.parents, 99, 0):
        asked = World(world.parents, world.who, str(customer), world.recursive, world.legs)
        answer, scope = ask(asked, make_store(world.legs), random_given(dice))
        if scope is None:
            texts.add(answer)
    assert len(texts) == 1
