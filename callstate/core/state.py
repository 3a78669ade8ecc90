"""All that the daemon knows: the legs, how fresh they are, and the directory."""

import msgspec


class MachineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one machine's legs relate to the truth.

    `in_step` is True while connected and synced. `as_of` is the unix time of the last
    proof of life while in step, None if it never was. `down_since` is set while out of step.
    """

    machine: int
    name: str = ""
    connected: bool = False
    in_step: bool = False
    as_of: float | None = None
    down_since: float | None = None
    last_error: str = ""
    version: str = ""
