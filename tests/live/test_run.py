"""`callstate run` as an operator starts it: a process, two releases, asked over HTTP."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.live.conftest import RELEASES, StartServer
from tests.live.lab.sip import Call
from tests.live.live import LiveLab
from tests.live.watcher import VARIABLES, Seat, ask, write_config

pytestmark = pytest.mark.live

MORE = """
[peers]
carrier-a = 501
carrier-b = 502
[groups]
in-17 = 17
out-23 = 23
"""
FIRST_WORDS_SECONDS = 30

Rows = list[dict[str, Any]]


class Process:
    """A running `callstate run`; `log` holds what it logged so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.log: list[dict[str, Any]] = []

    async def until_logged(self, message: str) -> dict[str, Any]:
        """Read on to the line with `message`."""
        assert self._process.stderr is not None
        async with asyncio.timeout(FIRST_WORDS_SECONDS):
            while line := await self._process.stderr.readline():
                self.log.append(json.loads(line))
                if self.log[-1]["message"] == message:
                    return self.log[-1]
        raise AssertionError(f"never said {message!r}: {self.log}")

    async def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        _, rest = await asyncio.wait_for(self._process.communicate(), FIRST_WORDS_SECONDS)
        self.log += [json.loads(line) for line in rest.splitlines()]
        assert self._process.returncode is not None
        return self._process.returncode


@asynccontextmanager
async def _running(config: Path) -> AsyncIterator[Process]:
    process = Process(
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "callstate", "run", "--config", config),
            stderr=asyncio.subprocess.PIPE,
        )
    )
    try:
        yield process
    finally:
        await process.stop()


async def _rows_when(
    asked: Callable[[], Awaitable[Rows]], condition: Callable[[Rows], bool]
) -> Rows:
    """Poll, as a wallboard does, until `condition` holds."""
    rows: Rows = []
    try:
        async with asyncio.timeout(5):
            while not condition(rows := await asked()):  # noqa: ASYNC110  # nothing tells us
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"never so: {rows}") from None
    return rows


async def _calls(lab: LiveLab) -> list[Call]:
    """Make a call from a carrier to a phone of 17, and one from a phone of 23 to the outside."""
    coming, _ = await lab.pair("carrier-a", "31170101", "c17-101", num="0031205550001")
    going = lab.ua.invite("c23-102", "00031205550002")
    await lab.ua.wait("carrier-a")
    return [coming, going]


@pytest.mark.parametrize("channelvars", [True, False], ids=["channelvars", "no channelvars"])
async def test_calls_on_two_releases_are_listed_while_they_last(
    start_server: StartServer, tmp_path: Path, *, channelvars: bool
) -> None:
    async with AsyncExitStack() as stack:
        labs = []
        for release in RELEASES:
            server = start_server(release, channelvars=channelvars)
            labs.append(await stack.enter_async_context(LiveLab(server)))
            await labs[-1].clear()
        seats = [Seat(lab.server.ami_port) for lab in labs]
        config = write_config(tmp_path, seats, {}, VARIABLES | {"callid": "cs_callid"}, MORE)
        process = await stack.enter_async_context(_running(config))
        client = await stack.enter_async_context(aiohttp.ClientSession())
        port = (await process.until_logged("listening"))["port"]
        await process.until_logged("ready")

        async def asked(**more: str) -> Rows:
            rows: Rows = (await ask(client, port, **more)).data
            return rows

        assert await asked() == []
        calls = [call for lab in labs for call in await _calls(lab)]
        rows = await _rows_when(asked, lambda rows: _statuses(rows) == WANTED)
        for machine in (1, 2):
            _check_rows([row for row in rows if row["machine"] == machine])
            of_it = await asked(machines=str(machine))
            assert of_it == [row for row in rows if row["machine"] == machine]
        assert len(await asked(direction="out")) == 4
        assert (await ask(client, port, count="1")).data == {"count": 8}
        for call in calls:
            call.hangup()
        await _rows_when(asked, lambda rows: rows == [])
        assert await process.stop() == 0
    assert {line["level"] for line in process.log} == {"info"}, process.log
    assert process.log[-1]["message"] == "stopped"


# What the two calls of each machine look like once both are where they get to.
WANTED = {
    ("PJSIP/carrier-a", "answer"): 2,
    ("PJSIP/c17-101", "answer"): 2,
    ("PJSIP/c23-102", "ringing"): 2,
    ("PJSIP/carrier-a", "ringing"): 2,
}


def _statuses(rows: Rows) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        one = (row["channel"].rpartition("-")[0], row["status"])
        found[one] = found.get(one, 0) + 1
    return found


def _check_rows(rows: Rows) -> None:
    """The platform's variables say what the calls are, whether events show them or not."""
    coming = [row for row in rows if row["dcustomer"] == 17]
    going = [row for row in rows if row["scustomer"] == 23]
    assert len(coming) == len(going) == 2
    for row in coming:
        shown = {key: row[key] for key in ("snumber", "cnumber", "dnumber", "dtype", "direction")}
        assert shown == {
            "snumber": "0031205550001",
            "cnumber": "31170101",
            "dnumber": "101",
            "dtype": "phone",
            "direction": "in",
        }
        assert (row["ingroup"], row["peer"], row["billing_peer"]) == (17, 501, 501)
        assert row["answered"] >= row["start"] > 0
    for row in going:
        shown = {key: row[key] for key in ("snumber", "cnumber", "dnumber", "stype", "direction")}
        assert shown == {
            "snumber": "102",
            "cnumber": "00031205550002",
            "dnumber": "0031205550002",
            "stype": "phone",
            "direction": "out",
        }
        assert (row["outgroup"], row["peer"], row["answered"]) == (23, 501, 0)
    for call in (coming, going):
        assert len({row["callid"] for row in call}) == 1
    assert coming[0]["callid"] != going[0]["callid"]
