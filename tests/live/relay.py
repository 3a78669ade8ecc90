"""Between callstate and an Asterisk: a relay that can see, break, refuse and fall silent."""

import asyncio
import contextlib
import socket
import time
from typing import Any

from tests.live.lab.ami import Headers


class RelayedLink:
    """One connection of callstate's, seen from the middle.

    `received` counts the bytes that Asterisk sent to callstate.
    """

    def __init__(self, n: int, client: asyncio.StreamWriter) -> None:
        self.n = n
        self.received = 0
        self.last = time.monotonic()
        self.first = asyncio.Event()
        self.closed = asyncio.Event()
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._client = client
        self._left: int | None = None

    def send(self, headers: Headers) -> None:
        """Do nothing: callstate asks for its lists by itself."""

    def abort(self) -> None:
        """Break the connection, at once and both ways."""
        self._client.transport.abort()
        self.closed.set()

    def fall_silent(self) -> None:
        """Hold everything back while both ends stay open: a half-open link."""
        self.flowing.clear()

    def break_after(self, size: int) -> None:
        """Pass on `size` more bytes of Asterisk's, then break, wherever in a message that is."""
        self._left = size

    async def pump(self, upstream: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        """Pass on what callstate sends."""
        await self._copy(reader, upstream, counted=False)

    async def fill(self, upstream: asyncio.StreamReader) -> None:
        """Pass on, and count, what Asterisk sends."""
        await self._copy(upstream, self._client, counted=True)

    async def _copy(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, counted: bool
    ) -> None:
        while data := await source.read(65536):
            await self.flowing.wait()
            if counted:
                if self._left is not None:
                    data = data[: self._left]
                    self._left -= len(data)
                self.received += len(data)
                self.last = time.monotonic()
                self.first.set()
            sink.write(data)
            await sink.drain()
            if counted and self._left == 0:
                sink.close()
                self.closed.set()
                return


class Relay:
    """Listens on a port of its own and passes on to `port`; refuses while shut.

    The port stays its own while it is shut: a socket that never listens keeps it from being
    given to somebody's outgoing connection.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._links: list[RelayedLink] = []
        self._number = 0
        self._serving: set[asyncio.Task[Any]] = set()
        self._arrived: asyncio.Queue[RelayedLink] = asyncio.Queue()
        self._claim = socket.socket()
        self._claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._claim.bind(("127.0.0.1", 0))
        self.port: int = self._claim.getsockname()[1]
        self.link: RelayedLink | None = None

    async def open(self) -> None:
        """Listen; nothing when it does already."""
        if self._server is None:
            self._server = await asyncio.start_server(
                self._serve, "127.0.0.1", self.port, reuse_port=True
            )

    def shut(self) -> None:
        """Refuse new connections and break the one there is."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for link in self._links:
            link.abort()
        self._links.clear()

    async def close(self) -> None:
        """Shut, and wait until the last connection is gone."""
        self.shut()
        await asyncio.gather(*self._serving, return_exceptions=True)
        self._claim.close()

    async def next_link(self, limit: float) -> RelayedLink:
        """Return the live connection, or wait for one."""
        while self.link is None or self.link.closed.is_set():
            await asyncio.wait_for(self._arrived.get(), limit)
        return self.link

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a stream's callback is a task"
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        self._number += 1
        self.link = link = RelayedLink(self._number, writer)
        self._links.append(link)
        self._arrived.put_nowait(link)
        halves = [
            asyncio.ensure_future(link.pump(up_writer, reader)),
            asyncio.ensure_future(link.fill(up_reader)),
            asyncio.ensure_future(link.closed.wait()),
        ]
        try:
            await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        finally:
            link.closed.set()
            for half in halves:
                half.cancel()
            for done in await asyncio.gather(*halves, return_exceptions=True):
                if isinstance(done, Exception) and not isinstance(done, OSError):
                    raise done
            for side in (writer, up_writer):
                with contextlib.suppress(OSError):
                    side.close()
