"""What Asterisk shows, for the tests of the mirror: blocks, bridges, and random events of few."""

from typing import Any

from hypothesis import strategies as st

from callstate.core import events as ev
from callstate.core.registry import Registry

AT = 1000000500.0

# Few channels, so that random events meet: plain ones, one younger by its counter only, both
# halves of a Local channel, and an id that somebody chose.
NAMES = {
    "1000000000.1": "PJSIP/a-00000001",
    "1000000000.2": "PJSIP/b-00000002",
    "1000000000.10": "Local/c@x-00000003;1",
    "1000000000.11": "Local/c@x-00000003;2",
    "999999999.7": "PJSIP/old-00000000",
    "click-1": "PJSIP/d-00000004",
}
UNIQUEIDS = tuple(NAMES)
ORDINARY = tuple(one for one in UNIQUEIDS if one != "click-1")


def snapshot(uniqueid: str = "1000000000.1", **fields: Any) -> ev.ChannelSnapshot:
    """Return the header block of a channel, its own linkedid, down, unless `fields` say else."""
    values: dict[str, Any] = {
        "linkedid": uniqueid,
        "channel": NAMES.get(uniqueid, f"PJSIP/x-{uniqueid}"),
        "channel_state": 0,
        "caller_number": "",
        "caller_name": "",
        "connected_number": "",
        "connected_name": "",
        "account_code": "",
        "context": "cust",
        "exten": "s",
        "priority": 1,
    }
    return ev.ChannelSnapshot(uniqueid=uniqueid, **values | fields)


def bridge(uniqueid: str = "b1", kind: str = "basic", **fields: Any) -> ev.Bridge:
    """Return the headers of a bridge."""
    values: dict[str, Any] = {"technology": "simple_bridge", "num_channels": 2}
    return ev.Bridge(bridge_uniqueid=uniqueid, bridge_type=kind, **values | fields)


def newchannel(uniqueid: str = "1000000000.1", *, at: float = AT, **fields: Any) -> ev.Newchannel:
    return ev.Newchannel(at, snapshot(uniqueid, **fields))


def update(uniqueid: str = "1000000000.1", *, at: float = AT, **fields: Any) -> ev.ChannelUpdate:
    """Return an event of a live channel, such as Newstate."""
    return ev.ChannelUpdate(at, snapshot(uniqueid, **fields), creates=True)


def hangup(uniqueid: str = "1000000000.1", *, at: float = AT) -> ev.Hangup:
    return ev.Hangup(at, uniqueid, NAMES.get(uniqueid, ""))


def enter(
    uniqueid: str, into: ev.Bridge | None = None, *, swap: str = "", **fields: Any
) -> ev.BridgeEnter:
    return ev.BridgeEnter(AT, into or bridge(), snapshot(uniqueid, **fields), swap)


def leave(uniqueid: str, from_: ev.Bridge | None = None, **fields: Any) -> ev.BridgeLeave:
    return ev.BridgeLeave(AT, from_ or bridge(), snapshot(uniqueid, **fields))


def listed(uniqueid: str, *, action_id: str = "l", **fields: Any) -> ev.CoreShowChannel:
    return ev.CoreShowChannel(AT, snapshot(uniqueid, **fields), action_id, 10, "")


def status(
    uniqueid: str,
    *,
    action_id: str = "s",
    variables: tuple[tuple[str, str], ...] = (),
    **fields: Any,
) -> ev.Status:
    return ev.Status(AT, snapshot(uniqueid, **fields), action_id, 10, "", variables)


def channel_list(*items: ev.CoreShowChannel, count: int | None = None) -> list[ev.Event]:
    """Return a whole list of cached channels; `count` is what it says of itself."""
    written = len(items) if count is None else count
    return [
        ev.ListStart(AT, "l"),
        *items,
        ev.ListComplete(AT, "CoreShowChannelsComplete", "l", written),
    ]


def facts(registry: Registry) -> dict[str, Any]:
    """Return all that a mirror knows, but for the order in which it came to know it."""
    return {
        "channels": {uniqueid: _facts(one) for uniqueid, one in registry.channels.items()},
        "bridges": {
            uniqueid: (one.bridge_type, one.technology, frozenset(one.members))
            for uniqueid, one in registry.bridges.items()
        },
        "gone": {uniqueid for uniqueid in UNIQUEIDS if uniqueid in registry._tombstones},
    }


def _facts(channel: Any) -> dict[str, Any]:
    values = {name: getattr(channel, name) for name in channel.__slots__ if name != "serial"}
    values["bridge"] = channel.bridge and channel.bridge.bridge_uniqueid
    values["call"] = (
        channel.call.callid,
        frozenset(member.uniqueid for member in channel.call.members),
    )
    return {**values, "recordings": list(channel.recordings), "dialled": set(channel.dialled)}


# Random events

_texts = st.sampled_from(("", "1", "101"))


def snapshots(uniqueids: tuple[str, ...] = UNIQUEIDS) -> st.SearchStrategy[ev.ChannelSnapshot]:
    """Give random blocks; now and then one with another's name, as after lost bytes."""
    return st.builds(
        lambda uniqueid, name, **fields: snapshot(
            uniqueid, channel=NAMES[name or uniqueid], **fields
        ),
        st.sampled_from(uniqueids),
        st.sampled_from(("", "", "", "", "", "", "", *uniqueids)),
        linkedid=st.sampled_from(uniqueids),
        channel_state=st.sampled_from((0, 4, 5, 6)),
        caller_number=_texts,
        exten=_texts,
        variables=st.sampled_from(((), (("V", ""),), (("V", "1"), ("W", "2")))),
    )


def bridges() -> st.SearchStrategy[ev.Bridge]:
    """Give random bridges of every kind, the same one now of this and now of that."""
    kinds = st.sampled_from(("basic", "basic", "base", "stasis", "parking"))
    technologies = st.sampled_from(("simple_bridge", "holding_bridge"))
    return st.builds(bridge, st.sampled_from(("b1", "b2")), kinds, technology=technologies)


_times = st.sampled_from((AT, AT + 1, AT + 10_000))
_ids = st.sampled_from(UNIQUEIDS)
_lists = st.sampled_from(("l", "s"))
_counts = st.sampled_from((-1, 0, 1, 2))
_names = st.sampled_from(tuple(NAMES.values()))
_variables = st.sampled_from(
    ("V", "W", "MIXMONITOR_FILENAME", "BRIDGEPEER", "BRIDGEPVTCALLID", "SIPCALLID")
)
_applications = st.sampled_from((None, "", "Dial", "Queue(sales)", "Ringing", "ConfBridge(1)"))
_heard = st.sampled_from(("", "RINGING", "ANSWER", "BUSY"))


def channel_events(
    of: st.SearchStrategy[ev.ChannelSnapshot], variables: st.SearchStrategy[str] = _variables
) -> st.SearchStrategy[ev.Event]:
    """Give random events that show one channel alone."""
    return st.one_of(
        st.builds(ev.Newchannel, _times, of),
        st.builds(ev.ChannelUpdate, _times, of, st.booleans(), _applications),
        st.builds(ev.NewCallerid, _times, of, st.sampled_from((-1, 0, 32, 67))),
        st.builds(lambda at, shown: ev.Hangup(at, shown.uniqueid, shown.channel), _times, of),
        st.builds(ev.HangupRequest, _times, of),
        st.builds(ev.VarSet, _times, of, variables, _texts),
        st.builds(ev.Hold, _times, of),
        st.builds(ev.Unhold, _times, of),
        st.builds(ev.MixMonitorStart, _times, of),
        st.builds(ev.MixMonitorStop, _times, of),
        st.builds(ev.QueueCallerJoin, _times, of, _texts),
        st.builds(ev.QueueCallerLeave, _times, of, _texts),
        st.builds(lambda at, one, name: ev.Rename(at, one.uniqueid, "", name), _times, of, _names),
    )


def events() -> st.SearchStrategy[ev.Event]:
    """Give random events of every kind, nonsense included."""
    of, between = snapshots(), bridges()
    callers = st.one_of(st.none(), of)
    return st.one_of(
        channel_events(of),
        channel_events(of),
        st.builds(ev.DialBegin, _times, callers, of),
        st.builds(ev.DialState, _times, callers, of, _heard),
        st.builds(ev.DialEnd, _times, callers, of, _heard),
        st.builds(ev.LocalBridge, _times, of, of),
        st.builds(ev.BridgeCreate, _times, between),
        st.builds(ev.BridgeDestroy, _times, between),
        st.builds(ev.BridgeEnter, _times, between, of, st.sampled_from(("", *UNIQUEIDS))),
        st.builds(ev.BridgeEnter, _times, between, of),
        st.builds(ev.BridgeLeave, _times, between, of),
        st.builds(ev.CoreShowChannel, _times, of, _lists, st.just(5), _texts),
        st.builds(ev.Status, _times, of, _lists, st.just(5), st.just("AppDial")),
        st.builds(ev.ListStart, _times, _lists),
        st.builds(
            ev.ListComplete,
            _times,
            st.sampled_from(("CoreShowChannelsComplete", "StatusComplete", "BridgeListComplete")),
            _lists,
            _counts,
        ),
        st.builds(ev.BridgeListItem, _times, between, _lists),
        st.builds(ev.BridgeInfoChannel, _times, of, _lists),
        st.builds(ev.BridgeInfoComplete, _times, between, _lists, _counts),
        st.builds(ev.ParkedCall, _times, _ids, _texts),
        st.builds(ev.FullyBooted, _times, st.sampled_from((-1, 0, 10_000))),
        st.builds(ev.ListRefused, _times),
        st.builds(ev.Shutdown, _times),
        st.builds(ev.Masquerade, _times),
        st.builds(ev.Marker, _times, st.just("1-1")),
        st.builds(ev.Malformed, _times, st.just("nonsense")),
    )
