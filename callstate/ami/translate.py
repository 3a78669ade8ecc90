"""Messages into typed events: the one place where AMI's events are known. Never raises.

A message is decided by its first line; what the mirror has no use for costs no more than
that. The standard header block of a channel is most of a message's bytes, and mostly the
same as in that channel's last message: a `Translator` remembers each channel's last block
and hands out the same `ChannelSnapshot` as long as the block is the same.

Rules:
1. Uniqueid `none`, or none at all, is no channel.
2. A second `Event:`, `Response:` or `Privilege:` line in one message means that bytes were
   lost (a message that lost its end runs into the next one) or that a value held a line
   break: the message is not applied, it is reported as `Malformed`.
3. Only events that go through the one ordered queue of channel and bridge events refresh
   a channel; those sent from other threads, or built from stored snapshots (Parked*,
   Confbridge*, Agent*, Pickup, transfers), do not.
"""

from collections.abc import Callable

from callstate.ami.decode import Message
from callstate.ami.headers import bridge, duration, number, snapshot, text, time_of, unescape, value
from callstate.core import events as ev
from callstate.core.channel import APPLICATIONS

MARKER_VARIABLE = "CALLSTATE_MARK"

# How many channels' last blocks are kept at most; above it all are forgotten, which costs
# time, not truth. Hangup removes a block, so only lost Hangups get near it.
_BLOCKS_LIMIT = 500_000

# Ordered events that show nothing but a live channel's own block.
_CREATING = ("Newstate", "NewConnectedLine", "NewAccountCode")
_REFRESHING = (
    "SoftHangupRequest",
    "HangupHandlerPush",
    "HangupHandlerPop",
    "HangupHandlerRun",
    "MusicOnHoldStart",
    "MusicOnHoldStop",
    "DTMFBegin",
    "DTMFEnd",
    "MixMonitorMute",
    "QueueCallerAbandon",
)
_OF_CHANNEL = {
    "Newchannel": ev.Newchannel,
    "HangupRequest": ev.HangupRequest,
    "Hold": ev.Hold,
    "Unhold": ev.Unhold,
    "MixMonitorStart": ev.MixMonitorStart,
    "MixMonitorStop": ev.MixMonitorStop,
}
_OF_QUEUE = {"QueueCallerJoin": ev.QueueCallerJoin, "QueueCallerLeave": ev.QueueCallerLeave}
_TELLING = frozenset(name.encode() for name in APPLICATIONS)
_OF_DIAL = {"DialState": ev.DialState, "DialEnd": ev.DialEnd}
_OF_BRIDGE = {"BridgeCreate": ev.BridgeCreate, "BridgeDestroy": ev.BridgeDestroy}
_LISTS = ("CoreShowChannelsComplete", "StatusComplete", "BridgeListComplete")
# What a machine that has not loaded its modules yet says to the actions of a sync.
_NOT_YET_KNOWN = tuple(
    b"Invalid/unknown command: " + action
    for action in (b"CoreShowChannels", b"Status", b"BridgeList")
)

_Handler = Callable[[bytes, float], ev.Event | None]


class Translator:
    """Translates the messages of one connection.

    `variables` are the channel variables whose VarSet matters; None means all of them.
    `ignored` counts messages that told the mirror nothing, `malformed` those refused.
    """

    def __init__(self, variables: frozenset[str] | None = None) -> None:
        self.ignored = 0
        self.malformed = 0
        self._variables = (
            None if variables is None else frozenset(name.encode() for name in variables)
        )
        self._blocks: dict[bytes, tuple[bytes, ev.ChannelSnapshot]] = {}
        handlers: dict[str, _Handler] = {
            "VarSet": self._varset,
            "Newexten": self._newexten,
            "NewCallerid": self._new_callerid,
            "Hangup": self._hangup,
            "DialBegin": self._dial_begin,
            "LocalBridge": self._local_bridge,
            "BridgeEnter": self._bridge_enter,
            "BridgeLeave": self._bridge_leave,
            "Rename": self._rename,
            "FullyBooted": self._fully_booted,
            "Shutdown": self._shutdown,
            "CoreShowChannel": self._core_show_channel,
            "Status": self._status,
            "BridgeListItem": self._bridge_list_item,
            "BridgeInfoChannel": self._bridge_info_channel,
            "BridgeInfoComplete": self._bridge_info_complete,
        }
        handlers |= {name: self._update(creates=True) for name in _CREATING}
        handlers |= {name: self._update(creates=False) for name in _REFRESHING}
        handlers |= {name: self._of_channel(kind) for name, kind in _OF_CHANNEL.items()}
        handlers |= {name: self._of_queue(kind) for name, kind in _OF_QUEUE.items()}
        handlers |= {name: self._of_dial(kind) for name, kind in _OF_DIAL.items()}
        handlers |= {name: _of_bridge(kind) for name, kind in _OF_BRIDGE.items()}
        handlers |= dict.fromkeys(_LISTS, _list_complete)
        handlers["ParkedCall"] = _parked_call
        self._handlers = {name.encode(): handler for name, handler in handlers.items()}

    def translate(self, raw: bytes, received: float) -> ev.Event | None:
        """Return the event in the message `raw`, or None if it tells the mirror nothing.

        `received` is the unix time of its arrival, used when it has no Timestamp.
        """
        end = raw.find(b"\r\n")
        if raw[:7] == b"Event: ":
            handler = self._handlers.get(raw[7:end] if end >= 0 else raw[7:])
        else:
            handler = self._response
        if handler is None:
            self.ignored += 1
            return None
        if _is_torn(raw, end):
            self.malformed += 1
            return ev.Malformed(received, f"two messages in one: {Message(raw).name[:40]!r}")
        event = handler(raw, received)
        if event is None:
            self.ignored += 1
        return event

    # A channel's life

    def _update(self, *, creates: bool) -> _Handler:
        def handler(raw: bytes, received: float) -> ev.Event | None:
            channel, changed = self._block(raw)
            if channel is None or not changed:
                return None
            return ev.ChannelUpdate(time_of(raw, received), channel, creates)

        return handler

    def _of_channel(self, kind: Callable[[float, ev.ChannelSnapshot], ev.Event]) -> _Handler:
        def handler(raw: bytes, received: float) -> ev.Event | None:
            channel, _ = self._block(raw)
            return None if channel is None else kind(time_of(raw, received), channel)

        return handler

    def _of_queue(self, kind: Callable[[float, ev.ChannelSnapshot, str], ev.Event]) -> _Handler:
        def handler(raw: bytes, received: float) -> ev.Event | None:
            channel, _ = self._block(raw)
            if channel is None:
                return None
            return kind(time_of(raw, received), channel, text(value(raw, b"Queue")))

        return handler

    def _newexten(self, raw: bytes, received: float) -> ev.Event | None:
        channel, _ = self._block(raw)
        if channel is None:
            return None
        application = _application(raw, b"AppData")
        return ev.ChannelUpdate(time_of(raw, received), channel, True, application)

    def _new_callerid(self, raw: bytes, received: float) -> ev.Event | None:
        channel, _ = self._block(raw)
        if channel is None:
            return None
        presentation = number(value(raw, b"CID-CallingPres").partition(b" ")[0], -1)
        return ev.NewCallerid(time_of(raw, received), channel, presentation)

    def _hangup(self, raw: bytes, received: float) -> ev.Event | None:
        uniqueid = value(raw, b"Uniqueid")
        if not uniqueid or uniqueid == b"none":
            return None
        self._blocks.pop(uniqueid, None)
        channel, cause = text(value(raw, b"Channel")), number(value(raw, b"Cause"), 0)
        return ev.Hangup(time_of(raw, received), text(uniqueid), channel, cause)

    def _varset(self, raw: bytes, received: float) -> ev.Event | None:
        # From the end: the value is escaped and thus one line, and the last header.
        start = raw.rfind(b"\r\nVariable: ") + 12
        end = raw.find(b"\r\n", start)
        if start < 12 or end < 0:
            return None
        name = raw[start:end].lstrip(b"_")
        channel, changed = self._block(raw)
        if channel is None:
            return _marker(raw, received, name)
        if self._variables is not None and name not in self._variables:
            if not changed:
                return None
            return ev.ChannelUpdate(time_of(raw, received), channel, creates=True)
        content = unescape(text(value(raw, b"Value", end)))
        return ev.VarSet(time_of(raw, received), channel, text(name), content)

    def _rename(self, raw: bytes, received: float) -> ev.Event | None:
        uniqueid, new_name = text(value(raw, b"Uniqueid")), text(value(raw, b"Newname"))
        if not uniqueid or not new_name:
            return None
        old_name = text(value(raw, b"Channel"))
        return ev.Rename(time_of(raw, received), uniqueid, old_name, new_name)

    # Dials, Local channels, bridges

    def _dial_begin(self, raw: bytes, received: float) -> ev.Event | None:
        caller, dest = self._block(raw)[0], self._block(raw, b"Dest")[0]
        if dest is None:
            return None
        dial_string = text(value(raw, b"DialString"))
        return ev.DialBegin(time_of(raw, received), caller, dest, dial_string)

    def _of_dial(
        self,
        kind: Callable[[float, ev.ChannelSnapshot | None, ev.ChannelSnapshot, str], ev.Event],
    ) -> _Handler:
        def handler(raw: bytes, received: float) -> ev.Event | None:
            caller, dest = self._block(raw)[0], self._block(raw, b"Dest")[0]
            if dest is None:
                return None
            return kind(time_of(raw, received), caller, dest, text(value(raw, b"DialStatus")))

        return handler

    def _local_bridge(self, raw: bytes, received: float) -> ev.Event | None:
        one, two = self._block(raw, b"LocalOne")[0], self._block(raw, b"LocalTwo")[0]
        if one is None or two is None:
            return None
        return ev.LocalBridge(time_of(raw, received), one, two)

    def _bridge_enter(self, raw: bytes, received: float) -> ev.Event | None:
        entered, (channel, _) = bridge(raw), self._block(raw)
        if entered is None or channel is None:
            return None
        swap = text(value(raw, b"SwapUniqueid"))
        return ev.BridgeEnter(time_of(raw, received), entered, channel, swap)

    def _bridge_leave(self, raw: bytes, received: float) -> ev.Event | None:
        left, (channel, _) = bridge(raw), self._block(raw)
        if left is None or channel is None:
            return None
        return ev.BridgeLeave(time_of(raw, received), left, channel)

    # The machine, and the lists that it gives on request

    def _fully_booted(self, raw: bytes, received: float) -> ev.Event | None:
        # A new life of the machine, or a new connection: what was remembered may be of the old.
        self._blocks.clear()
        return ev.FullyBooted(time_of(raw, received), number(value(raw, b"Uptime"), -1))

    def _shutdown(self, raw: bytes, received: float) -> ev.Event | None:
        self._blocks.clear()
        return ev.Shutdown(time_of(raw, received))

    def _response(self, raw: bytes, received: float) -> ev.Event | None:
        if raw[:10] != b"Response: ":
            return None
        if raw.find(b"\r\nEventList: start") >= 0:
            return ev.ListStart(received, text(value(raw, b"ActionID")))
        if value(raw, b"Message").startswith(_NOT_YET_KNOWN):
            return ev.ListRefused(received)
        return None

    def _core_show_channel(self, raw: bytes, received: float) -> ev.Event | None:
        channel, _ = self._block(raw)
        if channel is None:
            return None
        return ev.CoreShowChannel(
            received,
            channel,
            text(value(raw, b"ActionID")),
            duration(value(raw, b"Duration")),
            _application(raw, b"ApplicationData"),
        )

    def _status(self, raw: bytes, received: float) -> ev.Event | None:
        channel, _ = self._block(raw)
        if channel is None:
            return None
        return ev.Status(
            received,
            channel,
            text(value(raw, b"ActionID")),
            number(value(raw, b"Seconds"), 0),
            _application(raw, b"Data"),
            self._status_variables(raw),
        )

    def _status_variables(self, raw: bytes) -> tuple[tuple[str, str], ...]:
        """Return the Variable lines of a Status item that matter; they come unescaped."""
        found: list[tuple[str, str]] = []
        for line in raw.split(b"\r\nVariable: ")[1:]:
            name, _, content = line.partition(b"\r\n")[0].partition(b"=")
            if self._variables is None or name in self._variables:
                found.append((text(name), "" if content == b"(null)" else text(content)))
        return tuple(found)

    def _bridge_list_item(self, raw: bytes, received: float) -> ev.Event | None:
        listed = bridge(raw)
        if listed is None:
            return None
        return ev.BridgeListItem(received, listed, text(value(raw, b"ActionID")))

    def _bridge_info_channel(self, raw: bytes, received: float) -> ev.Event | None:
        channel, _ = self._block(raw)
        if channel is None:
            return None
        return ev.BridgeInfoChannel(received, channel, text(value(raw, b"ActionID")))

    def _bridge_info_complete(self, raw: bytes, received: float) -> ev.Event | None:
        listed = bridge(raw)
        if listed is None:
            return None
        action_id, items = text(value(raw, b"ActionID")), number(value(raw, b"ListItems"), -1)
        return ev.BridgeInfoComplete(received, listed, action_id, items)

    def _block(self, raw: bytes, prefix: bytes = b"") -> tuple[ev.ChannelSnapshot | None, bool]:
        """Return the channel in the block with `prefix`, and whether it shows anything new.

        O(bytes) to find the block, and to read it if it is not the channel's last one.
        """
        head = b"\r\n" + prefix
        start = raw.find(head + b"Channel: ")
        uniqueid_at = raw.find(head + b"Uniqueid: ")
        if uniqueid_at < 0 or start < 0:
            return None, False
        value_at = uniqueid_at + len(head) + 10
        end = raw.find(b"\r\n", value_at)
        uniqueid = raw[value_at : end if end >= 0 else len(raw)]
        if not uniqueid or uniqueid in (b"none", b"<unknown>"):
            return None, False
        last = raw.rfind(head + b"ChanVariable: ")
        if last < 0:
            last = max(raw.find(head + b"Linkedid: "), uniqueid_at)
        end = raw.find(b"\r\n", last + 2)
        block = raw[start + 2 : end if end >= 0 else len(raw)]
        known = self._blocks.get(uniqueid)
        if known is not None and known[0] == block:
            return known[1], False
        channel = snapshot(block, len(prefix))
        if prefix:
            # A block with a prefix has other bytes for the same values.
            if known is not None and known[1] == channel:
                return known[1], False
            return channel, True
        if len(self._blocks) >= _BLOCKS_LIMIT:
            self._blocks.clear()
        self._blocks[uniqueid] = (block, channel)
        return channel, True


def _is_torn(raw: bytes, first_end: int) -> bool:
    """True if `raw` holds two messages; its own Privilege, if it has one, is the second line."""
    return (
        raw.find(b"\r\nPrivilege: ", first_end + 1) >= 0
        or raw.find(b"\r\nEvent: ") >= 0
        or raw.find(b"\r\nResponse: ") >= 0
    )


def _marker(raw: bytes, received: float, name: bytes) -> ev.Event | None:
    if name != MARKER_VARIABLE.encode():
        return None
    return ev.Marker(time_of(raw, received), unescape(text(value(raw, b"Value"))))


def _application(raw: bytes, data_key: bytes) -> str:
    """Return what the channel runs; with its arguments, if that tells where a caller is."""
    application = value(raw, b"Application")
    if application not in _TELLING:
        return text(application)
    return text(b"%b(%b)" % (application, value(raw, data_key)))


def _parked_call(raw: bytes, received: float) -> ev.Event | None:
    uniqueid = text(value(raw, b"ParkeeUniqueid"))
    if not uniqueid:
        return None
    return ev.ParkedCall(time_of(raw, received), uniqueid, text(value(raw, b"ParkingSpace")))


def _of_bridge(kind: Callable[[float, ev.Bridge], ev.Event]) -> _Handler:
    def handler(raw: bytes, received: float) -> ev.Event | None:
        of_event = bridge(raw)
        return None if of_event is None else kind(time_of(raw, received), of_event)

    return handler


def _list_complete(raw: bytes, received: float) -> ev.Event | None:
    message = Message(raw)
    items = number(value(raw, b"ListItems"), -1)
    return ev.ListComplete(received, message.name, message.get("ActionID"), items)
