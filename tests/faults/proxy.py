"""A way to a manager interface that fails as ways do: cut, stalled, slow, lossy, noisy, shut."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

_PIECE = 1 << 16


class Proxy:
    """Passes bytes between clients and the server at `target`; an asynchronous context manager.

    What is set holds for connections to come and, but for `cut_after`, for those that are.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._pipes: set[Pipe] = set()
        self._open = asyncio.Event()
        self._open.set()
        self.port = 0
        self.accepted = 0
        self.cut_after: int | None = None
        self.is_shut = False
        self.is_mute = False
        self.trickles = False
        self.banner = b""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self._open.set()
        while self._pipes:
            self.cut()
            await asyncio.sleep(0)
        await self._server.wait_closed()

    def cut(self) -> None:
        """End every connection without a word."""
        for pipe in self._pipes:
            pipe.abort()

    def stall(self) -> None:
        """Let nothing through in either direction; connections stay, and new ones come."""
        self._open.clear()

    def resume(self) -> None:
        """Let through what was held back."""
        self._open.set()

    def inject(self, data: bytes) -> None:
        """Send bytes of our own to the clients."""
        for pipe in self._pipes:
            pipe.inject(data)

    def lose(self, size: int) -> None:
        """Lose the next bytes of the server."""
        for pipe in self._pipes:
            pipe.to_lose = size

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        cut_after, self.cut_after = self.cut_after, None
        pipe = Pipe(self, reader, writer, cut_after)
        self._pipes.add(pipe)
        try:
            if self.is_shut:
                return
            if self.banner:
                writer.write(self.banner)
            if self.is_mute or self.banner:
                await reader.read()
                return
            await pipe.run(self._target)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._pipes.discard(pipe)
            pipe.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def opening(self) -> None:
        """Return when bytes may pass."""
        await self._open.wait()


class Pipe:
    """One client's connection through the proxy."""

    def __init__(
        self,
        proxy: Proxy,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        cut_after: int | None,
    ) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._cut_after = cut_after
        self._up: asyncio.StreamWriter | None = None
        self.to_lose = 0

    async def run(self, target: int) -> None:
        """Pass bytes both ways until either side ends."""
        down, self._up = await asyncio.open_connection("127.0.0.1", target)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(self._reader, self._up, from_server=False))
                group.create_task(self._pump(down, self._writer, from_server=True))
        except* OSError:
            pass
        finally:
            self._up.transport.abort()
            with suppress(OSError):
                await self._up.wait_closed()

    def abort(self) -> None:
        """End both sides without a word."""
        self._writer.transport.abort()
        if self._up is not None:
            self._up.transport.abort()

    def inject(self, data: bytes) -> None:
        """Send bytes to the client that the server never sent."""
        self._writer.write(data)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_server: bool
    ) -> None:
        while data := await reader.read(_PIECE):
            await self._proxy.opening()
            if from_server:
                data = self._spoil(data)
            for piece in _bytes_of(data) if self._proxy.trickles and from_server else [data]:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if self._cut_after is not None and self._cut_after <= 0:
                # Closed, not aborted: what was let through arrives.
                writer.close()
                raise ConnectionAbortedError
        raise ConnectionAbortedError

    def _spoil(self, data: bytes) -> bytes:
        lost, self.to_lose = min(self.to_lose, len(data)), max(0, self.to_lose - len(data))
        data = data[lost:]
        if self._cut_after is not None:
            data = data[: self._cut_after]
            self._cut_after -= len(data)
        return data


def _bytes_of(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]
