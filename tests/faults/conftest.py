"""A daemon's connection to a pretended Asterisk, through a way that fails when told to."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from callstate.ami.connection import AmiConnection
from callstate.ami.playback import Playback
from callstate.ami.session import Session
from callstate.config import Ami, Machine, Sync
from callstate.core.state import CallState, MachineStatus
from tests.faults.proxy import Proxy
from tests.traffic import EPOCH, KINDS, Step

MACHINE = 1

# Impatient, so that each fault is noticed within a part of a second; not so impatient that a
# busy machine looks like a dead one.
AMI = Ami(
    connect_seconds=0.5,
    action_seconds=1.0,
    ping_seconds=0.2,
    silence_seconds=1.0,
    retry_seconds=0.01,
    retry_limit_seconds=0.05,
)
SYNC = Sync(audit_seconds=0.2, stale_seconds=60)

# From a fault's end to being in step: a silence to notice, a pause, a login, a sync, an audit.
# Many times what it takes, for machines that are busy with something else.
BOUND_SECONDS = 20.0


class Bed:
    """The whole: `playback`, the `proxy` before it, and what a daemon makes of it in `state`."""

    def __init__(self, playback: Playback, proxy: Proxy) -> None:
        self.playback = playback
        self.proxy = proxy
        self.state = CallState()
        self.state.add_machine(MACHINE)
        self.session = Session(MACHINE, self.state, sync=SYNC, clock=clock)
        self.connection = AmiConnection(
            Machine(id=MACHINE, port=proxy.port, username="callstate", secret="callstate"),
            AMI,
            sink=self.session,
            session=self.session.run,
            clock=clock,
            random=random.Random(1),
        )
        self.longest = 0.0
        self._number = 0
        self._calls: list[Iterator[Step]] = []

    @property
    def status(self) -> MachineStatus:
        return self.state.statuses()[0]

    def call(self, steps: int) -> None:
        """Let calls begin and go on, `steps` moments in all; about ten are up at a time."""
        for _ in range(steps):
            if len(self._calls) < 10:
                self._calls.append(KINDS[self._number % len(KINDS)](self._number))
                self._number += 1
            call = self._calls.pop(0)
            step = next(call, None)
            if step is not None:
                self._calls.append(call)
            for raw in step or ():
                self.playback.emit(raw)

    def hang_up(self) -> None:
        """Let every call end."""
        for call in self._calls:
            for step in call:
                for raw in step:
                    self.playback.emit(raw)
        self._calls.clear()

    def agrees(self) -> bool:
        """True if what is shown is what the machine would list: no ghost, no miss."""
        registry = self.state.sync_of(MACHINE).served
        truth = self.playback.state
        mine = {
            one.uniqueid: (
                one.channel,
                str(one.snapshot.channel_state),
                one.linkedid,
                one.bridge.bridge_uniqueid if one.bridge is not None else "",
            )
            for one in registry.channels.values()
        }
        true = {
            uniqueid: (one.name, one.block["ChannelState"], one.block["Linkedid"], one.bridge)
            for uniqueid, one in truth.channels.items()
        }
        return mine == true and registry.bridges.keys() == truth.bridges.keys()

    async def healed(self) -> None:
        """Return when the machine is in step again, from now on and for what comes.

        Fails when that takes longer than it may.
        """
        loop = asyncio.get_running_loop()
        begin = loop.time()
        await until(lambda: self.status.in_step and self.agrees())
        self.longest = max(self.longest, loop.time() - begin)
        self.state.check()

    async def out_of_step(self) -> None:
        """Return when the fault was noticed."""
        await until(lambda: not self.status.in_step)


def clock() -> float:
    """Return the time at which all this happens: just when the first calls began."""
    return EPOCH + 1.0


async def until(condition: Callable[[], object]) -> None:
    """Return when `condition` holds; fails when that takes longer than it may."""
    async with asyncio.timeout(BOUND_SECONDS):
        while not condition():  # noqa: ASYNC110  # many things are waited for, none has an event
            await asyncio.sleep(0.001)


@pytest.fixture
async def bed() -> AsyncIterator[Bed]:
    """A bed that is in step with some calls up; afterwards nothing of it may be left."""
    async with Playback(clock=clock, random=random.Random(1)) as playback:
        playback.login_delay = 0.01
        async with Proxy(playback.port) as proxy:
            bed = Bed(playback, proxy)
            running = asyncio.create_task(bed.connection.run())
            try:
                bed.call(30)
                await bed.healed()
                yield bed
                bed.hang_up()
                await bed.healed()
                assert not bed.state.store
                _assert_nothing_waits(bed)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            assert not bed.connection.is_open
            _assert_nothing_waits(bed)
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})


def _assert_nothing_waits(bed: Bed) -> None:
    """Of what was asked and answered, or never answered, nothing is kept."""
    sync = bed.state.sync_of(MACHINE)
    registry = sync.mirror.registry
    assert bed.connection.sink_errors == 0
    assert len(bed.session._barrier) <= 1
    assert len(sync._items) <= 4
    assert len(bed.session._intake._blocks) <= len(registry.channels)
    assert not sync.is_held
    assert not registry.channels
    assert not registry.bridges
    assert not registry.changed
    assert not registry.calls._by_linkedid
