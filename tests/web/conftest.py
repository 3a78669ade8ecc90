"""A small platform: four customers, a user for each kind of role, two machines, four legs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
import uvloop
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher

from callstate.config import Http, HttpLimits
from callstate.core.directory import (
    CustomerRow,
    Directory,
    LineRow,
    NameRow,
    RoleRow,
    UserRow,
    build,
)
from callstate.core.model import Leg
from callstate.core.state import CallState
from callstate.metrics import Metrics
from callstate.web.app import LIST_PATH, build_app
from callstate.web.auth import Authenticator
from callstate.web.connection import HTTP_SETTINGS
from callstate.web.server import Server
from tests.web.envelope import Ask, envelope
from tests.web.wire import Serve

Client = TestClient[web.Request, web.Application]
PASSWORD = "correct horse"
NOW = 1_795_479_300.0


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give the event loops to run a test in: those that its module names in `LOOPS`."""
    module = getattr(item, "module", None)
    return {name: LOOPS[name] for name in getattr(module, "LOOPS", ("asyncio",))}


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class CountingHasher(PasswordHasher):
    """argon2 at its cheapest, which counts what it is asked."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified: list[str | bytes] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:  # noqa: A002 # its name
        self.verified.append(hash)
        return super().verify(hash, password)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hasher() -> CountingHasher:
    return CountingHasher()


@pytest.fixture(scope="session")
def password() -> str:
    """The password of every user who has one."""
    return PASSWORD


@pytest.fixture
def make_directory(hasher: CountingHasher) -> Callable[..., Directory]:
    def make(*, password: str = PASSWORD, disabled: tuple[str, ...] = ()) -> Directory:
        stored = hasher.hash(password)
        users = [
            ("alice", 17, "reports", stored),
            ("owner", 1, "reports", stored),
            ("wide", 17, "wide", stored),
            ("bob", 17, "personal", stored),
            ("wall", 17, "panel", stored),
            ("nina", 17, "none", stored),
            ("empty", 17, "reports", ""),
            ("plain", 17, "reports", password),
            ("broken", 17, "reports", "$argon2id$v=19$broken"),
        ]
        return build(
            customers=[
                CustomerRow(id=1),
                CustomerRow(id=17, parent=1),
                CustomerRow(id=18, parent=17),
                CustomerRow(id=20, parent=1),
            ],
            roles=[
                RoleRow(name="reports", privileges=frozenset({"telephone line reports"})),
                RoleRow(
                    name="wide",
                    privileges=frozenset({"telephone line reports"}),
                    system_wide=True,
                ),
                RoleRow(name="personal", privileges=frozenset({"user"})),
                RoleRow(name="panel", privileges=frozenset({"panel"})),
                RoleRow(name="none"),
            ],
            lines=[LineRow(name="c17-101", customer=17, number="101")],
            users=[
                UserRow(
                    name=name,
                    customer=customer,
                    role=role,
                    password_hash=kept,
                    disabled=name in disabled,
                    lines=("c17-101",) if name == "bob" else (),
                )
                for name, customer, role, kept in users
            ],
            names=[NameRow(customer=17, number="101", name="Reception")],
        )

    return make


@pytest.fixture(scope="session")
def legs() -> list[Leg]:
    """Two legs of customer 17, one of 18, one of 20; oldest first."""
    return [
        Leg(
            machine=1,
            uniqueid="1795479234.1",
            start=1795479234,
            callid="1795479234.1",
            channel="PJSIP/c17-101-00000001",
            callername_internal="Jürgen",
            cnumber="202",
            ctype="phone",
            dnumber="202",
            dtype="phone",
            dcustomer=17,
            scustomer=17,
            snumber="101",
            stype="phone",
            status="answer",
        ),
        Leg(
            machine=1,
            uniqueid="1795479240.2",
            start=1795479240,
            callid="1795479234.1",
            callername_external="Carrier",
            cnumber="+4930555",
            ctype="external",
            dnumber="+4930555",
            dtype="external",
            direction="out",
            peer=9,
            scustomer=17,
            snumber="303",
            stype="queue",
        ),
        Leg(machine=2, uniqueid="1795479250.1", start=1795479250, scustomer=18, snumber="400"),
        Leg(machine=2, uniqueid="1795479260.1", start=1795479260, dcustomer=20, direction="in"),
    ]


@pytest.fixture
def state(make_directory: Callable[..., Directory], legs: list[Leg]) -> CallState:
    state = CallState(directory=make_directory())
    for machine in (1, 2):
        state.add_machine(machine)
        state.released(machine, NOW - machine)
    for leg in legs:
        state.store.put(leg)
    state.ready = True
    return state


@pytest.fixture
def authenticator(
    state: CallState, clock: Clock, hasher: CountingHasher
) -> Iterator[Authenticator]:
    authenticator = Authenticator(lambda: state.directory.users, clock=clock, hasher=hasher)
    yield authenticator
    authenticator.close()


@pytest.fixture
def metrics(state: CallState) -> Metrics:
    return Metrics(state, version="0.1.0")


@pytest.fixture
def app(
    state: CallState, authenticator: Authenticator, metrics: Metrics, clock: Clock
) -> web.Application:
    return build_app(state, authenticator, metrics, clock=clock)


@pytest.fixture
async def serve(
    state: CallState, authenticator: Authenticator, metrics: Metrics, clock: Clock
) -> AsyncIterator[Serve]:
    """Start a server on a free port of loopback, with these keys of `[http]` and its limits."""
    started: list[Server] = []

    async def serve(*, limits: dict[str, Any] | None = None, **keys: Any) -> Server:
        http = Http(limits=HttpLimits(**limits or {}), **{"port": 0} | keys)
        app = build_app(state, authenticator, metrics, http=http, clock=clock)
        server = Server(app, http)
        await server.start()
        started.append(server)
        return server

    yield serve
    for server in started:
        await server.stop()


@pytest.fixture
async def client(app: web.Application) -> AsyncIterator[Client]:
    server = TestServer(app)
    await server.start_server(**HTTP_SETTINGS)
    async with TestClient(server) as client:
        yield client


@pytest.fixture
def fetch(client: Any) -> Ask:
    """Send a request; return its checked body, and its headers under `headers`."""

    async def fetch(path: str = LIST_PATH, *, method: str = "GET", **kwargs: Any) -> Any:
        async with client.request(method, path, **kwargs) as response:
            body = envelope(await response.text(), response.headers, response.status)
            return body | {"headers": response.headers}

    return fetch


@pytest.fixture
def ask(fetch: Ask, password: str) -> Ask:
    """Ask as a user, with parameters."""

    async def ask(user: str = "alice", path: str = LIST_PATH, **given: object) -> Any:
        query = urlencode({"auth_username": user, "auth_password": password} | given)
        return await fetch(f"{path}?{query}")

    return ask
