"""A whole daemon on a socket, to be attacked by many clients at once.

What has to hold, whatever they send: no answer is a server's error, nothing is logged as one,
every connection and task ends, and a good request is answered as before.
"""

import asyncio
import gc
import json
import logging
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from callstate import config
from callstate.ami.playback import Playback
from callstate.daemon import Daemon
from callstate.web.app import LIST_PATH
from callstate.web.auth import hash_password
from tests.fuzz.requests import Attack, attack
from tests.traffic import simple

USER, PASSWORD = "operator", "correct horse"
AT_ONCE = 40
# How many calls are up.
CALLS = 20

_CONFIG = """
[http]
port = 0
[http.limits]
connections_per_client = 300
body_seconds = 0.5
[directory]
reload_seconds = 0
[[machine]]
id = 1
port = {port}
username = "callstate"
secret = "callstate"
[variables]
scustomer = "CUSTOMER"
"""
_DIRECTORY = """
[[customer]]
id = 17
[[role]]
name = "all"
privileges = ["telephone line reports", "panel"]
system_wide = true
[[user]]
name = "{user}"
customer = 17
role = "all"
password_hash = "{hash}"
"""
_GOOD = f"GET {LIST_PATH}?auth_username={USER}&auth_password=correct+horse&customer=system&count=1"
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


class Errors(logging.Handler):
    """Keeps what is logged as an error, whoever logs it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record))


class Target:
    """A running daemon, as its attackers see it, and what is left of them."""

    def __init__(self, daemon: Daemon, errors: Errors) -> None:
        self._daemon = daemon
        self._errors = errors
        self._tasks = len(asyncio.all_tasks())
        self.statuses: dict[int, int] = {}

    async def attack(self, seeds: Iterable[int]) -> None:
        """Let the clients of `seeds` do what they do, some at once; then look at what is left.

        Raises:
            AssertionError: with the seeds of the clients among whom something was wrong.
        """
        waiting = list(seeds)
        while waiting:
            some, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
            found = await asyncio.gather(
                *(self._one(attack(seed, USER, PASSWORD)) for seed in some)
            )
            for seed, statuses in zip(some, found, strict=True):
                assert all(status < 500 for status in statuses), (seed, statuses)
                for status in statuses:
                    self.statuses[status] = self.statuses.get(status, 0) + 1
            await self._settle(some)

    async def crowd(self, size: int) -> None:
        """Let `size` clients connect, say nothing or the half of something, and vanish."""
        writers = []
        for number in range(size):
            _, writer = await asyncio.open_connection("127.0.0.1", self._daemon.port)
            writer.write(
                (b"", b"GET / HT", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx")[number % 3]
            )
            writers.append(writer)
        for writer in writers:
            writer.transport.abort()
        await self._settle([])

    async def blocks(self) -> int:
        """Return how many objects there are."""
        await self._settle([])
        gc.collect()
        return sys.getallocatedblocks()

    async def _settle(self, seeds: list[int]) -> None:
        server = self._daemon._server
        assert server is not None
        listening = server._runner.server
        assert listening is not None
        await _until(lambda: not listening.connections)
        await _until(lambda: len(asyncio.all_tasks()) <= self._tasks)
        assert self._errors.said == [], seeds
        assert await self._good() == 2 * CALLS, seeds

    async def _good(self) -> int:
        request = f"{_GOOD} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._daemon.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return int(json.loads(answer.rpartition(b"\r\n\r\n")[2])["data"]["count"])

    async def _one(self, given: Attack) -> list[int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._daemon.port)
        received = bytearray()
        with suppress(OSError):  # it may be shown the door before it is through
            for piece in given.pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if given.end.startswith("read"):
                await self._some(reader, received)
            if given.end == "abort":
                writer.transport.abort()
            elif given.end == "read then close":
                writer.close()
            else:
                writer.write_eof()
                while part := await reader.read(1 << 16):
                    received += part
        writer.transport.abort()
        return [int(status) for status in _STATUS.findall(received)]

    @staticmethod
    async def _some(reader: asyncio.StreamReader, received: bytearray) -> None:
        """Read what comes while the server is busy with it; not for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                received += await reader.read(1 << 16)


@asynccontextmanager
async def attacked(folder: Path) -> AsyncIterator[Target]:
    """Run a daemon inside that mirrors a machine with some calls up."""
    directory = _DIRECTORY.format(user=USER, hash=hash_password(PASSWORD))
    (folder / "directory.toml").write_text(directory, encoding="utf-8")
    errors = Errors()
    logging.getLogger().addHandler(errors)
    try:
        async with Playback() as machine:
            for number in range(CALLS):
                for _, step in zip(range(4), simple(number), strict=False):
                    for raw in step:
                        machine.emit(raw)
            path = folder / "config.toml"
            path.write_text(_CONFIG.format(port=machine.port), encoding="utf-8")
            daemon = Daemon(config.load(path))
            running = asyncio.create_task(daemon.run())
            await _until(lambda: daemon.state.ready or running.done())
            yield Target(daemon, errors)
            daemon.stop()
            await running
    finally:
        logging.getLogger().removeHandler(errors)


async def _until(condition: Callable[[], object]) -> None:
    """Return when `condition` holds, at the latest after so long that it never would."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # nobody tells of these
            await asyncio.sleep(0.001)
