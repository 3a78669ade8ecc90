"""Where the daemon stands: what `/readyz` says of each machine and of the directory.

Anybody may ask. So nothing here names a user: what is wrong with the directory is in the
log only. What is wrong with a machine is told; it is about the machine and our access to it.
"""

import msgspec

from callstate.core.directory import SourceState
from callstate.core.errors import BadParameter
from callstate.core.state import CallState, MachineStatus


class MachineStanding(msgspec.Struct, frozen=True, kw_only=True):
    """`age_seconds` is how long ago the legs were last known to be true, None if they never were.

    `last_error` is why it is out of step, empty while it is in step.
    """

    machine: int
    name: str
    connected: bool
    in_step: bool
    age_seconds: float | None
    last_error: str


class DirectoryStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How the directory's last read ended; when, and how long ago, one was last accepted."""

    state: SourceState
    loaded_at: float | None
    age_seconds: float | None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The `data` of `/readyz`."""

    machines: list[MachineStanding]
    directory: DirectoryStanding


def standing(state: CallState, now: float) -> Standing:
    """Return where everything stands at the unix time `now`. O(machines)."""
    source = state.source
    directory = DirectoryStanding(
        state=source.state,
        loaded_at=source.loaded_at,
        age_seconds=_age(source.loaded_at, now),
    )
    machines = [_of_machine(status, now) for status in state.statuses()]
    return Standing(machines=machines, directory=directory)


def waited_for(state: CallState) -> list[BadParameter]:
    """Return an entry of a refusal for each machine that is out of step, with the reason."""
    return [
        BadParameter(f"machine[{status.machine}]", _reason(status))
        for status in state.statuses()
        if not status.in_step
    ]


def _reason(status: MachineStatus) -> str:
    if status.connected:
        return "connected, its channels are being read"
    return status.last_error or "no answer yet"


def _of_machine(status: MachineStatus, now: float) -> MachineStanding:
    return MachineStanding(
        machine=status.machine,
        name=status.name,
        connected=status.connected,
        in_step=status.in_step,
        age_seconds=_age(status.as_of, now),
        last_error=status.last_error,
    )


def _age(since: float | None, now: float) -> float | None:
    return None if since is None else max(0.0, round(now - since, 3))
