"""What a mirror holds: channels, bridges, and the calls that they make together.

These are the mirror's own mutable records, in AMI's words. Only `mirror.Mirror` and its
parts change them; `derive` reads them and makes legs.
"""

from callstate.core.events import Bridge, ChannelSnapshot, ChannelState
from callstate.core.model import uniqueid_order


class Channel:
    """One channel of one machine.

    `snapshot` is the last header block; what can be newer than it is held beside it:
    `linkedid` (moves with no event of its own), `channel` (Rename), `variables` (VarSet).
    `start` and `answered` are unix seconds, 0 = unknown or not yet. `presentation` is AMI's
    number, -1 = not told. `dialling` maps the uniqueids being dialled to what is heard of
    them; `dialled_by` is the uniqueid of the channel that dialled this one last, `dialled` the
    uniqueids of those that name this one so; `requested` says that another channel had it
    made, before it is known which (a channel's linkedid is at first its requestor's). `recordings`
    are the files being written, latest last.
    """

    __slots__ = (
        "answered",
        "bridge",
        "call",
        "channel",
        "dialled",
        "dialled_by",
        "dialling",
        "first_exten",
        "hangup_requested",
        "holding",
        "linkedid",
        "presentation",
        "queue",
        "recordings",
        "requested",
        "serial",
        "sip_callid",
        "snapshot",
        "start",
        "uniqueid",
        "variables",
    )

    def __init__(self, snapshot: ChannelSnapshot, *, serial: int) -> None:
        self.snapshot = snapshot
        self.serial = serial
        self.uniqueid = snapshot.uniqueid
        self.channel = snapshot.channel
        self.linkedid = snapshot.linkedid
        self.variables = dict(snapshot.variables)
        self.start = uniqueid_order(snapshot.uniqueid)[0]
        self.answered = 0
        self.first_exten = snapshot.exten
        self.presentation = -1
        self.bridge: BridgeRecord | None = None
        self.call: Call | None = None
        self.dialling: dict[str, str] = {}
        self.dialled: set[str] = set()
        self.dialled_by = ""
        self.holding = False
        self.hangup_requested = False
        self.queue = ""
        self.requested = snapshot.linkedid != snapshot.uniqueid
        self.recordings: list[str] = []
        self.sip_callid = ""

    @property
    def is_up(self) -> bool:
        """True once it is answered."""
        return self.snapshot.channel_state == ChannelState.UP

    @property
    def is_local(self) -> bool:
        """True for a half of a Local channel."""
        return self.channel.startswith("Local/")

    @property
    def local_pair(self) -> str:
        """What both halves of a Local channel have in common, empty for other channels."""
        if self.is_local and self.channel[-2:] in (";1", ";2"):
            return self.channel[:-2]
        return ""

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
