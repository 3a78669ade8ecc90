"""Hundreds of channels that come and go, and callstate joining in the middle of it."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.live.conftest import RELEASES, Fleet
from tests.live.exact import Tally
from tests.live.lab.ami import Ctl
from tests.live.play import NO_AUDITS, Part, Run, play
from tests.live.watcher import until

pytestmark = pytest.mark.live

CALLS_PER_SECOND = 20

# Two calls of three stay until they are hung up, the third is soon over: while no new ones
# come, all is still after that long, with hundreds up.
STAYS_MS = 600_000
SHORT_MS = (300, 2500)


async def local_channels(part: Part) -> None:
    """Calls of Local channels are originated; callstate joins after a third of them."""
    lab = part.lab
    calls = await lab.new_ctl()
    start = asyncio.get_running_loop().time()
    for number in range(15 * CALLS_PER_SECOND):
        if number == 5 * CALLS_PER_SECOND:
            joining = asyncio.create_task(_join(part))
        if number in {9 * CALLS_PER_SECOND, 12 * CALLS_PER_SECOND}:
            paused = asyncio.get_running_loop().time()
            await _still(part, f"after {number} calls")
            start += asyncio.get_running_loop().time() - paused
        await _originate(part, calls, number)
        due = start + (number + 1) / CALLS_PER_SECOND
        await asyncio.sleep(max(0, due - asyncio.get_running_loop().time()))
    await joining
    await _still(part, "after the last call")
    assert len(part.watcher.daemon.state.sync_of(part.machine).mirror.registry.channels) > 400
    calls.close()
    await lab.clear()
    await lab.cp("ended", "no calls", tries=8)


async def _join(part: Part) -> None:
    await part.lab.connect()
    began = time.monotonic()
    await until(lambda: part.in_step)
    channels = len(part.watcher.daemon.state.sync_of(part.machine).mirror.registry.channels)
    part.note(f"in step {time.monotonic() - began:.2f} s after connecting, {channels} channels up")


async def _originate(part: Part, calls: Ctl, number: int) -> None:
    rng = part.lab.rng
    ms = rng.randint(*SHORT_MS) if number % 3 == 0 else STAYS_MS
    target = [("Context", "loadcall"), ("Exten", str(ms))]
    if number % 2:
        target = [("Context", "loadapp"), ("Exten", "s")]
    await calls.action(
        [
            ("Action", "Originate"),
            ("Channel", f"Local/{ms}@load/n"),
            *target,
            ("Priority", "1"),
            ("Async", "true"),
            ("CallerID", f"Load <{part.lab.number()}>"),
        ]
    )


async def _still(part: Part, label: str) -> None:
    """Mark a moment at which the short calls are over."""
    await asyncio.sleep(SHORT_MS[1] / 1000 + 0.5)
    await part.lab.cp(label, "the calls that stay", tries=8)


async def test_local_channels_under_load_are_exact(
    fleet: Fleet, tally: Tally, tmp_path: Path
) -> None:
    run = Run(local_channels, 82, saw_all=False, joins_late=True)
    cast = [(run, server) for server in fleet[: len(RELEASES)]]
    await play(cast, tally, tmp_path, sync={"first_sync_seconds": 1.0} | NO_AUDITS)


async def test_calls_of_phones_under_load_are_exact(
    fleet: Fleet, tally: Tally, tmp_path: Path
) -> None:
    params = {"rate": 8, "seconds": 15, "hold": (3, 6)}
    cast = [(Run("load_sip", 81, params), server) for server in fleet[: len(RELEASES)]]
    await play(cast, tally, tmp_path, sync=NO_AUDITS)
