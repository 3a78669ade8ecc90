"""A leg: what the API shows of one channel, and the key it is filed under.

The fields of `Leg` are the row of `calls/active/list`, letter for letter and in its
order, so that encoding a leg is encoding a row. A leg never changes: a new one is put
in its place (`store.LegStore.put`).
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import msgspec

# `<epoch>.<counter>`, behind the system name when one is set
# (ast_channel_internal_setup / channel_internal_api.c); `;2` is a Local channel's second half.
_UNIQUEID = re.compile(r"(?:^|-)(\d{9,11})\.(\d+)(?:;[12])?$")


class LegKey(NamedTuple):
    """What tells legs apart: a uniqueid is unique on its machine only."""

    machine: int
    uniqueid: str


Key = tuple[int, str]
"""A `LegKey`, or a plain tuple of the same: where there are many, the collector forgets these."""


class Status(StrEnum):
    """What a leg is doing; API page, section 3."""

    NEW = "new"
    RINGING = "ringing"
    ANSWER = "answer"
    HOLD = "hold"
    ENDING = "ending"


class Direction(StrEnum):
    """Which way a leg's call goes, seen from the platform."""

    IN = "in"
    OUT = "out"
    INTERNAL = "internal"


class Leg(msgspec.Struct, frozen=True, order=True, gc=False, kw_only=True):
    """One channel that a person or a carrier is on the other end of, as the API shows it.

    Times are whole unix seconds, 0 = not (yet). Absent integers are 0, absent strings empty.
    Legs can be compared so that two states of one can be; that order means nothing.
    """

    answered: int = 0
    billing_peer: int = 0
    callerid_external: str = ""
    callerid_internal: str = ""
    callername_external: str = ""
    callername_internal: str = ""
    callid: str = ""
    channel: str = ""
    cnumber: str = ""
    ctype: str = ""
    dcustomer: int = 0
    dnumber: str = ""
    dtype: str = ""
    ingroup: int = 0
    machine: int
    outgroup: int = 0
    overmax: int = 0
    peer: int = 0
    recording: str = ""
    scustomer: int = 0
    sip_callid: str = ""
    snumber: str = ""
    spresent: int = 1
    start: int = 0
    status: str = Status.NEW.value
    stype: str = ""
    uniqueid: str
    direction: str = Direction.INTERNAL.value

    @property
    def key(self) -> LegKey:
        """The leg's key in the store."""
        return LegKey(self.machine, self.uniqueid)


@lru_cache(maxsize=1024)  # a channel that comes up asks some times
def uniqueid_order(uniqueid: str) -> tuple[int, int]:
    """Return (epoch, counter) of `uniqueid`; of one that was assigned freely, (0, 0).

    >>> uniqueid_order("pbx-east-1795479234.12")
    (1795479234, 12)
    >>> uniqueid_order("click-chan-1;2")
    (0, 0)
    """
    epoch, _, counter = uniqueid.partition(".")
    # Nearly all are no more than this, and told so in half the time.
    if 9 <= len(epoch) <= 11 and uniqueid.isascii() and epoch.isdigit() and counter.isdigit():
        return int(epoch), int(counter)
    match = _UNIQUEID.search(uniqueid)
    return (int(match[1]), int(match[2])) if match else (0, 0)
