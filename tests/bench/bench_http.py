"""The list over HTTP: beside constant bytes, while events arrive, and when it is very long.

The process is a daemon's: its web server, its connection to a machine, on one loop and one
core. Who asks and who sends events are processes of their own, and share the others.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from statistics import median

import msgspec
import uvloop
from aiohttp import web

from callstate import collector
from callstate.config import Http
from callstate.core.access import Scope
from callstate.core.query import Query
from callstate.core.state import CallState
from callstate.metrics import Metrics
from callstate.web.app import LIST_PATH, build_app
from callstate.web.auth import Authenticator
from callstate.web.server import Server
from tests.bench import crowd, load, machine
from tests.bench.bench_curves import answer
from tests.bench.bench_sync import following, is_in_step
from tests.bench.findings import Finding
from tests.bench.load import Load
from tests.bench.measure import keep_a_core, rounded
from tests.bench.sizes import Size

NAME = "http"

_CLIENTS = 8
# The legs that are asked for are of machines that say nothing meanwhile.
_OTHER_MACHINES = (2, 3, 4, 5)


class Serving(msgspec.Struct):
    """A daemon's web server with legs up, and aiohttp's own that has only a constant."""

    state: CallState
    base: str
    constant: str


class Beat:
    """Measures each turn of the loop, so that nothing that holds it up is missed.

    `longest` is in seconds of processor time: what the machine gives to others is no stall of
    ours. `longest_wall` is what a client would see.
    """

    def __init__(self) -> None:
        self.longest = self.longest_wall = 0.0
        self._going = True
        self._loop = asyncio.get_running_loop()
        self._at, self._at_wall = _cpu(), time.perf_counter()
        self._loop.call_soon(self._turn)

    def stop(self) -> None:
        """End."""
        self._going = False

    def _turn(self) -> None:
        at, at_wall = _cpu(), time.perf_counter()
        self.longest = max(self.longest, at - self._at)
        self.longest_wall = max(self.longest_wall, at_wall - self._at_wall)
        self._at, self._at_wall = at, at_wall
        if self._going:
            self._loop.call_soon(self._turn)


def run(size: Size) -> Iterator[Finding]:
    """Give a finding for each of the three."""
    own = size.name == "taste"
    # The scheduler's choice of who shares a core with whom is not what is measured.
    keep_a_core()
    yield uvloop.run(_against_constant(size, own=own))
    yield uvloop.run(_under_events(size, own=own))
    for legs in size.long_lists:
        yield uvloop.run(_long_list(size, legs))


@asynccontextmanager
async def serving(legs: int, state: CallState) -> AsyncIterator[Serving]:
    """Serve `legs` legs inside, beside what `state` has already."""
    state.use_directory(crowd.directory(legs))
    for number in _OTHER_MACHINES:
        state.add_machine(number)
        state.released(number, time.time())
    for leg in crowd.legs(legs):
        state.store.put(msgspec.structs.replace(leg, machine=leg.machine + 1))
    state.ready = True
    users = state.directory.users
    authenticator = Authenticator(lambda: users, clock=time.monotonic)
    http = Http(port=0)
    server = Server(build_app(state, authenticator, Metrics(state, version="0"), http=http), http)
    runner = web.AppRunner(_constants(_expected(state, legs)), access_log=None)
    await server.start()
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ports = server.port, runner.addresses[0][1]
    collector.collect()  # as the daemon does once its legs are there
    try:
        yield Serving(state, *(f"http://127.0.0.1:{port}{LIST_PATH}" for port in ports))
    finally:
        await runner.cleanup()
        await server.stop()
        authenticator.close()


def _constants(body: bytes) -> web.Application:
    """Return an application that answers `body`: aiohttp and nothing else."""

    async def constant(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json", charset="utf-8")

    app = web.Application()
    app.router.add_get(LIST_PATH, constant)
    return app


def _customer(legs: int) -> int:
    return crowd.customers(legs)[len(crowd.customers(legs)) // 2]


def _expected(state: CallState, legs: int) -> bytes:
    scope = Scope(customers=frozenset({_customer(legs)}))
    return answer(state.store, Query(), scope)


def _query(customer: object) -> str:
    return f"?auth_username={crowd.USER}&auth_password={crowd.PASSWORD}&customer={customer}"


async def _against_constant(size: Size, *, own: bool) -> Finding:
    """Ask as pollers do, with the same bytes each time, and as a proxy does that numbers them."""
    async with load.asking() as clients, serving(size.http_legs, CallState()) as up:
        mine = up.base + _query(_customer(size.http_legs))
        asked = {
            "list": (mine, True),
            "constant": (up.constant, True),
            "list, other bytes each time": (mine, False),
            "constant, other bytes each time": (up.constant, False),
        }
        loads: dict[str, list[Load]] = {name: [] for name in asked}
        cpu: dict[str, list[float]] = {name: [] for name in asked}
        for url, _ in asked.values():
            await clients.ask(url, seconds=size.http_seconds / 8, clients=_CLIENTS, own=own)
        for _ in range(size.rounds):
            for name, (url, alike) in asked.items():
                begin = _cpu()
                found = await clients.ask(
                    url, seconds=size.http_seconds / 2, clients=_CLIENTS, own=own, alike=alike
                )
                cpu[name].append((_cpu() - begin) / found.requests * 1e6)
                loads[name].append(found)
    shares = {
        kind: rounded(100 * median([
            one.rate / other.rate
            for one, other in zip(loads[f"list{kind}"], loads[f"constant{kind}"], strict=True)
        ]))
        for kind in ("", ", other bytes each time")
    }  # fmt: skip
    figures = _figures(loads) | {
        "legs up": size.http_legs,
        "us of CPU a request": {name: rounded(median(some)) for name, some in cpu.items()},
        "percent of constant's CPU": rounded(100 * median(cpu["constant"]) / median(cpu["list"])),
        "percent of constant's rate, other bytes each time": shares[", other bytes each time"],
        "asked by": "own generator" if own else load.generator(),
    }
    return Finding(
        bench=NAME, what="20 legs against constant bytes", figures=figures,
        values={"constant": shares[""]},
    )  # fmt: skip


def _figures(loads: dict[str, list[Load]]) -> dict[str, object]:
    return {
        name: {
            "requests per second": [round(one.rate) for one in some],
            "p50 ms": [rounded(one.median_ms) for one in some],
            "p99 ms": [rounded(one.p99_ms) for one in some],
        }
        for name, some in loads.items()
    }


async def _under_events(size: Size, *, own: bool) -> Finding:
    loads: dict[str, list[Load]] = {"idle": [], "busy": []}
    cpu: dict[str, list[float]] = {"idle": [], "busy": []}
    flows: list[float] = []
    async with (
        load.asking() as clients,
        machine.running(capture=size.captures[0]) as remote,
        following(remote) as watched,
        serving(size.http_legs, watched.state) as up,
    ):
        await _until(lambda: is_in_step(watched.state))
        url = up.base + _query(_customer(size.http_legs))
        await clients.ask(url, seconds=size.http_seconds / 8, clients=_CLIENTS, own=own)
        for _ in range(size.rounds):
            for name in ("idle", "busy"):
                await remote.ask(f"pace {size.event_rate}" if name == "busy" else "rest")
                sent, begin, used = int(await remote.ask("sent")), time.perf_counter(), _cpu()
                seconds = size.http_seconds / 2
                found = await clients.ask(url, seconds=seconds, clients=_CLIENTS, own=own)
                loads[name].append(found)
                cpu[name].append(_cpu() - used)
                sent = int(await remote.ask("sent")) - sent
                if name == "busy":
                    flows.append(sent / (time.perf_counter() - begin))
            await remote.ask("rest")
    pairs = list(zip(loads["busy"], loads["idle"], strict=True))
    return Finding(
        bench=NAME,
        what=f"20 legs under {size.event_rate} events/s",
        figures=_figures(loads)
        | {
            "events per second sent": [round(each) for each in flows],
            "legs up": size.http_legs,
            "us of CPU a request, idle": [
                rounded(seconds / one.requests * 1e6)
                for seconds, one in zip(cpu["idle"], loads["idle"], strict=True)
            ],
            "CPU seconds, idle and busy": [
                [rounded(each) for each in some] for some in cpu.values()
            ],
        },
        values={
            "p99": rounded(median([busy.p99_ms / idle.p99_ms for busy, idle in pairs])),
            "loaded rate": rounded(100 * median([busy.rate / idle.rate for busy, idle in pairs])),
        },
    )


async def _long_list(size: Size, legs: int) -> Finding:
    """Ask for everything, again and again, while events come; watch the loop and the events."""
    stalls: list[float] = []
    walls: list[float] = []
    taken: list[float] = []
    shares: list[float] = []
    async with (
        load.asking() as reader,
        machine.running(capture=size.captures[0]) as remote,
        following(remote, counted=True) as watched,
        serving(legs, watched.state) as up,
    ):
        await _until(lambda: is_in_step(watched.state))
        url = up.base + _query("system")
        await reader.rows(url)
        await remote.ask(f"pace {size.event_rate}")
        await asyncio.sleep(size.http_seconds / 8)
        for _ in range(size.rounds):
            beat, begin = Beat(), time.perf_counter()
            sent, counted = int(await remote.ask("sent")), watched.tap.messages
            rows = await reader.rows(url)
            during, came = int(await remote.ask("sent")) - sent, watched.tap.messages - counted
            beat.stop()
            taken.append(time.perf_counter() - begin)
            stalls.append(beat.longest * 1e3)
            walls.append(beat.longest_wall * 1e3)
            shares.append(100 * came / max(1, during))
            assert rows >= legs, "not all of it"
        await remote.ask("rest")
    return Finding(
        bench=NAME,
        what=f"full list of {legs} legs under {size.event_rate} events/s",
        figures={
            "longest turn of the loop, ms of CPU": [rounded(each) for each in stalls],
            "longest turn of the loop, ms": [rounded(each) for each in walls],
            "seconds until the last byte": [rounded(each) for each in taken],
            "percent of the events sent meanwhile taken in": [rounded(each) for each in shares],
        },
        values={"stall": rounded(median(stalls)), "flow": rounded(min(100.0, median(shares)))},
    )


def _cpu() -> float:
    """Return the seconds of processor time that the process has had."""
    return time.process_time()


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # none of them tells anybody
        await asyncio.sleep(0.005)
