"""Clients that ask over HTTP as fast as they are answered, in a process of their own.

wrk where it is installed; else a generator of our own, which is slower, so that it may itself be
what limits the rate. `python -m tests.bench.load` does the `Job`s on its standard input.
"""

import asyncio
import re
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import msgspec
import uvloop

from tests.bench.findings import ROOT
from tests.bench.measure import leave_the_core

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


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask: again and again by so many `clients`, or once, with none.

    `alike`: all requests are the same bytes; else each has a number in a header of its own.
    `own`: not by wrk.
    """

    url: str
    seconds: float = 0
    clients: int = 0
    own: bool = False
    alike: bool = True


def generator() -> str:
    """Return what asks: wrk, or a generator of our own."""
    return "wrk" if shutil.which("wrk") else "own generator"


class Asking:
    """Clients in a process of their own, on a core that is not ours.

    It has to be started while this process is small: to fork a large one stops it for 10 ms
    and more, and what then waits for it would be measured.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(
        self, url: str, *, seconds: float, clients: int, own: bool = False, alike: bool = True
    ) -> Load:
        """Let `clients` ask for `url`, each again as soon as it has its answer.

        Raises:
            RuntimeError: an answer was no success.
        """
        job = Job(url=url, seconds=seconds, clients=clients, own=own, alike=alike)
        return msgspec.json.decode(await self._do(job), type=Load)

    async def rows(self, url: str) -> int:
        """Return how many rows `url` answers, once the last of them is there."""
        return int(await self._do(Job(url=url)))

    async def _do(self, job: Job) -> bytes:
        assert self._process.stdin is not None, "started with pipes"
        assert self._process.stdout is not None, "started with pipes"
        self._process.stdin.write(msgspec.json.encode(job) + b"\n")
        said = await self._process.stdout.readline()
        if not said:
            raise RuntimeError("who asks has failed, and says why")
        return said


@asynccontextmanager
async def asking() -> AsyncIterator[Asking]:
    """Run clients inside."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.load",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        preexec_fn=leave_the_core,  # it calls the system, nothing else
    )  # fmt: skip
    try:
        yield Asking(process)
    finally:
        with suppress(ProcessLookupError):  # it failed, and says so
            process.kill()
        await process.wait()


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


def _wrk(job: Job) -> Load:
    command = ["wrk", "-t1", f"-c{job.clients}", f"-d{max(1, round(job.seconds))}s", "--latency"]
    command += [] if job.alike else ["-s", str(_OTHER_BYTES)]
    done = subprocess.run([*command, job.url], capture_output=True, text=True, check=True)
    return _read(done.stdout)


def _do(job: Job) -> Load | int:
    if not job.clients:
        with urlopen(job.url, timeout=300) as body:
            whole: bytes = body.read()
        return whole.count(_ROW)
    if job.own or not shutil.which("wrk"):
        return uvloop.run(_ask(job.url, job.seconds, job.clients, alike=job.alike))
    return _wrk(job)


def _main() -> None:
    for line in sys.stdin:
        print(msgspec.json.encode(_do(msgspec.json.decode(line, type=Job))).decode(), flush=True)


if __name__ == "__main__":
    _main()
