"""The machines and the daemon, each in a process of its own, as their clients see them."""

import asyncio
import json
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from callstate import config
from callstate.config import Config
from callstate.core.mirror import VARIABLES
from callstate.web.auth import hash_password
from tests.captures import FIXTURES
from tests.load.clients import EVERYTHING, PASSWORD, USER, connected, request
from tests.load.machine import SECRET, USERNAME

ROOT = FIXTURES.parent
# How long the daemon may need to be in step.
_PATIENCE_SECONDS = 120.0
_FIELDS = (
    "callid", "scustomer", "stype", "snumber", "ctype", "cnumber", "dcustomer", "dtype", "dnumber",
    "peer", "billing_peer", "ingroup", "outgroup", "overmax",
)  # fmt: skip


_CONFIG = """
[http]
port = {port}

[logs]
level = "warning"

[directory]
reload_seconds = 0

{machines}

[variables]
{variables}

[peers]
carrier-a = 1
carrier-b = 2

[groups]
in-17 = 117
in-23 = 123
out-17 = 217
out-23 = 223
"""
_MACHINE = """
[[machine]]
id = {id}
port = {port}
username = "{username}"
secret = "{secret}"
"""
_DIRECTORY = """
[[customer]]
id = 1
[[customer]]
id = 17
parent = 1
[[customer]]
id = 23
parent = 1
[[role]]
name = "all"
privileges = ["telephone line reports", "panel"]
[[user]]
name = "{user}"
customer = 1
role = "all"
password_hash = "{hash}"
[[name]]
customer = 17
number = "101"
name = "Reception"
"""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is done: machines with so many legs and events a second each, clients, how long.

    `bad` of the clients read slowly or vanish. With `record`, every byte that was sent is
    written down and replayed, which is for short runs.
    """

    machines: int = 10
    legs: int = 2000
    events: int = 2000
    clients: int = 50
    bad: int = 10
    seconds: float = 1800.0
    record: bool = False


class Sample(msgspec.Struct, frozen=True):
    """The daemon at a moment: memory, processor time used so far, legs."""

    seconds: float
    megabytes: float
    cpu_seconds: float
    legs: int


class Machines:
    """The process that is all machines."""

    def __init__(self, process: asyncio.subprocess.Process, ports: list[int]) -> None:
        self._process = process
        self.ports = ports

    async def tell(self, line: str) -> list[dict[str, int]]:
        """Let it obey `line`; return what it says of each machine."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line.encode() + b"\n")
        said: list[dict[str, int]] = json.loads(await self._process.stdout.readline())
        return said


@asynccontextmanager
async def machines(plan: Plan, folder: Path) -> AsyncIterator[Machines]:
    """Run them inside."""
    wanted = ",".join(sorted({f"cs_{field}" for field in _FIELDS} | VARIABLES))
    options = [f"--machines={plan.machines}", f"--legs={plan.legs}", f"--events={plan.events}"]
    options += [f"--wanted={wanted}", f"--folder={folder}", *(["--record"] if plan.record else [])]
    async with _process("-m", "tests.load.fleet", *options) as process:
        assert process.stdout is not None
        yield Machines(process, json.loads(await process.stdout.readline()))


class Daemon:
    """The process of the daemon, as its clients see it, and as its operator does."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._pid = process.pid
        self.port = port

    async def metrics(self) -> str:
        """Return its metrics."""
        return (await self._ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))[
            1
        ].decode()

    async def is_in_step(self) -> bool:
        """Tell whether it answers, and is in step with all machines."""
        try:
            head, body = await self._ask(
                b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )
        except OSError:
            return False
        if b" 200 " not in head[:20]:
            return False
        return all(each["in_step"] for each in json.loads(body)["data"]["machines"])

    async def rows(self) -> list[dict[str, Any]]:
        """Return every leg."""
        _, body = await self._ask(request(EVERYTHING, close=True))
        rows: list[dict[str, Any]] = json.loads(body)["data"]
        return rows

    def sample(self, seconds: float, legs: int) -> Sample:
        """Return what the system says of it."""
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        resident = re.search(r"VmRSS:\s+(\d+)", status)
        used = (
            Path(f"/proc/{self._pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        )
        ticks = int(used[11]) + int(used[12])
        megabytes = int(resident[1]) / 1024 if resident is not None else 0.0
        return Sample(seconds, round(megabytes, 1), ticks / os.sysconf("SC_CLK_TCK"), legs)

    async def _ask(self, asked: bytes) -> tuple[bytes, bytes]:
        async with connected(self.port) as (reader, writer):
            writer.write(asked)
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.read()
        return head, _unchunked(body) if b"chunked" in head else body


@asynccontextmanager
async def daemon(folder: Path, port: int) -> AsyncIterator[Daemon]:
    """Run it inside, once it is in step."""
    async with _process(
        "-m", "callstate", "run", "--config", f"{folder / 'config.toml'}"
    ) as process:
        running = Daemon(process, port)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not await running.is_in_step():
                assert process.returncode is None, "the daemon ended"
                await asyncio.sleep(0.1)
        yield running


@asynccontextmanager
async def _process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=pipe, stdout=pipe, cwd=ROOT, limit=1 << 20
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def configure(folder: Path, ports: list[int]) -> Config:
    """Write the configuration of a daemon that mirrors the machines at `ports`; return it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tables = "".join(
        _MACHINE.format(id=number, port=each, username=USERNAME, secret=SECRET)
        for number, each in enumerate(ports, 1)
    )
    variables = "\n".join(f'{field} = "cs_{field}"' for field in _FIELDS)
    text = _CONFIG.format(port=port, machines=tables, variables=variables)
    (folder / "config.toml").write_text(text, encoding="utf-8")
    directory = _DIRECTORY.format(user=USER, hash=hash_password(PASSWORD))
    (folder / "directory.toml").write_text(directory, encoding="utf-8")
    return config.load(folder / "config.toml")


def _unchunked(body: bytes) -> bytes:
    parts: list[bytes] = []
    at = 0
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end], 16)
        if not size:
            return b"".join(parts)
        parts.append(body[end + 2 : end + 2 + size])
        at = end + 4 + size
