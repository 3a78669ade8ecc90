"""What the pretended Asterisk would answer, kept in AMI's own words.

Read from the events that it has played, message by message. It knows no legs and no calls,
and shares no code with the mirror: what the two agree on has been found twice.

Rules (numbers are of Asterisk's own order of events):
1. A channel is the last standard header block seen of it, in an event of the one order.
2. BridgeEnter in a basic bridge gives its Linkedid to every member but the one swapped out.
3. A variable is what VarSet said last, or the header block where no VarSet was sent.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Headers = list[tuple[str, str]]

# The standard block, ast_manager_build_channel_state_string_prefix.
# fmt: off
BLOCK_HEADERS = {
    "Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName",
    "ConnectedLineNum", "ConnectedLineName", "Language", "AccountCode", "Context", "Exten",
    "Priority", "Uniqueid", "Linkedid", "Tenantid",
}
BRIDGE_HEADERS = {
    "BridgeUniqueid", "BridgeType", "BridgeTechnology", "BridgeCreator", "BridgeName",
    "BridgeNumChannels", "BridgeVideoSourceMode", "BridgeVideoSource",
}
# Events of the one order whose blocks are true at their place in it, and their prefixes.
_PREFIXES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((
        "Newchannel", "Newstate", "Newexten", "NewCallerid", "NewConnectedLine",
        "NewAccountCode", "VarSet", "Hold", "Unhold", "BridgeEnter", "BridgeLeave",
        "HangupRequest", "SoftHangupRequest", "MixMonitorStart", "MixMonitorStop",
        "MixMonitorMute", "MusicOnHoldStart", "MusicOnHoldStop", "QueueCallerJoin",
        "QueueCallerLeave",
    ), ("",)),
    **dict.fromkeys(("DialBegin", "DialState", "DialEnd"), ("", "Dest")),
    "LocalBridge": ("LocalOne", "LocalTwo"),
}
# What an unknown channel may be taken from; anything else can come after its Hangup.
_CREATING = {
    "Newchannel", "Newstate", "Newexten", "NewConnectedLine", "BridgeEnter", "DialBegin", "VarSet",
}
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
# fmt: on


@dataclass(slots=True)
class PlayedChannel:
    """A channel that is up: its header block as last seen, and what else a list shows of it."""

    block: dict[str, str]
    created: float
    chan_variables: list[tuple[str, str]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    application: str = ""
    data: str = ""
    bridge: str = ""

    @property
    def name(self) -> str:
        """The channel's name."""
        return self.block.get("Channel", "")

    def headers(self) -> Headers:
        """The standard header block, channel variables included."""
        return [
            *self.block.items(),
            *(("ChanVariable", f"{name}={value}") for name, value in self.chan_variables),
        ]


@dataclass(slots=True)
class PlayedBridge:
    """A bridge: its headers as last seen, and the uniqueids of its members."""

    headers: Headers
    members: list[str] = field(default_factory=list)


class PlayedState:
    """Every channel and bridge, in the order of their creation, after the events so far."""

    def __init__(self) -> None:
        self.channels: dict[str, PlayedChannel] = {}
        self.bridges: dict[str, PlayedBridge] = {}
        self.ended = 0
        self._gone: set[str] = set()

    def apply(self, headers: Headers, at: float) -> None:
        """Take over what the event with these headers, sent at `at`, says."""
        values = dict(reversed(headers))
        name = values.get("Event", "")
        for prefix in _PREFIXES.get(name, ()):
            self._refresh(name, prefix, headers, at)
        channel = self.channels.get(values.get("Uniqueid", ""))
        match name:
            case "Hangup":
                self._hang_up(values.get("Uniqueid", ""))
            case "Newexten" if channel is not None:
                channel.application = values.get("Application", "")
                channel.data = values.get("AppData", "")
            case "VarSet" if channel is not None:
                _set_variable(channel, values.get("Variable", ""), values.get("Value", ""))
            case "DialBegin":
                dialled = self.channels.get(values.get("DestUniqueid", ""))
                if dialled is not None:
                    dialled.application, dialled.data = "AppDial", "(Outgoing Line)"
            case "BridgeCreate" | "BridgeEnter" | "BridgeLeave" | "BridgeDestroy":
                self._bridge(name, values, headers)
            case _:
                pass

    def by_name(self, name: str) -> PlayedChannel | None:
        """Return the channel called `name`. O(n)."""
        return next((one for one in self.channels.values() if one.name == name), None)

    def members(self, bridge: PlayedBridge) -> Iterator[PlayedChannel]:
        """Give the members of `bridge` that are up, in the order in which they came."""
        yield from (self.channels[one] for one in bridge.members if one in self.channels)

    def clear(self) -> None:
        """Forget everything: the machine was restarted."""
        self.channels.clear()
        self.bridges.clear()
        self._gone.clear()

    def forget(self, uniqueids: Iterable[str]) -> None:
        """Forget that these are gone: they will not be seen again."""
        self._gone.difference_update(uniqueids)

    def _refresh(self, event: str, prefix: str, headers: Headers, at: float) -> None:
        block, chan_variables = _block(headers, prefix)
        uniqueid = block.get("Uniqueid", "")
        channel = self.channels.get(uniqueid)
        if channel is None:
            # An assigned uniqueid may be used again, but only a Newchannel says so.
            can_create = event in _CREATING and uniqueid not in self._gone
            if event != "Newchannel" and not can_create:
                return
            if "ChannelState" not in block:
                return
            self._gone.discard(uniqueid)
            channel = self.channels[uniqueid] = PlayedChannel(block=block, created=at)
        channel.block = block
        channel.chan_variables = chan_variables
        for name, value in chan_variables:
            if value or name in channel.variables:
                channel.variables[name] = unescape(value)

    def _hang_up(self, uniqueid: str) -> None:
        if uniqueid not in self._gone:
            self.ended += 1
        self._gone.add(uniqueid)
        channel = self.channels.pop(uniqueid, None)
        if channel is not None:
            self._leave(uniqueid, channel.bridge)

    def _bridge(self, event: str, values: dict[str, str], headers: Headers) -> None:
        bridge_uniqueid = values.get("BridgeUniqueid", "")
        if event == "BridgeDestroy":
            gone = self.bridges.pop(bridge_uniqueid, PlayedBridge(headers=[]))
            for member in self.members(gone):
                member.bridge = ""
            return
        bridge = self.bridges.setdefault(bridge_uniqueid, PlayedBridge(headers=[]))
        bridge.headers = [(key, value) for key, value in headers if key in BRIDGE_HEADERS]
        channel = self.channels.get(values.get("Uniqueid", ""))
        if channel is None or event == "BridgeCreate":
            return
        uniqueid = channel.block["Uniqueid"]
        self._leave(uniqueid, channel.bridge if event == "BridgeEnter" else bridge_uniqueid)
        if event == "BridgeEnter":
            channel.bridge = bridge_uniqueid
            bridge.members.append(uniqueid)
            if values.get("BridgeType") == "basic":
                self._share_linkedid(bridge, values)

    def _leave(self, uniqueid: str, bridge_uniqueid: str) -> None:
        bridge = self.bridges.get(bridge_uniqueid)
        if bridge is None or uniqueid not in bridge.members:
            return
        bridge.members.remove(uniqueid)
        channel = self.channels.get(uniqueid)
        if channel is not None and channel.bridge == bridge_uniqueid:
            channel.bridge = ""

    def _share_linkedid(self, bridge: PlayedBridge, values: dict[str, str]) -> None:
        for member in self.members(bridge):
            if member.block["Uniqueid"] != values.get("SwapUniqueid"):
                member.block["Linkedid"] = values["Linkedid"]


def unescape(value: str) -> str:
    """Undo ast_escape_c_alloc, which VarSet and ChanVariable values have been through."""
    if "\\" not in value:
        return value
    head, *parts = value.split("\\")
    result = [head]
    pieces = iter(parts)
    for piece in pieces:
        if piece:
            result.append(_ESCAPES.get(piece[0], piece[0]) + piece[1:])
        else:  # an escaped backslash: what follows it is plain
            result.append("\\" + next(pieces, ""))
    return "".join(result)


def _block(headers: Headers, prefix: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the standard block with this prefix and its channel variables."""
    block: dict[str, str] = {}
    chan_variables: list[tuple[str, str]] = []
    for key, value in headers:
        bare = key.removeprefix(prefix)
        if prefix and bare == key:
            continue
        if bare in BLOCK_HEADERS:
            block[bare] = value
        elif bare == "ChanVariable":
            name, _, text = value.partition("=")
            chan_variables.append((name, text))
    return block, chan_variables


def _set_variable(channel: PlayedChannel, name: str, value: str) -> None:
    name = name.lstrip("_")
    channel.variables[name] = unescape(value)
    channel.chan_variables = [
        (known, value if known == name else before) for known, before in channel.chan_variables
    ]
