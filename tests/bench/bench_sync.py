"""The lists of a machine with many channels: from login to in step, and once more."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import msgspec
import uvloop

from callstate.ami.connection import AmiConnection, Sink
from callstate.ami.decode import END
from callstate.ami.session import Session
from callstate.config import Ami, Sync
from callstate.core.state import CallState
from callstate.daemon import build_state
from tests.bench import machine, material
from tests.bench.findings import Finding
from tests.bench.machine import Remote
from tests.bench.measure import rounded
from tests.bench.sizes import Size

NAME = "sync"

# The machine renders its lists slowly; that is not what is measured.
_AMI = Ami(action_seconds=300, silence_seconds=300, retry_seconds=0.01)
# No audits but those that are measured: the machine plays events that its lists do not show.
_SYNC = Sync(audit_seconds=86_400)


class Watched(msgspec.Struct):
    """A state that follows a machine, and what follows it."""

    state: CallState
    connection: AmiConnection
    tap: "Tap"


class Tap:
    """Between the connection and the session, to count the messages that pass."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.messages = 0
        self.opened, self.closed, self.failed = session.opened, session.closed, session.failed

    def received(self, whole: bytes, at: float) -> None:
        """Count messages and pass them on."""
        self.messages += whole.count(END)
        self._session.received(whole, at)


@asynccontextmanager
async def following(remote: Remote, *, counted: bool = False) -> AsyncIterator[Watched]:
    """Run the daemon's own connection and session to a machine inside.

    The messages are counted on request only: that costs something.
    """
    configured = material.config()
    state = build_state(configured)
    state.add_machine(material.MACHINE)
    session = Session(material.MACHINE, state, sync=_SYNC, variables=configured.variables.values())
    tap = Tap(session)
    sink: Sink = tap if counted else session
    connection = AmiConnection(remote.settings, _AMI, sink=sink, session=session.run)
    task = asyncio.get_running_loop().create_task(connection.run())
    try:
        yield Watched(state, connection, tap)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def is_in_step(state: CallState) -> bool:
    """Tell whether the machine's legs are those that it has."""
    return all(status.in_step for status in state.statuses())


def run(size: Size) -> Iterator[Finding]:
    """Give the cost of the first sync, and of a second one while the first is served."""
    yield uvloop.run(_measure(size))


async def _measure(size: Size) -> Finding:
    channels = size.sync_channels
    firsts: list[float] = []
    seconds: list[float] = []
    walls: list[float] = []
    least = channels
    async with machine.running() as remote:
        await remote.ask(f"calls {channels // 2}")
        for _ in range(min(size.rounds, 3)):
            begin, begin_wall = time.process_time(), time.perf_counter()
            async with following(remote) as watched:
                while not is_in_step(watched.state):  # noqa: ASYNC110  # it tells nobody
                    await asyncio.sleep(0.005)
                firsts.append(time.process_time() - begin)
                walls.append(time.perf_counter() - begin_wall)
                assert len(watched.state.store) == channels, "a channel is missing"
                begin = time.process_time()
                least = min(least, await _again(watched))
                seconds.append(time.process_time() - begin)
    figures = {
        "channels": channels,
        "bridges": channels // 2,
        "CPU seconds": [rounded(each) for each in firsts],
        "CPU seconds, once more": [rounded(each) for each in seconds],
        "seconds with the machine's own work": [rounded(each) for each in walls],
        "least legs while it was done once more": least,
    }
    values = {"sync": rounded(sorted(firsts)[len(firsts) // 2]), "no gap": 100 * least / channels}
    return Finding(bench=NAME, what=f"{channels} channels", figures=figures, values=values)


async def _again(watched: Watched) -> int:
    """Lose the connection and sync anew; return how many legs there were at the least."""
    watched.connection.abort("for another sync")
    least = len(watched.state.store)
    while is_in_step(watched.state):  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0)
    while not is_in_step(watched.state):
        least = min(least, len(watched.state.store))
        await asyncio.sleep(0.001)
    return min(least, len(watched.state.store))
