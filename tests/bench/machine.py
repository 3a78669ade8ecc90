"""A pretended Asterisk in a process of its own, so that its work is not counted as ours.

Run as `python -m tests.bench.machine`; it prints its ports and obeys lines on standard input:
`calls N` brings N calls up, `blast` sends the whole stream to whoever is logged in, `pace N`
sends events at N a second until `rest`. On its second port it sends the stream to whoever
comes, bare.
"""

import argparse
import asyncio
import contextlib
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain
from typing import cast

import msgspec
import uvloop

from callstate.ami.decode import Message
from callstate.ami.playback import Playback
from callstate.config import Machine
from tests.bench import crowd
from tests.bench.findings import ROOT
from tests.bench.material import END, Stream, stream, without_channel_variables
from tests.bench.measure import leave_the_core

SECRET = "bench"
LAST = b"1899999999.1"
"""The uniqueid of a channel that comes up when a stream is through."""

# Events come in such gaps, not one by one: a Python process cannot sleep for less.
_TICK_SECONDS = 0.001
# The lists of ten thousand channels are tens of megabytes.
_WRITE_LIMIT = 1 << 30


class Remote(msgspec.Struct):
    """The machine, seen from the process that measures."""

    process: asyncio.subprocess.Process
    port: int
    bare_port: int
    bytes: int
    messages: int

    def tell(self, line: str) -> None:
        """Let it obey `line`."""
        assert self.process.stdin is not None, "started with pipes"
        self.process.stdin.write(line.encode() + b"\n")

    async def ask(self, line: str) -> str:
        """Let it obey `line`, and return what it says when that is done."""
        self.tell(line)
        assert self.process.stdout is not None, "started with pipes"
        return (await self.process.stdout.readline()).decode().strip()

    @property
    def settings(self) -> Machine:
        """What the daemon's configuration says of it."""
        return Machine(id=1, username="callstate", secret=SECRET, port=self.port)


@asynccontextmanager
async def running(
    *, capture: str = "", most: int = 0, variables: bool = True
) -> AsyncIterator[Remote]:
    """Run a machine with a capture's stream, of its first `most` bytes if not 0."""
    options = [f"--capture={capture}", f"--most={most}", *([] if variables else ["--plain"])]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.machine", *options,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        preexec_fn=leave_the_core,  # it calls the system, nothing else
    )  # fmt: skip
    assert process.stdout is not None, "started with pipes"
    try:
        said = (await process.stdout.readline()).split()
        yield Remote(process, *map(int, said))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class _Bare(asyncio.Protocol):
    """Sends the stream to whoever comes, and nothing else."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._data)


class _Told:
    """Does what the lines on standard input say."""

    def __init__(self, server: Playback, recorded: Stream) -> None:
        self._server = server
        self._stream = recorded
        self._pacing: asyncio.Task[None] | None = None
        self._sent = 0

    async def obey(self, line: str) -> str:
        word, _, number = line.partition(" ")
        match word:
            case "calls":
                self._bring_up(int(number))
            case "drop":
                self._server.drop_clients()
            case "blast":
                self._server.send_garbage(self._stream.data + _last())
            case "pace":
                pace = self._pace(float(number))
                self._pacing = asyncio.get_running_loop().create_task(pace)
            case "rest" if self._pacing is not None:
                self._pacing.cancel()
            case _:
                pass
        return f"{self._sent}"

    def _bring_up(self, number: int) -> None:
        calls, now = crowd.calls(), time.time()
        for call in range(number):
            for raw in calls.up(call, 10_000 + call // 10).split(END):
                if raw:
                    self._server.state.apply(Message(raw).headers(), now)

    async def _pace(self, rate: float) -> None:
        """Send the stream's events over and over, each time as calls that are new."""
        loop = asyncio.get_running_loop()
        events, begin = _Endless(self._stream), loop.time()
        begin_sent = self._sent
        while True:
            due = int((loop.time() - begin) * rate) - (self._sent - begin_sent)
            if due > 0:
                self._server.send_garbage(events.take(due))
                self._sent += due
            await asyncio.sleep(_TICK_SECONDS)


class _Endless:
    """The events of a stream, and again, with uniqueids of another second and new bridges.

    All calls of the stream should end in it: what does not is up for ever. Little work for each
    event: whoever sends has no core to himself.
    """

    def __init__(self, recorded: Stream) -> None:
        self._data = recorded.data
        self._ends = [0, *(found.end() for found in re.finditer(re.escape(END), recorded.data))]
        self._at = 0
        self._epoch = 18

    def take(self, number: int) -> bytes:
        """Return the next so many events."""
        taken = b""
        while number:
            last = min(self._at + number, len(self._ends) - 1)
            number -= last - self._at
            piece = self._data[self._ends[self._at] : self._ends[last]]
            piece = piece.replace(b"id: 17", b"id: %d" % self._epoch)
            bridge = b"BridgeUniqueid: %d-" % self._epoch
            taken += piece.replace(b"BridgeUniqueid: ", bridge)
            self._at = last
            if last == len(self._ends) - 1:
                self._at = 0
                self._epoch += 1
        return taken


def _events_of(recorded: Stream) -> Stream:
    """Return a stream without what belongs to the login of the recorder."""
    events = [
        raw + END
        for raw in recorded.data.split(END)
        if raw.startswith(b"Event: ") and not raw.startswith(b"Event: FullyBooted")
    ]
    return Stream(name=recorded.name, data=b"".join(events), messages=len(events))


def _last() -> bytes:
    headers = b"Channel: PJSIP/last-00000001\r\nChannelState: 6\r\nUniqueid: %b\r\nLinkedid: %b"
    return b"Event: Newchannel\r\nPrivilege: call,all\r\n" + headers % (LAST, LAST) + END


async def _serve(recorded: Stream) -> None:
    loop = asyncio.get_running_loop()
    # It takes the first time that it is given for that of its own start: all calls are younger.
    clock = chain([crowd.EPOCH - 1000.0], iter(time.time, None)).__next__
    async with Playback(secret=SECRET, clock=clock) as server:
        server.write_limit = _WRITE_LIMIT
        bare = await loop.create_server(lambda: _Bare(recorded.data), "127.0.0.1", 0)
        ports = f"{server.port} {bare.sockets[0].getsockname()[1]}"
        print(ports, len(recorded.data), recorded.messages, flush=True)
        told = _Told(server, recorded)
        lines = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := await lines.readline():
            print(await told.obey(line.decode().strip()), flush=True)
        bare.close()


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--capture", default="")
    parser.add_argument("--most", type=int, default=0)
    parser.add_argument("--plain", action="store_true")
    asked = parser.parse_args()
    recorded = Stream(name="", data=b"", messages=0)
    if asked.capture:
        recorded = _events_of(stream(asked.capture, most=asked.most))
    if asked.plain:
        recorded = without_channel_variables(recorded)
    uvloop.run(_serve(recorded))


if __name__ == "__main__":
    _main()
