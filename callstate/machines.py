"""The machines that are followed: one connection each, which comes, goes and stays on its own.

A change of the configuration concerns those whose way in changed; every other connection stays
up, with the same socket, and learns of new timings and variables while it runs.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

import msgspec

from callstate.ami.connection import AmiConnection
from callstate.ami.session import Session
from callstate.config import Config, Machine
from callstate.core.state import CallState
from callstate.metrics import MachineCounts
from callstate.tasks import keep_running

logger = logging.getLogger(__name__)


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the machines at a reload, by their ids."""

    added: list[int] = []
    removed: list[int] = []
    reconnected: list[int] = []


class Machines:
    """The machines of a configuration, in `state` from the beginning, connected once started.

    Invariant: the state knows exactly these machines, but for the time that `use` takes.
    """

    def __init__(self, config: Config, state: CallState, *, clock: Callable[[], float]) -> None:
        self._config = config
        self._state = state
        self._clock = clock
        self._group: asyncio.TaskGroup | None = None
        self._followed: dict[int, _Followed] = {}
        for machine in config.machine:
            self._add(machine)

    def start(self, group: asyncio.TaskGroup) -> None:
        """Connect to every machine, in tasks of `group`."""
        self._group = group
        for followed in self._followed.values():
            self._connect(followed)

    def stop(self) -> None:
        """Close every connection; their tasks end when that is done."""
        for followed in self._followed.values():
            followed.cancel()

    async def use(self, config: Config) -> Changes:
        """Follow the machines of `config`; return once those that must go are closed.

        The legs of a removed machine go with it. One that is reached in another way now keeps
        its own as stale ones, until it is in step again: an id is one machine's for ever.
        """
        wanted = {machine.id: machine for machine in config.machine}
        removed = [known for known in self._followed if known not in wanted]
        moved = [
            known
            for known, followed in self._followed.items()
            if known in wanted and _way_in(followed.machine) != _way_in(wanted[known])
        ]
        old, self._config = self._config, config
        await self._close([*removed, *moved])
        for known in removed:
            del self._followed[known]
            self._state.remove_machine(known)
        added = [machine for machine in config.machine if machine.id not in self._followed]
        for followed in self._followed.values():
            self._renew(followed, wanted[followed.machine.id], old)
        for known in moved:
            self._connect(self._followed[known])
        for machine in added:
            self._connect(self._add(machine))
        return Changes(added=[machine.id for machine in added], removed=removed, reconnected=moved)

    def counts(self) -> list[MachineCounts]:
        """Return what was counted on each machine's connection, once there is one."""
        return [
            MachineCounts(
                machine=known,
                events=followed.session.measures.events(),
                ignored=followed.session.ignored | followed.connection.dropped,
                attempts=followed.connection.attempts,
                added_legs=self._state.sync_of(known).missed,
                removed_legs=self._state.sync_of(known).reaped,
                syncs=followed.session.measures.sync_seconds,
                applied=followed.session.measures.apply_seconds,
                lag=followed.session.measures.lag_seconds,
            )
            for known, followed in self._followed.items()
            if followed.connection is not None
        ]

    def _add(self, machine: Machine) -> "_Followed":
        self._state.add_machine(machine.id, machine.name)
        session = Session(
            machine.id,
            self._state,
            sync=self._config.sync,
            variables=self._config.variables.values(),
            clock=self._clock,
        )
        followed = self._followed[machine.id] = _Followed(machine, session)
        return followed

    def _connect(self, followed: "_Followed") -> None:
        if self._group is None:
            return
        machine, session = followed.machine, followed.session
        followed.connection = AmiConnection(
            machine, self._config.ami, sink=session, session=session.run, clock=self._clock
        )
        followed.task = self._group.create_task(
            keep_running(followed.connection.run), name=f"ami:{machine.id}"
        )

    async def _close(self, machines: Iterable[int]) -> None:
        """Close these connections; return when nothing more can come from them."""
        going = [self._followed[machine] for machine in machines]
        for followed in going:
            followed.cancel()
        tasks = [followed.task for followed in going if followed.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _renew(self, followed: "_Followed", machine: Machine, old: Config) -> None:
        """Let it know what is new since `old`."""
        config = self._config
        if followed.machine.name != machine.name:
            self._state.rename_machine(machine.id, machine.name)
        followed.machine = machine
        if (old.sync, old.variables) != (config.sync, config.variables):
            followed.session.use(sync=config.sync, variables=config.variables.values())
        if old.ami != config.ami and followed.connection is not None:
            followed.connection.use(config.ami)


class _Followed:
    """One machine, with what follows it."""

    def __init__(self, machine: Machine, session: Session) -> None:
        self.machine = machine
        self.session = session
        self.connection: AmiConnection | None = None
        self.task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


def _way_in(machine: Machine) -> Machine:
    """Return what decides how a machine is connected to: all but what people call it."""
    return msgspec.structs.replace(machine, name="")
