"""Clients of a daemon under load: those who poll, those who read slowly, those who vanish."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from random import Random
from urllib.parse import urlencode

from callstate.web.app import LIST_PATH

USER, PASSWORD = "operator", "load"
_GOOD = b'{"responses":[{"code":"200"'

# What is asked for, one kind after the other; everything is asked for by few.
QUESTIONS: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("count", {"customer": "system", "count": 1}),
    ("a customer's legs", {"customer": 17, "recursive": 1, "limit": 25}),
    ("a machine's youngest", {"customer": "system", "machines": 1, "descending": 1, "limit": 20}),
    ("a number", {"customer": "system", "snumber": "101", "smatch": "end", "limit": 20}),
    ("with names", {"customer": 17, "names": 1, "limit": 20}),
    ("an order", {"customer": "system", "sort": "snumber", "limit": 50}),
)
EVERYTHING: Mapping[str, object] = {"customer": "system"}
# Whoever wants everything wants it so seldom.
_EVERYTHING_SECONDS = 10.0
_POLL_SECONDS = 1.0
# A slow reader takes a bit, and then rests.
_SLOW_BYTES, _SLOW_SECONDS = 1 << 15, 0.5


class Times:
    """How long answers took, by the kind of question, and what went wrong."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.wrong: list[str] = []

    def take(self, kind: str, seconds: float) -> None:
        """Note an answer."""
        self.seconds.setdefault(kind, []).append(seconds)

    def table(self) -> list[tuple[str, int, float, float, float]]:
        """Return kind, answers, and median, p99 and longest in milliseconds."""
        rows = []
        for kind, seconds in sorted(self.seconds.items()):
            seconds.sort()
            middle, last = seconds[len(seconds) // 2], seconds[-1]
            most = seconds[min(len(seconds) - 1, int(len(seconds) * 0.99))]
            rows.append((kind, len(seconds), middle * 1e3, most * 1e3, last * 1e3))
        return rows


def request(given: Mapping[str, object], *, close: bool = False) -> bytes:
    """Return a request for the legs that `given` describes."""
    query = urlencode({"auth_username": USER, "auth_password": PASSWORD} | dict(given))
    more = "Connection: close\r\n" if close else ""
    return f"GET {LIST_PATH}?{query} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode()


@asynccontextmanager
async def connected(
    port: int, limit: int = 1 << 16
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect inside, and be gone afterwards, whatever is under way."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=limit)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def poll(port: int, number: int, times: Times) -> None:
    """Ask, read the whole answer, ask again a second later, on one connection, for ever."""
    wants_all = number % 20 == 0
    kind, given = ("everything", EVERYTHING) if wants_all else QUESTIONS[number % len(QUESTIONS)]
    pause = _EVERYTHING_SECONDS if wants_all else _POLL_SECONDS
    asked = request(given)
    # Not all at the same moment.
    due = time.monotonic() + pause * (number % 50) / 50
    async with connected(port, 1 << 20) as (reader, writer):
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due + pause, time.monotonic())
            begun = time.monotonic()
            writer.write(asked)
            first = await _answer(reader)
            times.take(kind, time.monotonic() - begun)
            if not first.startswith(_GOOD):
                times.wrong.append(f"{kind}: {first[:200]!r}")


async def read_slowly(port: int, _number: int, _times: Times) -> None:
    """Ask for everything and take it in small bites, over and over."""
    while True:
        with suppress(OSError):
            async with connected(port, _SLOW_BYTES) as (reader, writer):
                writer.write(request(EVERYTHING, close=True))
                while await reader.read(_SLOW_BYTES):  # noqa: ASYNC110  # slow on purpose
                    await asyncio.sleep(_SLOW_SECONDS)


async def vanish(port: int, number: int, _times: Times) -> None:
    """Ask for everything and be gone: before, in the middle of, or at the end of the answer."""
    dice = Random(number)
    asked = request(EVERYTHING)
    while True:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with connected(port) as (reader, writer), asyncio.timeout(dice.choice((0.01, 1))):
                writer.write(asked[: dice.choice((10, len(asked), len(asked)))])
                await reader.readexactly(dice.choice((1, 100_000, 1_000_000)))
        await asyncio.sleep(dice.random())


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """Read one answer; return the beginning of its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"transfer-encoding: chunked" not in head:
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return (await reader.readexactly(length))[:200]
    first = b""
    while size := int(await reader.readline(), 16):
        part = await reader.readexactly(size + 2)
        first = first or part[:200]
    await reader.readline()
    return first
