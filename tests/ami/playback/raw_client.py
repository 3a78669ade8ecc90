"""A manager client that knows nothing but the wire: lines and blank lines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from callstate.ami.playback import Playback

Headers = list[tuple[str, str]]
END = b"\r\n\r\n"


class RawClient:
    """Sends actions, reads messages in the order in which they come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.banner = b""

    async def greet(self) -> None:
        """Read the banner."""
        self.banner = await self._reader.readuntil(b"\r\n")

    def send(self, name: str, **headers: str) -> None:
        """Send an action."""
        lines = [f"Action: {name}", *(f"{key}: {value}" for key, value in headers.items())]
        self.writer.write("\r\n".join(lines).encode("utf-8", "surrogateescape") + END)

    async def message(self) -> Headers:
        """Return the next message, whatever it is."""
        raw = (await self._reader.readuntil(END))[: -len(END)]
        lines = raw.decode("utf-8", "surrogateescape").split("\r\n")
        return [(key, value) for key, _, value in (line.partition(": ") for line in lines)]

    async def until(self, key: str, value: str) -> list[Headers]:
        """Return the messages up to one that has such a header."""
        messages = [await self.message()]
        while (key, value) not in messages[-1]:
            messages.append(await self.message())
        return messages

    async def ask(self, name: str, **headers: str) -> dict[str, str]:
        """Send an action and return its response; events before it are skipped."""
        self.send(name, ActionID="ask", **headers)
        return dict((await self.until("ActionID", "ask"))[-1])

    async def ask_list(self, name: str, **headers: str) -> list[Headers]:
        """Send an action and return the items of its list, which nothing may come between."""
        self.send(name, ActionID="list", **headers)
        start = (await self.until("ActionID", "list"))[-1]
        assert start[:3] == [("Response", "Success"), ("ActionID", "list"), ("EventList", "start")]
        *items, complete = await self.until("EventList", "Complete")
        assert complete[:2] == [("Event", f"{name}Complete"), ("ActionID", "list")]
        assert ("ListItems", str(len(items))) in complete
        assert all(("ActionID", "list") in item for item in items)
        return items

    async def log_in(self, **headers: str) -> Headers:
        """Log in with the plain secret and return the response."""
        self.send("Login", Username="callstate", Secret="callstate", **headers)
        return await self.message()

    async def is_at_end(self) -> bool:
        """Return True when the connection has ended."""
        with suppress(ConnectionError):
            await self._reader.read()
        return self._reader.at_eof() or self._reader.exception() is not None


@asynccontextmanager
async def connected(playback: Playback) -> AsyncIterator[RawClient]:
    """Connect and read the banner."""
    reader, writer = await asyncio.open_connection("127.0.0.1", playback.port, limit=1 << 22)
    client = RawClient(reader, writer)
    try:
        await client.greet()
        yield client
    finally:
        writer.transport.abort()


@asynccontextmanager
async def logged_in(playback: Playback) -> AsyncIterator[RawClient]:
    """Connect, log in, and read up to FullyBooted."""
    async with connected(playback) as client:
        await client.log_in()
        assert (await client.message())[0] == ("Event", "FullyBooted")
        yield client
