"""With and without the legs of others, every answer over HTTP is the same, byte for byte.

`CALLSTATE_TENANCY_CASES` sets how many cases are tried.
"""

import os
import random
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from callstate.core.access import Line, User
from callstate.core.directory import Directory
from callstate.core.state import CallState
from callstate.metrics import Metrics
from callstate.web.app import LIST_PATH, PANEL_PATH, build_app
from callstate.web.auth import Authenticator
from callstate.web.connection import HTTP_SETTINGS
from tests.core.legs import make_leg
from tests.core.oracle import make_store
from tests.core.tenants import NUMBERS, World, random_given, random_world
from tests.web.envelope import envelope

CASES = int(os.environ.get("CALLSTATE_TENANCY_CASES", "1000"))
CHUNKS = 10


@pytest.fixture
async def platforms(
    make_directory: Callable[..., Directory], clock: Any, hasher: Any
) -> AsyncIterator[list[tuple[CallState, Any]]]:
    """Two platforms with clients: one to have all legs, one to have the visible ones."""
    pairs = []
    authenticators = []
    for _ in range(2):
        state = CallState(directory=make_directory())
        for machine in (1, 2):
            state.add_machine(machine)
            state.released(machine, clock.now - machine)
        state.ready = True
        users = _users_of(state)
        authenticator = Authenticator(users, clock=clock, hasher=hasher)
        app = build_app(state, authenticator, Metrics(state, version="1"), clock=clock)
        server = TestServer(app)
        await server.start_server(**HTTP_SETTINGS)
        pairs.append((state, TestClient(server)))
        authenticators.append(authenticator)
    yield pairs
    for _, client in pairs:
        await client.close()
    for authenticator in authenticators:
        authenticator.close()


def _users_of(state: CallState) -> Callable[[], Any]:
    return lambda: state.directory.users


def directory_of(world: World, base: Directory) -> Directory:
    """Return the world's directory; everybody has names of his own for every number."""
    lines = {
        f"{customer}/{number}": Line(
            name=f"{customer}/{number}", customer=customer, number=number, channel=""
        )
        for customer, number in world.who.lines
    }
    alice = User(
        name="alice",
        customer=world.who.customer,
        role=world.who.role.name,
        password_hash=base.users["alice"].password_hash,
        lines=tuple(lines),
    )
    names = {
        (customer, number): f"{number} of {customer}"
        for customer in world.parents
        for number in NUMBERS
    }
    return msgspec.structs.replace(
        base,
        customers=world.tree,
        roles={world.who.role.name: world.who.role},
        lines=lines,
        users={"alice": alice},
        names=names,
    )


async def ask(client: Any, path: str, given: dict[str, str], *, post: bool) -> Any:
    """Return all of an answer: status, headers, bytes."""
    query = "" if post else f"?{urlencode(given)}"
    method = "POST" if post else "GET"
    async with client.request(method, path + query, data=given if post else None) as response:
        body = await response.text()
        envelope(body, response.headers, response.status)
        headers = [pair for pair in response.headers.items() if pair[0] != "Date"]
        return response.status, headers, body


@pytest.mark.parametrize("chunk", range(CHUNKS))
async def test_answers_do_not_depend_on_the_legs_of_others(
    platforms: list[tuple[CallState, Any]], make_directory: Any, password: str, chunk: int
) -> None:
    base = make_directory()
    for number in range(chunk, CASES, CHUNKS):
        dice = random.Random(f"http {number}")
        world, given = random_world(dice), random_given(dice)
        visible = [leg for leg in world.legs if world.is_visible(leg)]
        given |= {"auth_username": "alice", "auth_password": password, "customer": world.customer}
        given |= {"recursive": str(int(world.recursive)), "names": dice.choice("01")}
        directory, post, answers = directory_of(world, base), dice.random() < 0.3, []
        for (state, client), legs in zip(platforms, (world.legs, visible), strict=True):
            state.directory, state._store = directory, make_store(legs)
            answers.append(await ask(client, LIST_PATH, given, post=post))
        assert answers[0] == answers[1], number
        hidden = set(world.parents) - seen_customers(world)
        assert not any(f" of {customer}" in answers[0][2] for customer in hidden), number


def seen_customers(world: World) -> set[int]:
    """Return the customers in whose place the user could ask."""
    if world.customer == "system":
        return set(world.parents)
    own = world.who.customer
    return {customer for customer in world.parents if own in world._line_of(customer)}


@pytest.mark.parametrize("chunk", range(CHUNKS))
async def test_panels_do_not_either(
    platforms: list[tuple[CallState, Any]], make_directory: Any, password: str, chunk: int
) -> None:
    base = make_directory()
    for number in range(chunk, CASES // 4, CHUNKS):
        dice = random.Random(f"panel {number}")
        world = random_world(dice)
        given = {"auth_username": "alice", "auth_password": password}
        given |= {"customer": dice.choice(["", *map(str, world.parents), "99", "all", "system"])}
        directory, answers = directory_of(world, base), []
        own = {int(given["customer"])} if given["customer"].isdigit() else {world.who.customer}
        visible = [leg for leg in world.legs if own & {leg.scustomer, leg.dcustomer}]
        for (state, client), legs in zip(platforms, (world.legs, visible), strict=True):
            state.directory, state._store = directory, make_store(legs)
            answers.append(await ask(client, PANEL_PATH, given, post=False))
        assert answers[0] == answers[1], number


async def test_a_long_answer_does_not_either(
    platforms: list[tuple[CallState, Any]], make_directory: Any, password: str
) -> None:
    dice = random.Random("long")
    legs = []
    for number in range(3000):
        for customer in (17, 20):
            leg = random_leg_of(dice, f"1000000000.{number}{customer}", customer)
            legs.append(leg)
    own = [leg for leg in legs if leg.scustomer == 17]
    given = {"auth_username": "alice", "auth_password": password}
    for sort in ("start", "snumber"):
        for more in ({}, {"count": "1"}, {"limit": "1500"}, {"snumber": "0", "descending": "1"}):
            answers = []
            for (state, client), some in zip(platforms, (legs, own), strict=True):
                state._store = make_store(some)
                answers.append(
                    await ask(client, LIST_PATH, given | more | {"sort": sort}, post=False)
                )
            assert answers[0] == answers[1]


def random_leg_of(dice: random.Random, uniqueid: str, customer: int) -> Any:
    number = dice.choice(NUMBERS)
    return make_leg(uniqueid, start=1000000000, scustomer=customer, snumber=number)
