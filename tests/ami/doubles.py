"""Test doubles of this folder: a sink that remembers, a server that does what a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from types import TracebackType
from typing import Self

import msgspec

from callstate.ami.connection import AmiConnection, Session
from callstate.ami.decode import END
from callstate.config import Ami, Machine

BANNER = b"Asterisk Call Manager/11.0.0\r\n"

# So patient that nothing runs out of time while a busy machine runs a test, in no hurry to ping.
PATIENT = Ami(
    connect_seconds=20,
    action_seconds=20,
    ping_seconds=60,
    silence_seconds=60,
    retry_seconds=0.001,
    retry_limit_seconds=0.001,
)


class RecordingSink:
    """Remembers what it was told, in order; `fail_on` makes it raise on such a message."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []
        self.messages: list[bytes] = []
        self.times: list[float] = []
        self.fail_on = b""

    def opened(self, version: str) -> None:
        self.log.append(("opened", version))

    def received(self, whole: bytes, at: float) -> None:
        messages = whole.split(END)[:-1]
        self.messages += messages
        self.times.append(at)
        if self.fail_on and any(self.fail_on in raw for raw in messages):
            raise RuntimeError("a bug in the sink")

    def closed(self, reason: str) -> None:
        self.log.append(("closed", reason))

    def failed(self, reason: str) -> None:
        self.log.append(("failed", reason))

    def has(self, number: int) -> bool:
        """Return whether it received so many events."""
        return len(self.events) == number

    @property
    def events(self) -> list[bytes]:
        """What was received apart from responses."""
        return [raw for raw in self.messages if raw.startswith(b"Event: ")]

    def count(self, what: str) -> int:
        """How often it was told `what`."""
        return sum(kind == what for kind, _ in self.log)


class Peer:
    """One client of a scripted server, as the script sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        """Send these bytes, in one piece if they are short."""
        self._writer.write(data)

    def reply(self, action: dict[str, str], *lines: str) -> None:
        """Send a message with these lines and the ActionID of `action` behind the first."""
        first, *rest = lines
        text = "\r\n".join([first, f"ActionID: {action['ActionID']}", *rest])
        self.send(text.encode() + END)

    async def action(self) -> dict[str, str]:
        """Return the next action, a header by its name."""
        raw = await self.raw_action()
        return dict(line.split(": ", 1) for line in raw.decode().strip().split("\r\n"))

    async def raw_action(self) -> bytes:
        """Return the bytes of the next action."""
        return await self._reader.readuntil(END)

    async def log_in(self) -> None:
        """Greet, and accept whoever comes."""
        self.send(BANNER)
        self.reply(await self.action(), "Response: Success", "Challenge: 42")
        self.reply(await self.action(), "Response: Success", "Message: Authentication accepted")

    async def wait_closed(self) -> None:
        """Return when the client is gone."""
        with suppress(ConnectionError):
            while await self._reader.read(1 << 16):
                pass

    def drop(self) -> None:
        """End the connection without a word."""
        self._writer.transport.abort()

    def close(self) -> None:
        """End the connection when all is sent."""
        self._writer.close()


Script = Callable[[Peer], Awaitable[None]]


class ScriptedServer:
    """Does with each client in turn what its script says; the last script is repeated."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.accepted = 0
        self.errors: list[BaseException] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        if self.errors and error is None:
            raise self.errors[0]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        script = self._scripts[min(self.accepted, len(self._scripts) - 1)]
        self.accepted += 1
        try:
            await script(Peer(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except Exception as error:
            self.errors.append(error)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def until(condition: Callable[[], object]) -> None:
    """Return when `condition` holds, at the latest after so long that it never would."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  # many things are waited for, none has an event
            await asyncio.sleep(0)


async def idle(_connection: AmiConnection) -> None:
    """A session that wants nothing."""


def make_connection(
    port: int,
    sink: RecordingSink,
    session: Session = idle,
    *,
    ami: Ami = PATIENT,
    machine: Machine | None = None,
    clock: Callable[[], float] = lambda: 1.5,
) -> AmiConnection:
    """Return a connection to the server at `port`, not yet running."""
    machine = machine or Machine(id=3, username="callstate", secret="s3cret")
    return AmiConnection(
        msgspec.structs.replace(machine, port=port),
        ami,
        sink=sink,
        session=session,
        clock=clock,
        random=Random(1),
    )


@asynccontextmanager
async def running(connection: AmiConnection) -> AsyncIterator[asyncio.Task[None]]:
    """Run `connection` inside; its end is waited for."""
    task = asyncio.create_task(connection.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def against(
    *scripts: Script, sink: RecordingSink, session: Session = idle, ami: Ami = PATIENT
) -> AsyncIterator[AmiConnection]:
    """Run a connection to a scripted server inside."""
    async with ScriptedServer(*scripts) as server:
        connection = make_connection(server.port, sink, session, ami=ami)
        async with running(connection):
            yield connection
