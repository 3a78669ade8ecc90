"""What tests of the real socket share: raw clients, and waiting for what must come."""

import asyncio
import json
import re
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Self

from callstate.web.connection import Connection
from callstate.web.server import Server

Serve = Callable[..., Awaitable[Server]]
"""A fixture that starts a server with keys of `[http]`."""

PATIENCE_SECONDS = 30
HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
REQUEST = HEAD + b"\r\n"


async def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110  # nothing tells us but looking
            await asyncio.sleep(0.005)


def connections(server: Server) -> list[Connection]:
    """Return the connections that are open, as the server knows them."""
    listening = server._runner.server
    assert listening is not None
    found = listening.connections
    assert all(isinstance(each, Connection) for each in found)
    return found  # type: ignore[return-value]  # asserted


class Raw:
    """A client that sends bytes as they are. An asynchronous context manager.

    `receive_bytes` makes the kernel's buffer small, so that not reading is felt soon.
    """

    def __init__(self, server: Server, *, receive_bytes: int = 0, tls: Any = None) -> None:
        self._port = server.port
        self._receive_bytes = receive_bytes
        self._tls = tls
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        client = socket.socket()
        client.setblocking(False)
        if self._receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_bytes)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", self._port))
        name = "localhost" if self._tls else None
        self.reader, self.writer = await asyncio.open_connection(
            sock=client, limit=1 << 16, ssl=self._tls, server_hostname=name
        )
        if self._receive_bytes:
            self.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it can read
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.writer.transport.abort()

    def send(self, data: bytes) -> None:
        """Send `data`, or what is left of the connection."""
        self.writer.write(data)

    async def answer(self) -> tuple[int, Any]:
        """Return the status and the body of the next answer that has a length."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            assert length is not None, head
            body = await self.reader.readexactly(int(length[1]))
        return int(head.split()[1]), json.loads(body)

    async def rest(self) -> bytes:
        """Return what still comes until the server closes, or cuts."""
        received = b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while part := await self.reader.read(1 << 16):
                    received += part
            except ConnectionError:
                pass
        return received
