"""Very many calls through the whole engine, bytes to legs: nothing is left of them.

Ten thousand in every run; as many as CALLSTATE_SOAK_CALLS says when it is set.
"""

import gc
import os
import sys
import time
from collections.abc import Iterator

from callstate.ami.decode import Decoder
from callstate.ami.session import Session
from callstate.ami.shared import TEXTS
from callstate.config import Sync
from callstate.core.registry import TOMBSTONE_SECONDS
from callstate.core.state import CallState
from tests.streams import BANNER, END, MACHINE
from tests.traffic import EPOCH, Step, calls

CALLS = int(os.environ.get("CALLSTATE_SOAK_CALLS", "10000"))
AT_ONCE = 200
# How fast the calls come; so that tombstones have to end while the test runs.
SECONDS_PER_CALL = 0.5
_MESSAGES_PER_PIECE = 20


class Engine:
    """A daemon's parts between the socket and the query, on one machine that never rests."""

    def __init__(self) -> None:
        self.at = float(EPOCH)
        self.state = CallState()
        self.state.add_machine(MACHINE)
        self.session = Session(MACHINE, self.state, sync=Sync(), variables=["CUSTOMER"])
        self.session.opened("11.0.0")
        self.state.released(MACHINE, self.at)
        self._decoder = Decoder()
        self._decoder.feed(BANNER)
        self.messages = 0
        self.most_legs = 0

    def feed(self, data: bytes) -> None:
        whole = self._decoder.complete(data)
        self.messages += whole.count(END)
        self.session.received(whole, self.at)
        self.most_legs = max(self.most_legs, len(self.state.store))


def _pieces(steps: Iterator[Step]) -> Iterator[bytes]:
    piece: list[bytes] = []
    for step in steps:
        piece += [raw + END for raw in step]
        if len(piece) >= _MESSAGES_PER_PIECE:
            yield b"".join(piece)
            piece = []
    yield b"".join(piece)


def _run(engine: Engine, count: int, *, first: int) -> None:
    """Let `count` calls begin and end."""
    for begin in range(first, first + count, 1000):
        number = min(1000, first + count - begin)
        pieces = list(_pieces(calls(number, at_once=AT_ONCE, first=begin)))
        for piece in pieces:
            engine.feed(piece)
            engine.at += SECONDS_PER_CALL * number / len(pieces)


def _assert_nothing_is_left(engine: Engine) -> None:
    state = engine.state
    state.check()
    store, registry = state.store, state.sync_of(MACHINE).served
    assert len(store) == 0
    assert store.count_by_machine() == {}
    assert [index for index in store._indexes if any(True for _ in index)] == []
    assert (registry.channels, registry.bridges, registry.changed) == ({}, {}, set())
    assert (registry._by_name, registry._superseded, registry.dialling._orphans) == ({}, {}, {})
    known = registry.calls
    assert (known._by_linkedid, known._by_pair, known._births) == ({}, {}, {})
    assert len(engine.session._intake._blocks) == 0
    assert state.sync_of(MACHINE)._items == {}
    assert len(engine.session._barrier) == 0
    # Those of the last while, and none that is older; four channels to a call at most.
    oldest = min(registry._tombstones.values())
    assert oldest >= registry.now - TOMBSTONE_SECONDS - 1
    assert len(registry._tombstones) <= 4 * TOMBSTONE_SECONDS / SECONDS_PER_CALL + 4 * AT_ONCE


def _blocks() -> int:
    TEXTS.clear()  # never more than some thousands, but not yet so many at first
    gc.collect()
    return sys.getallocatedblocks()


def _resident_kilobytes() -> int:
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return int(next(line for line in file if line.startswith("VmRSS")).split()[1])
    except OSError:
        return 0


async def test_nothing_is_left_of_very_many_calls() -> None:
    engine = Engine()
    begin = time.perf_counter()
    warm = CALLS // 4
    _run(engine, warm, first=0)
    _assert_nothing_is_left(engine)
    blocks, resident = _blocks(), _resident_kilobytes()
    _run(engine, CALLS - warm, first=warm)
    _assert_nothing_is_left(engine)
    grown, grown_resident = _blocks() - blocks, _resident_kilobytes() - resident
    seconds = time.perf_counter() - begin
    print(  # noqa: T201  # for who asked for a million
        f"{CALLS} calls, {engine.messages} messages in {seconds:.0f} s, at most "
        f"{engine.most_legs} legs; {grown} blocks and {grown_resident} kB more than after {warm}"
    )
    assert engine.most_legs > AT_ONCE
    # A hundredth of an object for each call would be a leak; a dictionary may be resized.
    assert grown < CALLS / 100
    assert grown_resident < 20_000
