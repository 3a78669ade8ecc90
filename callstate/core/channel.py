"""What a mirror holds: channels, bridges, and the calls that they make together.

These are the mirror's own mutable records, in AMI's words. Only `mirror.Mirror` and its
parts change them; `derive` reads them and makes legs.
"""

import re
from collections.abc import Mapping
from typing import Any

from callstate.core.events import Bridge, ChannelSnapshot, ChannelState
from callstate.core.model import uniqueid_order

# How a number begins. Extensions that Asterisk or a dialplan's author named, and nobody
# dials, begin otherwise (`s`, `h`, `i`, `t`, `end-BUSY`).
_DIALLED = tuple("0123456789+*#")

_UP = ChannelState.UP.value


# The applications that a caller can have reached, as the API's types. The dialplan's `Ringing`
# is no place, but a caller hears it.
PLACES = {
    "BackGround": "ivr",
    "WaitExten": "ivr",
    "Read": "ivr",
    "Queue": "queue",
    "VoiceMail": "mailbox",
    "VoiceMailMain": "mailbox",
    "ConfBridge": "conference",
    "MeetMe": "conference",
}
RINGING = "Ringing"
APPLICATIONS = frozenset({*PLACES, RINGING})

# `0612345678@trunk`, `trunk/0612345678`, `trunk/sip:0612345678@host`: the number in it. What is
# not a number may be a password, and is of no use.
_DIAL_STRING = re.compile(r"(?:.*/)?(?:sips?:|tel:)?([0-9*#+]+)(?:[@;,].*)?", re.DOTALL)


def number_in(dial_string: str) -> str:
    """Return the number that `dial_string` dials, empty if it is none.

    >>> number_in("0612345678@trunk"), number_in("trunk/sip:0612345678@host"), number_in("c17-101")
    ('0612345678', '0612345678', '')
    """
    match = _DIAL_STRING.fullmatch(dial_string)
    return match[1] if match else ""


def is_noted(exten: str) -> bool:
    """Return whether it matters that a channel was in the extension `exten`, if only for a moment.

    >>> is_noted("101"), is_noted("ivr"), is_noted(""), is_noted("s")
    (True, True, True, False)
    """
    return len(exten) != 1 or exten in _DIALLED


# Most channels dial nobody, and an empty set of their own has 200 bytes.
_NOBODY: frozenset[str] = frozenset()


class Channel:
    """One channel of one machine.

    `snapshot` is the last header block; what can be newer than it is held beside it:
    `linkedid` (moves with no event of its own), `channel` (Rename), `variables` (VarSet).
    `start` and `answered` are unix seconds, 0 = unknown or not yet; `came_up`: it was
    seen to be answered, rather than found so. `presentation` is AMI's
    number, -1 = not told. `dialling` maps the uniqueids being dialled to what is heard of
    them; `dialled_by` is the uniqueid of the channel that dialled this one last, `dialled` the
    uniqueids of those that name this one so; `requested` says that another channel had it
    made, before it is known which (a channel's linkedid is at first its requestor's). `recordings`
    are the files being written, latest last.

    `first_exten` and `last_exten` are the first and the latest number that it was in, in the
    dialplan; `dialled_number` is the number that it was dialled with, empty if it was no
    number. `is_alerted` says that it was told that somebody rings. `parking_space` counts
    while it is in a parking bridge.
    `running` is the application that it runs, `Queue(sales)`, if that is one of `PLACES`.
    `said` is what its variables say, as `derive` worked it out; None when they changed since.
    `party` is what it is, as `inference` worked it out; None when its name changed since.
    `is_local` is True for a half of a Local channel, and `local_pair` what both halves have in
    common, empty for other channels.
    `is_over` says that it hung up, and that something holds on to it; see `sync`.
    """

    __slots__ = (
        "answered",
        "bridge",
        "call",
        "came_up",
        "channel",
        "dialled",
        "dialled_by",
        "dialled_number",
        "dialling",
        "first_exten",
        "hangup_requested",
        "holding",
        "is_alerted",
        "is_local",
        "is_over",
        "last_exten",
        "linkedid",
        "local_pair",
        "parking_space",
        "party",
        "presentation",
        "queue",
        "recordings",
        "requested",
        "running",
        "said",
        "serial",
        "sip_callid",
        "snapshot",
        "start",
        "uniqueid",
        "variables",
    )

    def __init__(
        self, snapshot: ChannelSnapshot, variables: dict[str, str], *, serial: int
    ) -> None:
        self.snapshot = snapshot
        self.serial = serial
        self.uniqueid = snapshot.uniqueid
        self.rename(snapshot.channel)
        self.linkedid = snapshot.linkedid
        self.variables = variables
        self.start = uniqueid_order(snapshot.uniqueid)[0]
        self.answered = 0
        self.came_up = False
        self.first_exten = self.last_exten = ""
        self.note_exten(snapshot.exten)
        self.presentation = -1
        self.bridge: BridgeRecord | None = None
        self.call: Call | None = None
        self.dialling: dict[str, str] = {}
        self.dialled: set[str] | frozenset[str] = _NOBODY
        self.dialled_by = ""
        self.dialled_number = ""
        self.holding = False
        self.is_over = False
        self.is_alerted = False
        self.hangup_requested = False
        self.queue = ""
        self.parking_space = ""
        self.running = ""
        self.requested = snapshot.linkedid != snapshot.uniqueid
        self.recordings: list[str] = []
        self.said: tuple[object, Mapping[str, Any]] | None = None
        self.sip_callid = ""

    @property
    def is_up(self) -> bool:
        """True once it is answered."""
        state: int = self.snapshot.channel_state
        return state == _UP

    @property
    def is_dialled(self) -> bool:
        """True for a channel that another one had made: it answers a call, or will."""
        return self.requested or self.dialled_by != ""

    def rename(self, name: str) -> None:
        """Take another name, and what follows from it."""
        self.channel = name
        self.is_local = name[:6] == "Local/"
        self.local_pair = name[:-2] if self.is_local and name[-2:] in (";1", ";2") else ""
        self.party: tuple[object, Any, Any] | None = None

    def dial(self, uniqueid: str) -> None:
        """Name a channel that it dialled. O(1)."""
        if isinstance(self.dialled, set):
            self.dialled.add(uniqueid)
        else:
            self.dialled = {uniqueid}

    def undial(self, uniqueid: str) -> None:
        """Take back that it dialled a channel. O(1)."""
        self.dialling.pop(uniqueid, None)
        if isinstance(self.dialled, set):
            self.dialled.discard(uniqueid)

    def note_exten(self, exten: str) -> None:
        """Remember `exten`, where the dialplan is now, if it is a number.

        A name counts as long as no number was seen: SIP users can be dialled by name.
        """
        if exten.startswith(_DIALLED):
            self.last_exten = exten
            if not self.first_exten.startswith(_DIALLED):
                self.first_exten = exten
        elif len(exten) > 1 and not self.first_exten:
            self.first_exten = self.last_exten = exten

    def carry(self, before: "Channel") -> None:
        """Take over what no list tells from what was known on the connection before."""
        self.start = before.start
        self.answered = before.answered
        self.came_up = before.came_up
        self.first_exten = before.first_exten
        self.last_exten = self.last_exten or before.last_exten
        self.dialled_number = before.dialled_number
        self.is_alerted = before.is_alerted
        self.parking_space = before.parking_space
        self.running = before.running
        self.presentation = before.presentation
        self.holding = before.holding
        self.queue = before.queue
        self.requested = before.requested
        self.recordings = list(before.recordings)
        self.sip_callid = before.sip_callid
        self.variables = before.variables | self.variables
        self.said = None

    def __repr__(self) -> str:
        return f"Channel({self.channel!r}, {self.uniqueid!r})"


class BridgeRecord:
    """One bridge and its members that events show, in the order in which they came."""

    __slots__ = ("bridge_type", "bridge_uniqueid", "members", "name", "technology")

    def __init__(self, bridge: Bridge) -> None:
        self.bridge_uniqueid = bridge.bridge_uniqueid
        self.members: dict[str, Channel] = {}
        self.update(bridge)

    def update(self, bridge: Bridge) -> None:
        """Take over what can change in a bridge's life."""
        self.bridge_type = bridge.bridge_type
        self.technology = bridge.technology
        self.name = bridge.name

    @property
    def is_call(self) -> bool:
        """True when its members talk as one call, so that Asterisk joins their linkedids.

        ast_bridge_channel_update_linkedids is reached from basic bridges and from ARI's
        stasis bridges that mix; conferences, parking and holding bridges join nobody.
        """
        return self.bridge_type == "basic" or (
            self.bridge_type == "stasis" and self.technology != "holding_bridge"
        )

    def __repr__(self) -> str:
        return f"BridgeRecord({self.bridge_uniqueid!r}, {self.bridge_type!r}, {len(self.members)})"


class Call:
    """Channels that belong together at this moment; `callid` is the oldest linkedid among them."""

    __slots__ = ("callid", "members")

    def __init__(self, members: list[Channel], callid: str) -> None:
        self.members = members
        self.callid = callid

    def __repr__(self) -> str:
        return f"Call({self.callid!r}, {len(self.members)})"


def callers_differ(before: ChannelSnapshot, after: ChannelSnapshot) -> bool:
    """True if two blocks show another caller.

    With the state and the extension, that is all that a leg shows of a block. Most blocks differ
    in the priority alone: a dialplan moves on.
    """
    return (
        before.caller_number != after.caller_number
        or before.caller_name != after.caller_name
        or before.account_code != after.account_code
    )
