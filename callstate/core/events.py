"""What Asterisk said, as values: numbers are numbers, `<unknown>` is empty, escapes are undone."""

from enum import IntEnum

import msgspec


class ChannelState(IntEnum):
    """AMI's ChannelState (include/asterisk/channelstate.h)."""

    DOWN = 0
    RESERVED = 1
    OFFHOOK = 2
    DIALING = 3
    RING = 4
    RINGING = 5
    UP = 6
    BUSY = 7
    DIALING_OFFHOOK = 8
    PRERING = 9


class ChannelSnapshot(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The standard header block of a channel (ast_manager_build_channel_state_string_prefix).

    `variables` holds the ChanVariable headers: all names of `channelvars`, empty when unset.
    """

    uniqueid: str
    linkedid: str
    channel: str
    channel_state: int
    caller_number: str
    caller_name: str
    connected_number: str
    connected_name: str
    account_code: str
    context: str
    exten: str
    priority: int
    variables: tuple[tuple[str, str], ...] = ()


class Bridge(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The bridge headers of an event. `num_channels` counts members that are never shown."""

    bridge_uniqueid: str
    bridge_type: str
    technology: str
    num_channels: int
    name: str = ""


class Event(msgspec.Struct, frozen=True, gc=False):
    """Named as in AMI; `at` is its unix time: its Timestamp, else when its bytes were received."""

    at: float


class Newchannel(Event, frozen=True, gc=False):
    """A channel exists: the first snapshot of it, exactly one per uniqueid."""

    snapshot: ChannelSnapshot


class ChannelUpdate(Event, frozen=True, gc=False):
    """Newstate, Newexten, NewConnectedLine and all that only show a live channel's fields.

    `creates`: in the one order of events, so that its Hangup will come; an unknown channel may
    be taken from it. `application` is what it runs now, as `Queue(sales)`; None is not said.
    """

    snapshot: ChannelSnapshot
    creates: bool = False
    application: str | None = None


class NewCallerid(Event, frozen=True, gc=False):
    """Caller number or name changed; `presentation` is AMI's CID-CallingPres number."""

    snapshot: ChannelSnapshot
    presentation: int


class Hangup(Event, frozen=True, gc=False):
    """The channel is gone (its destructor ran)."""

    uniqueid: str
    channel: str
    cause: int = 0


class HangupRequest(Event, frozen=True, gc=False):
    """Somebody wants the channel to end: it may still run an extension or be moved."""

    snapshot: ChannelSnapshot


class VarSet(Event, frozen=True, gc=False):
    """A channel variable was set, without the underscores that say how it is inherited."""

    snapshot: ChannelSnapshot
    variable: str
    value: str


class Marker(Event, frozen=True, gc=False):
    """Our own mark, come back through the one order of events: the barrier."""

    token: str


class Hold(Event, frozen=True, gc=False):
    """The channel holds its peer."""

    snapshot: ChannelSnapshot


class Unhold(Event, frozen=True, gc=False):
    """The channel takes its peer back."""

    snapshot: ChannelSnapshot


class MixMonitorStart(Event, frozen=True, gc=False):
    """One more recording runs on the channel; its file came by VarSet MIXMONITOR_FILENAME."""

    snapshot: ChannelSnapshot


class MixMonitorStop(Event, frozen=True, gc=False):
    """One recording of the channel was stopped; which one is not said."""

    snapshot: ChannelSnapshot


class DialBegin(Event, frozen=True, gc=False):
    """`caller` (None for an originated call) dials `dest`."""

    caller: ChannelSnapshot | None
    dest: ChannelSnapshot
    dial_string: str = ""


class DialState(Event, frozen=True, gc=False):
    """What is heard of a dialled channel meanwhile: RINGING, PROGRESS, PROCEEDING."""

    caller: ChannelSnapshot | None
    dest: ChannelSnapshot
    status: str


class DialEnd(Event, frozen=True, gc=False):
    """The dialling of `dest` is over; `status` is ANSWER, BUSY, CANCEL, NOANSWER, ..."""

    caller: ChannelSnapshot | None
    dest: ChannelSnapshot
    status: str


class LocalBridge(Event, frozen=True, gc=False):
    """The two halves of a Local channel."""

    one: ChannelSnapshot
    two: ChannelSnapshot


class BridgeCreate(Event, frozen=True, gc=False):
    """A bridge exists."""

    bridge: Bridge


class BridgeDestroy(Event, frozen=True, gc=False):
    """A bridge is gone."""

    bridge: Bridge


class BridgeEnter(Event, frozen=True, gc=False):
    """A channel joined a bridge, in the place of `swap_uniqueid` if that is not empty."""

    bridge: Bridge
    snapshot: ChannelSnapshot
    swap_uniqueid: str = ""


class BridgeLeave(Event, frozen=True, gc=False):
    """A channel left a bridge."""

    bridge: Bridge
    snapshot: ChannelSnapshot


class Rename(Event, frozen=True, gc=False):
    """A channel got another name; sent outside the one order of events."""

    uniqueid: str
    channel: str
    new_name: str


class Masquerade(Event, frozen=True, gc=False):
    """A channel took another's place, its variables with it: a pickup, a transfer to one alone."""


class QueueCallerJoin(Event, frozen=True, gc=False):
    """A caller waits in `queue`."""

    snapshot: ChannelSnapshot
    queue: str


class QueueCallerLeave(Event, frozen=True, gc=False):
    """A caller waits no longer in `queue`."""

    snapshot: ChannelSnapshot
    queue: str


class ParkedCall(Event, frozen=True, gc=False):
    """The channel with `uniqueid` is parked at `space`; sent outside the one order of events."""

    uniqueid: str
    space: str


class FullyBooted(Event, frozen=True, gc=False):
    """The machine is up; `uptime` in seconds, -1 when not said."""

    uptime: int


class Shutdown(Event, frozen=True, gc=False):
    """The machine goes down; every channel of it is over."""


class ListRefused(Event, frozen=True, gc=False):
    """The machine does not know the action yet that asks for a list: it is still starting."""


class ListStart(Event, frozen=True, gc=False):
    """The response that a list follows."""

    action_id: str


class ListComplete(Event, frozen=True, gc=False):
    """A list is over: `name` as `CoreShowChannelsComplete`; `items` were written, -1 unknown."""

    name: str
    action_id: str
    items: int


class CoreShowChannel(Event, frozen=True, gc=False):
    """A channel in the list of Asterisk's snapshot cache; `seconds` since its creation."""

    snapshot: ChannelSnapshot
    action_id: str
    seconds: int
    application: str


class Status(Event, frozen=True, gc=False):
    """A channel in the list of live channels, with the `variables` that were asked for."""

    snapshot: ChannelSnapshot
    action_id: str
    seconds: int
    application: str
    variables: tuple[tuple[str, str], ...] = ()


class BridgeListItem(Event, frozen=True, gc=False):
    """A bridge in the list of bridges."""

    bridge: Bridge
    action_id: str


class BridgeInfoChannel(Event, frozen=True, gc=False):
    """A member of the bridge that the list with this `action_id` is about."""

    snapshot: ChannelSnapshot
    action_id: str


class BridgeInfoComplete(Event, frozen=True, gc=False):
    """All members of `bridge` have been listed; `items` were written, -1 unknown."""

    bridge: Bridge
    action_id: str
    items: int


class Malformed(Event, frozen=True, gc=False):
    """A message that cannot be what Asterisk meant: something of the stream was lost."""

    reason: str
