"""What is asked of one machine on one connection: the first sync, then audits, for ever.

The order is that of the proof in `core.sync`: log in with events on; the list of live
channels (with the variables that matter), the list of cached channels, the bridges and
their members; then the barrier, a mark that travels with the events, so that all that was
published before it has arrived when it does. An audit is the same, once more.

It is also where the bytes of the connection go: through a translator into the state.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from callstate.ami.barrier import Barrier
from callstate.ami.connection import AmiConnection
from callstate.ami.errors import AmiError
from callstate.ami.intake import Intake
from callstate.ami.measures import Measures
from callstate.ami.translate import NAMES
from callstate.ami.wanted import header_lines, wanted_with
from callstate.config import Sync
from callstate.core import events as ev
from callstate.core.state import CallState
from callstate.core.sync import DOUBT_SECONDS

logger = logging.getLogger(__name__)

# FullyBooted comes with the login, unless the machine is still starting or the account
# may not read the class `system`: then there is nothing to wait for.
BOOT_SECONDS = 5.0

# So many BridgeInfo may be under way: an action line each, and answers of a few kB.
_BRIDGE_WINDOW = 50

# No event carries the variables that a masquerade moves. So long after one they are asked for;
# what happens meanwhile is looked at together.
MASQUERADE_SECONDS = 5.0

# What masquerades make us ask takes at most this part of the time, however much is up.
_MASQUERADE_SHARE = 0.05

# A call's events come in bursts: what happens in so short a time is derived together.
PUBLISH_SECONDS = 0.005

# Suspicion does not ask for lists more often than this.
_AUDIT_PAUSE_SECONDS = 1.0


class Session:
    """Keeps one machine's mirror in step; the `Sink` and the session of its connection.

    `variables` are the platform's channel variables that matter. Counted since the daemon
    started: `ignored` messages, and what is in `measures`.
    """

    def __init__(
        self,
        machine: int,
        state: CallState,
        *,
        sync: Sync,
        variables: Iterable[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._machine = machine
        self._state = state
        self._sync = sync
        self._wanted = self._taken = wanted_with(variables)
        self._clock = clock
        self.measures = Measures(NAMES)
        self._intake = Intake(frozenset(self._wanted), self.measures.tally)
        self._booted = asyncio.Event()
        self._suspicion = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        self._publishing: asyncio.TimerHandle | None = None
        self._lists_took = 0.0
        self._barrier = Barrier(machine)
        self._ignored_before = 0
        self._malformed_before = 0

    @property
    def ignored(self) -> dict[str, int]:
        """How many messages were not applied, by reason."""
        return {
            "irrelevant": self._ignored_before + self._intake.ignored,
            "malformed": self._malformed_before + self._intake.malformed,
        }

    def use(self, *, sync: Sync, variables: Iterable[str]) -> None:
        """Go by these from now on, and audit soon: that asks for the variables as well."""
        self._sync = sync
        self._wanted = wanted_with(variables)
        self._suspicion.set()

    # The sink of the connection

    def opened(self, version: str) -> None:
        """Begin a new mirror."""
        self._take_in_anew()
        self._booted.clear()
        self._suspicion.clear()
        self._barrier.opened()
        self._state.opened(self._machine, version=version)

    def received(self, whole: bytes, at: float) -> None:
        """Take in a piece. The legs follow, soon or when asked for; a bug costs one event."""
        failure: Exception | None = None
        events = self._intake.events(whole, at)
        if events:
            failure = self._state.take_all(self._machine, events, self._note)
            if self._publishing is None:
                later = asyncio.get_running_loop().call_later
                self._publishing = later(PUBLISH_SECONDS, self._publish)
        self._state.alive(self._machine, at)
        if whole:
            self.measures.applied(whole, at, self._clock())
        if failure is not None:
            self._suspicion.set()
            raise failure

    def _note(self, event: ev.Event) -> None:
        """Take note of an event that is for the session, and pass on what is for both."""
        match event:
            case ev.Marker():
                self._barrier.came(event.token)
            case ev.Malformed():
                self._suspicion.set()
            case ev.Masquerade():
                self._suspect_soon()
            case _:  # FullyBooted
                if self._booted.is_set():
                    self._suspicion.set()
                self._booted.set()
                self._state.take(self._machine, event)

    def closed(self, reason: str) -> None:
        """Take note that the connection is gone."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        self._publish()
        self._state.closed(self._machine, self._clock(), reason)

    def failed(self, reason: str) -> None:
        """Take note that there was none."""
        self._state.closed(self._machine, self._clock(), reason)

    def _publish(self) -> None:
        if self._publishing is not None:
            self._publishing.cancel()
            self._publishing = None
        self._state.publish(self._machine)

    # The session

    async def run(self, connection: AmiConnection) -> None:
        """Get in step, and audit for as long as the connection lasts.

        Raises:
            AmiError: when an answer did not come; the connection is then begun anew.
        """
        try:
            async with asyncio.timeout(BOOT_SECONDS):
                await self._booted.wait()
        except TimeoutError:
            # Whenever it comes, it is a reason to ask again.
            self._booted.set()
        started = self._clock()
        oversized = connection.oversized
        await self._ask_all(connection)
        self._state.released(self._machine, self._clock())
        connection.reset_backoff()
        seconds = round(self._clock() - started, 3)
        logger.info("in step", extra={"machine": self._machine, "seconds": seconds})
        while True:
            await self._wait_for_audit()
            self._suspicion.clear()
            await self._audit(connection)
            if connection.oversized != oversized:
                oversized = connection.oversized
                self._suspicion.set()
            await asyncio.sleep(min(_AUDIT_PAUSE_SECONDS, self._sync.audit_seconds))

    def _suspect_soon(self) -> None:
        """Bring the next audit forward, unless that was done already."""
        if self._soon is None:
            seconds = max(MASQUERADE_SECONDS, self._lists_took / _MASQUERADE_SHARE)
            self._soon = asyncio.get_running_loop().call_later(seconds, self._suspect)

    def _suspect(self) -> None:
        self._soon = None
        self._suspicion.set()

    async def _wait_for_audit(self) -> None:
        """Wait until it is time: soon, while a channel is in doubt that is not called over yet."""
        sync = self._state.sync_of(self._machine)
        seconds = self._sync.audit_seconds
        channels = sync.mirror.registry.channels
        if any(known in channels and not channels[known].is_over for known in sync.doubts):
            seconds = min(seconds, DOUBT_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                await self._suspicion.wait()
        except TimeoutError:
            return

    async def _audit(self, connection: AmiConnection) -> None:
        sync = self._state.sync_of(self._machine)
        reaped, missed = sync.reaped, sync.missed
        await self._ask_all(connection)
        if (sync.reaped, sync.missed) != (reaped, missed):
            logger.warning(
                "audit found differences",
                extra={
                    "machine": self._machine,
                    "reaped": sync.reaped - reaped,
                    "missed": sync.missed - missed,
                },
            )

    def _take_in_anew(self) -> None:
        self._ignored_before += self._intake.ignored
        self._malformed_before += self._intake.malformed
        self._taken = self._wanted
        self._intake = Intake(frozenset(self._wanted), self.measures.tally)

    async def _ask_all(self, connection: AmiConnection) -> None:
        if self._taken != self._wanted:
            self._take_in_anew()  # here, where no list is half read
        loop = asyncio.get_running_loop()
        started = loop.time()
        async with asyncio.TaskGroup() as group:
            for part in header_lines(self._wanted):
                group.create_task(_ask(connection, "Status", [("Variables", part)]))
            group.create_task(_ask(connection, "CoreShowChannels"))
            group.create_task(_ask(connection, "BridgeList"))
        bridges = list(self._state.sync_of(self._machine).mirror.registry.bridges)
        for start in range(0, len(bridges), _BRIDGE_WINDOW):
            async with asyncio.TaskGroup() as group:
                for bridge in bridges[start : start + _BRIDGE_WINDOW]:
                    # An error means that it is gone: its BridgeDestroy is under way.
                    group.create_task(connection.send("BridgeInfo", BridgeUniqueid=bridge))
        self._lists_took = loop.time() - started
        await self._barrier.passed(connection)
        self.measures.sync_seconds.observe(loop.time() - started)


async def _ask(
    connection: AmiConnection, name: str, headers: Iterable[tuple[str, str]] = ()
) -> None:
    """Ask for a list without which there is no being in step."""
    response = await connection.send(name, headers)
    if not response.success:
        raise AmiError(f"{name} failed: {response.message}")
