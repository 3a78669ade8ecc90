"""A stream from a socket through the daemon's own connection, beside receive and count."""

import asyncio
import time
from collections.abc import Iterator

import uvloop

from callstate.core.model import LegKey
from tests.bench import machine, material
from tests.bench.bench_sync import following, is_in_step
from tests.bench.findings import Finding
from tests.bench.machine import Remote
from tests.bench.measure import Sample, ratio, rounded
from tests.bench.sizes import Size

NAME = "wire"


class _Count(asyncio.Protocol):
    """Counts the messages that it receives, or with `whole` only the bytes."""

    def __init__(self, total: int, *, whole: bool) -> None:
        self._left = total
        self._whole = whole
        self.messages = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        if not self._whole:
            self.messages += data.count(material.END)
        self._left -= len(data)
        if self._left <= 0 and not self.over.done():
            self.over.set_result(None)


def run(size: Size) -> Iterator[Finding]:
    """Give a finding for each capture of load and traffic, with and without channel variables."""
    for name in size.captures:
        for variables in (True, False):
            yield uvloop.run(_measure(name, size, variables=variables))


async def _measure(name: str, size: Size, *, variables: bool) -> Finding:
    figures: dict[str, list[float]] = {"daemon": [], "count": [], "receive": []}
    async with machine.running(capture=name, most=size.stream_bytes, variables=variables) as remote:
        for _ in range(size.rounds):
            figures["receive"].append(await _received(remote, whole=True))
            figures["count"].append(await _received(remote, whole=False))
            figures["daemon"].append(await _followed(remote))
    samples = {key: Sample(seconds) for key, seconds in figures.items()}
    share = rounded(100 * ratio(samples["count"], samples["daemon"]))
    return Finding(
        bench=NAME,
        what=name if variables else f"{name} without channelvars",
        figures={
            "messages": remote.messages,
            "bytes": remote.bytes,
            "us per message": {key: one.per(remote.messages) for key, one in samples.items()},
            "messages per second": round(remote.messages / samples["daemon"].median),
            "percent of receive and count": share,
            "percent of receive": rounded(100 * ratio(samples["receive"], samples["daemon"])),
        },
        values={"socket": share},
    )


async def _received(remote: Remote, *, whole: bool) -> float:
    loop = asyncio.get_running_loop()
    begin = time.process_time()
    transport, counter = await loop.create_connection(
        lambda: _Count(remote.bytes, whole=whole), "127.0.0.1", remote.bare_port
    )
    await counter.over
    seconds = time.process_time() - begin
    transport.close()
    return seconds


async def _followed(remote: Remote) -> float:
    """Return what the whole way of the stream costs, from when the machine is in step."""
    last = LegKey(material.MACHINE, machine.LAST.decode())
    async with following(remote) as watched:
        while not is_in_step(watched.state):  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.005)
        begin = time.process_time()
        remote.tell("blast")
        while watched.state.store.get(last) is None:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.005)
        return time.process_time() - begin
