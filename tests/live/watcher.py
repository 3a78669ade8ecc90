"""callstate itself, in the test's own loop, watching real machines; and a client that asks it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from callstate import config as configuration
from callstate.config import VARIABLE_FIELDS
from callstate.daemon import Daemon
from tests import administrator
from tests.live.lab.ami import SECRET

LIST = "/api/json/calls/active/list"
# The lab's dialplan keeps a field in the variable `cs_<field>`. `callid` is left to
# callstate, so that what it makes of a call can be compared.
VARIABLES = {
    field: f"cs_{field}" for field in VARIABLE_FIELDS if not field.startswith(("call", "sp", "sip"))
}
# Two that no field is for, under fields that nothing else fills: they are compared as well.
WATCHED = VARIABLES | {"callername_external": "CUSTOMER", "callername_internal": "cs_callid"}


class Seat(NamedTuple):
    """Where a machine is found, and as whom."""

    port: int
    user: str = "lab"


def write_config(
    folder: Path,
    seats: Sequence[Seat],
    tables: Mapping[str, Mapping[str, float]],
    variables: Mapping[str, str],
    more: str = "",
) -> Path:
    """Write a directory and a configuration; `seats` are the machines 1, 2 and so on."""
    (folder / "directory.toml").write_text(administrator.directory(), encoding="utf-8")
    lines = [more]
    for name, table in ({"http": {"port": 0}} | dict(tables)).items():
        lines += [f"[{name}]", *(f"{key} = {value}" for key, value in table.items())]
    for machine, seat in enumerate(seats, 1):
        lines += ["[[machine]]", f"id = {machine}", f"port = {seat.port}"]
        lines += [f'username = "{seat.user}"', f'secret = "{SECRET}"']
    lines += ["[variables]", *(f'{key} = "{value}"' for key, value in variables.items())]
    path = folder / "config.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@dataclass(frozen=True)
class Answer:
    """A success: the rows, or what stands for them, and the headers."""

    data: Any
    headers: Mapping[str, str]

    @property
    def as_of(self) -> float:
        return float(self.headers["Callstate-As-Of"])

    @property
    def stale(self) -> str:
        """What is said to be out of step; empty when nothing is."""
        return self.headers.get("Callstate-Stale", "")


async def ask(client: aiohttp.ClientSession, port: int, **more: str) -> Answer:
    """Ask for the legs of the whole system, as its owner."""
    who = {"auth_username": "root", "auth_password": administrator.PASSWORD, "customer": "system"}
    async with client.get(f"http://127.0.0.1:{port}{LIST}", params=who | more) as answer:
        assert answer.status == 200, await answer.text()
        told = await answer.json()
        assert told["responses"] == [{"code": "200", "key": "", "message": "OK"}]
        return Answer(told["data"], dict(answer.headers))


@dataclass
class Watcher:
    """A running daemon. `outages`: for each machine, how long it was out of step each time."""

    daemon: Daemon
    client: aiohttp.ClientSession
    outages: dict[int, list[float]] = field(default_factory=dict)

    async def ask(self, **more: str) -> Answer:
        return await ask(self.client, self.daemon.port, **more)

    async def rows(self, machine: int) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await self.ask(machines=str(machine))).data
        return rows

    async def warm_up(self) -> None:
        """Ask once: the first time the password is hashed, which takes a busy host a second."""
        await until(lambda: self.daemon.state.ready)
        await self.ask()

    def in_step(self, machine: int) -> bool:
        return self.daemon.state.statuses()[machine - 1].in_step

    async def note_outages(self) -> None:
        """Look, for ever, who is out of step; what came before the first time is no outage."""
        since: dict[int, float | None] = {}
        while True:
            for status in self.daemon.state.statuses():
                began = since.get(status.machine)
                if status.in_step:
                    since[status.machine] = None
                    if began is not None:
                        took = time.monotonic() - began
                        self.outages.setdefault(status.machine, []).append(took)
                elif status.machine in since and began is None:
                    since[status.machine] = time.monotonic()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def watching(
    folder: Path,
    seats: Sequence[Seat],
    tables: Mapping[str, Mapping[str, float]],
    variables: Mapping[str, str] = WATCHED,
) -> AsyncIterator[Watcher]:
    """Run callstate on the machines in `seats`; `tables` are tables of its configuration."""
    daemon = Daemon(configuration.load(write_config(folder, seats, tables, variables)))
    running = asyncio.create_task(daemon.run())
    async with aiohttp.ClientSession() as client:
        watcher = Watcher(daemon, client)
        noting = asyncio.create_task(watcher.note_outages())
        try:
            yield watcher
        finally:
            noting.cancel()
            daemon.stop()
            await asyncio.gather(noting, return_exceptions=True)
            await running


async def until(condition: Callable[[], bool], limit: float = 20) -> None:
    """Return as soon as `condition` holds."""
    async with asyncio.timeout(limit):
        while not condition():  # noqa: ASYNC110  # nothing tells us but looking
            await asyncio.sleep(0.01)
