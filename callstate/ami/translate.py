"""Messages into typed events: the one place where AMI's events are known. Never raises.

A message is decided by its first line; what the mirror has no use for costs no more than
that.

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

from callstate.ami.blocks import Blocks
from callstate.ami.decode import Message
from callstate.ami.dialplan import Dialplan
from callstate.ami.headers import bridge, number, text
from callstate.ami.lists import Handler, Lists
from callstate.ami.twins import has_another, time_of, value
from callstate.core import events as ev

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
    "HangupRequest": ev.HangupRequest,
    "Hold": ev.Hold,
    "Unhold": ev.Unhold,
    "MixMonitorStart": ev.MixMonitorStart,
    "MixMonitorStop": ev.MixMonitorStop,
}
_OF_QUEUE = {"QueueCallerJoin": ev.QueueCallerJoin, "QueueCallerLeave": ev.QueueCallerLeave}
_OF_DIAL = {"DialState": ev.DialState, "DialEnd": ev.DialEnd}
_OF_BRIDGE = {"BridgeCreate": ev.BridgeCreate, "BridgeDestroy": ev.BridgeDestroy}


class Translator:
    """Translates the messages of one connection.

    `variables` are the channel variables whose VarSet matters; None means all of them.
    `malformed` counts messages that were refused. `blocks` are its memory, `lines` the first
    lines of those events that are looked at.
    """

    def __init__(self, variables: frozenset[str] | None = None) -> None:
        self.malformed = 0
        names = None if variables is None else frozenset(name.encode() for name in variables)
        self.blocks = Blocks()
        self._lists = Lists(self.blocks, names)
        dialplan = Dialplan(self.blocks, names)
        handlers: dict[str, Handler] = {
            "VarSet": dialplan.varset,
            "Newexten": dialplan.newexten,
            "Newchannel": self._newchannel,
            "NewCallerid": self._new_callerid,
            "Hangup": self._hangup,
            "DialBegin": self._dial_begin,
            "LocalBridge": self._local_bridge,
            "BridgeEnter": self._bridge_enter,
            "BridgeLeave": self._bridge_leave,
            "Rename": self._rename,
            "FullyBooted": self._fully_booted,
            "Shutdown": self._shutdown,
        }
        handlers |= {name: self._update(creates=True) for name in _CREATING}
        handlers |= {name: self._update(creates=False) for name in _REFRESHING}
        handlers |= {name: self._of_channel(kind) for name, kind in _OF_CHANNEL.items()}
        handlers |= {name: self._of_queue(kind) for name, kind in _OF_QUEUE.items()}
        handlers |= {name: self._of_dial(kind) for name, kind in _OF_DIAL.items()}
        handlers |= {name: _of_bridge(kind) for name, kind in _OF_BRIDGE.items()}
        handlers |= self._lists.handlers()
        handlers |= {"ParkedCall": _parked_call, "Pickup": _pickup}
        handlers["AttendedTransfer"] = _attended_transfer
        self._handlers = {b"Event: " + name.encode(): rule for name, rule in handlers.items()}
        self.lines = self._handlers.keys()

    def translate(self, raw: bytes, received: float) -> ev.Event | None:
        """Return the event in the message `raw`, or None if it tells the mirror nothing.

        `received` is the unix time of its arrival, used when it has no Timestamp.
        """
        end = raw.find(b"\r\n")
        return self.event(raw[:end] if end >= 0 else raw, raw, received)

    def event(self, line: bytes, raw: bytes, received: float) -> ev.Event | None:
        """Do as `translate`, for a message whose first line is `line`."""
        handler = self._handlers.get(line)
        if handler is None:
            if line[:7] == b"Event: ":
                return None
            handler = self._lists.response
        self.blocks.span = (0, 0)
        event = handler(raw, received)
        # Its own Privilege, if it has one, is the second line.
        if has_another(raw, len(line) + 1, self.blocks.span):
            self.malformed += 1
            self.blocks.clear()
            return ev.Malformed(received, f"two messages in one: {Message(raw).name[:40]!r}")
        return event

    # A channel's life

    def _update(self, *, creates: bool) -> Handler:
        def handler(raw: bytes, received: float) -> ev.Event | None:
            channel, changed = self.blocks.read(raw, remember=creates)
            if channel is None or not changed:
                return None
            return ev.ChannelUpdate(time_of(raw, received), channel, creates)

        return handler

    def _of_channel(self, kind: Callable[[float, ev.ChannelSnapshot], ev.Event]) -> Handler:
        def handler(raw: bytes, received: float) -> ev.Event | None:
            channel, _ = self.blocks.read(raw)
            return None if channel is None else kind(time_of(raw, received), channel)

        return handler

    def _of_queue(self, kind: Callable[[float, ev.ChannelSnapshot, str], ev.Event]) -> Handler:
        def handler(raw: bytes, received: float) -> ev.Event | None:
            channel, _ = self.blocks.read(raw)
            if channel is None:
                return None
            return kind(time_of(raw, received), channel, text(value(raw, b"Queue")))

        return handler

    def _newchannel(self, raw: bytes, received: float) -> ev.Event | None:
        remembered = len(self.blocks)
        channel, _ = self.blocks.read(raw)
        if channel is None:
            return None
        if len(self.blocks) > remembered:
            self.blocks.note_place(False)
        else:
            # It came before, or the channel did: by now it may run something.
            self.blocks.note_listed()
        return ev.Newchannel(time_of(raw, received), channel)

    def _new_callerid(self, raw: bytes, received: float) -> ev.Event | None:
        # It can come after the channel's Hangup.
        channel, _ = self.blocks.read(raw, remember=False)
        if channel is None:
            return None
        presentation = number(value(raw, b"CID-CallingPres").partition(b" ")[0], -1)
        return ev.NewCallerid(time_of(raw, received), channel, presentation)

    def _hangup(self, raw: bytes, received: float) -> ev.Event | None:
        uniqueid = value(raw, b"Uniqueid")
        if not uniqueid or uniqueid == b"none":
            return None
        self.blocks.forget(uniqueid)
        channel, cause = text(value(raw, b"Channel")), number(value(raw, b"Cause"), 0)
        return ev.Hangup(time_of(raw, received), text(uniqueid), channel, cause)

    def _rename(self, raw: bytes, received: float) -> ev.Event | None:
        uniqueid, new_name = text(value(raw, b"Uniqueid")), text(value(raw, b"Newname"))
        if not uniqueid or not new_name:
            return None
        old_name = text(value(raw, b"Channel"))
        return ev.Rename(time_of(raw, received), uniqueid, old_name, new_name)

    # Dials, Local channels, bridges

    def _dial_begin(self, raw: bytes, received: float) -> ev.Event | None:
        caller, dest = self.blocks.peek(raw), self.blocks.peek(raw, b"Dest")
        if dest is None:
            return None
        dial_string = text(value(raw, b"DialString"))
        return ev.DialBegin(time_of(raw, received), caller, dest, dial_string)

    def _of_dial(
        self,
        kind: Callable[[float, ev.ChannelSnapshot | None, ev.ChannelSnapshot, str], ev.Event],
    ) -> Handler:
        def handler(raw: bytes, received: float) -> ev.Event | None:
            caller, dest = self.blocks.peek(raw), self.blocks.peek(raw, b"Dest")
            if dest is None:
                return None
            return kind(time_of(raw, received), caller, dest, text(value(raw, b"DialStatus")))

        return handler

    def _local_bridge(self, raw: bytes, received: float) -> ev.Event | None:
        one, two = self.blocks.peek(raw, b"LocalOne"), self.blocks.peek(raw, b"LocalTwo")
        if one is None or two is None:
            return None
        return ev.LocalBridge(time_of(raw, received), one, two)

    def _bridge_enter(self, raw: bytes, received: float) -> ev.Event | None:
        entered, (channel, _) = bridge(raw), self.blocks.read(raw)
        if entered is None or channel is None:
            return None
        swap = text(value(raw, b"SwapUniqueid"))
        return ev.BridgeEnter(time_of(raw, received), entered, channel, swap)

    def _bridge_leave(self, raw: bytes, received: float) -> ev.Event | None:
        left, (channel, _) = bridge(raw), self.blocks.read(raw, remember=False)
        if left is None or channel is None:
            return None
        return ev.BridgeLeave(time_of(raw, received), left, channel)

    # The machine, and the lists that it gives on request

    def _fully_booted(self, raw: bytes, received: float) -> ev.Event | None:
        # A new life of the machine, or a new connection: what was remembered may be of the old.
        self.blocks.clear()
        return ev.FullyBooted(time_of(raw, received), number(value(raw, b"Uptime"), -1))

    def _shutdown(self, raw: bytes, received: float) -> ev.Event | None:
        self.blocks.clear()
        return ev.Shutdown(time_of(raw, received))


def _parked_call(raw: bytes, received: float) -> ev.Event | None:
    uniqueid = text(value(raw, b"ParkeeUniqueid"))
    if not uniqueid:
        return None
    return ev.ParkedCall(time_of(raw, received), uniqueid, text(value(raw, b"ParkingSpace")))


def _pickup(raw: bytes, received: float) -> ev.Event | None:
    return ev.Masquerade(time_of(raw, received))


def _attended_transfer(raw: bytes, received: float) -> ev.Event | None:
    # Where both calls had a bridge, these are joined, and no channel takes another's place.
    return _pickup(raw, received) if value(raw, b"DestType") == b"App" else None


def _of_bridge(kind: Callable[[float, ev.Bridge], ev.Event]) -> Handler:
    def handler(raw: bytes, received: float) -> ev.Event | None:
        of_event = bridge(raw)
        return None if of_event is None else kind(time_of(raw, received), of_event)

    return handler


# The names of the events that are looked at.
_LINES = frozenset(Translator().lines)
NAMES = frozenset(line[7:].decode() for line in _LINES)
