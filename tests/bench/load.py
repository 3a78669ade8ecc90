"""Clients that ask over HTTP as fast as they are answered, in a process of their own.

wrk where it is installed. Else this module is run as `python -m tests.bench.load`, which does
the same more slowly, so that it may itself be what limits the rate.
"""

import argparse
import asyncio
import json
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import msgspec
import uvloop

from tests.bench.findings import ROOT

# What begins each row, and nothing else.
_ROW = b'{"answered":'

_OTHER_BYTES = Path(__file__).with_name("other_bytes.lua")

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


class Load(msgspec.Struct, frozen=True):
    """What clients saw: requests in a second, and the latency of half and of 99 % of them."""

    rate: float
    median_ms: float
    p99_ms: float
    requests: int


def generator() -> str:
    """Return what asks: wrk, or a generator of our own."""
    return "wrk" if shutil.which("wrk") else "own generator"


async def ask(
    url: str, *, seconds: float, clients: int, own: bool = False, alike: bool = True
) -> Load:
    """Let `clients` ask for `url`, each again as soon as it has its answer.

    `alike`: all requests are the same bytes; else each has a number in a header of its own.

    Raises:
        RuntimeError: an answer was no success.
    """
    if own or not shutil.which("wrk"):
        command = [sys.executable, "-m", "tests.bench.load", url, f"{seconds}", f"{clients}"]
        command += [] if alike else ["--other-bytes"]
        return msgspec.json.decode(await _output(command), type=Load)
    command = ["wrk", "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--latency"]
    command += [] if alike else ["-s", str(_OTHER_BYTES)]
    return _read((await _output([*command, url])).decode())


class Reader:
    """A process that reads whole answers when it is told to, and counts their rows.

    It is started beforehand: to start one stops the loop for as long as a copy of its process
    takes.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def rows(self, url: str) -> int:
        """Return how many rows `url` answers, once the last of them is there."""
        assert self._process.stdin is not None, "started with pipes"
        assert self._process.stdout is not None, "started with pipes"
        self._process.stdin.write(url.encode() + b"\n")
        return int(await self._process.stdout.readline())


@asynccontextmanager
async def reader() -> AsyncIterator[Reader]:
    """Run a reader inside."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.load",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    try:
        yield Reader(process)
    finally:
        with suppress(ProcessLookupError):  # it failed, and says so
            process.kill()
        await process.wait()


async def _output(command: list[str]) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed")
    return output


def _read(text: str) -> Load:
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(text)
    requests = re.search(r"(\d+) requests in ([\d.]+)(\w+)", text)
    if requests is None:
        raise RuntimeError(text)
    seconds = float(requests[2]) * _UNITS[requests[3]]
    return Load(
        rate=int(requests[1]) / seconds,
        median_ms=_percentile(text, 50),
        p99_ms=_percentile(text, 99),
        requests=int(requests[1]),
    )


def _percentile(text: str, percent: int) -> float:
    found = re.search(rf"^ *{percent}% +([\d.]+)(us|ms|s|m)\b", text, flags=re.MULTILINE)
    if found is None:
        raise RuntimeError(text)
    return float(found[1]) * _UNITS[found[2]] * 1e3


async def _client(host: str, port: int, path: str, until: float, *, alike: bool) -> list[float]:
    reader, writer = await asyncio.open_connection(host, port)
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n"
    taken: list[float] = []
    begin = 0.0
    while begin < until:  # once at least
        begin = time.perf_counter()
        number = "" if alike else f"X-Request-Id: {len(taken)}\r\n"
        writer.write(f"{request}{number}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, flags=re.IGNORECASE)
        if length is None or not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        await reader.readexactly(int(length[1]))
        taken.append(time.perf_counter() - begin)
    writer.close()
    return taken


async def _ask(url: str, seconds: float, clients: int, *, alike: bool) -> Load:
    _, _, rest = url.partition("://")
    where, _, path = rest.partition("/")
    host, _, port = where.partition(":")
    begin = time.perf_counter()
    until = begin + seconds
    asking = [_client(host, int(port), f"/{path}", until, alike=alike) for _ in range(clients)]
    taken = sorted([one for some in await asyncio.gather(*asking) for one in some])
    return Load(
        rate=len(taken) / (time.perf_counter() - begin),
        median_ms=taken[len(taken) // 2] * 1e3,
        p99_ms=taken[len(taken) * 99 // 100] * 1e3,
        requests=len(taken),
    )


def _read_whole() -> None:
    for line in sys.stdin:
        with urlopen(line.strip(), timeout=300) as body:
            print(body.read().count(_ROW), flush=True)


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url", nargs="?", default="")
    parser.add_argument("seconds", type=float, nargs="?", default=1)
    parser.add_argument("clients", type=int, nargs="?", default=1)
    parser.add_argument("--other-bytes", action="store_true")
    asked = parser.parse_args()
    if not asked.url:
        _read_whole()
        return
    asking = _ask(asked.url, asked.seconds, asked.clients, alike=not asked.other_bytes)
    load = uvloop.run(asking)
    print(json.dumps(msgspec.to_builtins(load)))


if __name__ == "__main__":
    _main()
