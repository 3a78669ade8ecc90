"""A callstate in a process of its own, as an operator starts it, and what a supervisor hears."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 60
RUN = ("-m", "callstate", "run")


async def until(condition: Callable[[], object]) -> None:
    """Return when `condition` holds, at the latest after so long that it never would."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110  # nothing tells us but looking
            await asyncio.sleep(0.01)


class Process:
    """A running callstate. `records` are its log, `lines` what it said otherwise."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._told = asyncio.Event()
        self.records: list[dict[str, Any]] = []
        self.lines: list[str] = []

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.said('listening')[0]['port']}"

    def said(self, message: str) -> list[dict[str, Any]]:
        """Return the records with this message."""
        return [record for record in self.records if record["message"] == message]

    async def until_said(self, message: str, times: int = 1) -> dict[str, Any]:
        """Return the record with this message once it was said so many times."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.said(message)) < times:
                assert not self._process.stderr.at_eof(), self.lines  # type: ignore[union-attr]
                self._told.clear()
                await self._told.wait()
        return self.said(message)[times - 1]

    def kill(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def reload(self) -> None:
        """Send HUP; return when it says what came of it."""
        ends = ("configuration reloaded", "configuration refused, nothing changed")
        before = sum(len(self.said(end)) for end in ends)
        self.kill(signal.SIGHUP)
        await until(lambda: sum(len(self.said(end)) for end in ends) > before)

    async def ended(self) -> int:
        """Return its exit code, or the signal that ended it as a negative number."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._process.wait()

    async def listen(self) -> None:
        """Take down what it says, until it ends."""
        assert self._process.stderr is not None
        async for raw in self._process.stderr:
            line = raw.decode().rstrip("\n")
            if line.startswith("{"):
                self.records.append(json.loads(line))
            else:
                self.lines.append(line)
            self._told.set()
        self._told.set()


@asynccontextmanager
async def running(
    config: Path, *, environment: Mapping[str, str] | None = None, command: tuple[str, ...] = RUN
) -> AsyncIterator[Process]:
    """Run a callstate inside; it is killed at the end if it still lives."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, *command, "--config", str(config)),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    process = Process(child)
    listening = asyncio.create_task(process.listen())
    try:
        yield process
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
        await listening


class Supervisor:
    """Hears what a process tells systemd, at `address`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.setblocking(False)

    async def until_heard(self, text: str, times: int = 1) -> None:
        """Return once a message with this beginning came so many times."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sum(each.startswith(text) for each in self.heard) < times:
                await self._hear()

    def rest(self) -> None:
        """Hear what is there already."""
        try:
            while True:
                self.heard.append(self._socket.recv(4096).decode())
        except BlockingIOError:
            return

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    async def _hear(self) -> None:
        loop = asyncio.get_running_loop()
        self.heard.append((await loop.sock_recv(self._socket, 4096)).decode())
