"""Ways through a call: from a leg to who began it, and on to whom it reaches.

Local channels are passed through: who dials one reaches what its other half reaches. The
words used here:
1. Who had another channel made dialled it. A channel that nobody had made began its call, and
   so did one that was sent on its own way by a redirect (`Registry` forgets who dialled it).
2. Those who talk are the real channels of one bridge that makes a call.
3. When two talk that both began a call (a parked call fetched, a call taken over), the older
   one called and the younger one answered; so it is for two that were dialled, when who
   dialled them is gone (an attended transfer, a click to call).
"""

from collections.abc import Iterator

from callstate.core.channel import Channel
from callstate.core.events import ChannelState
from callstate.core.registry import Registry

# Local channels in a chain of forwards; deeper than any dialplan, and the end of a loop.
_DEPTH_LIMIT = 16

_RINGING = ChannelState.RINGING.value

# What is heard of a dialled channel that rings; early media is a ringing tone nearly always.
_RINGS = ("RINGING", "PROGRESS")


class Way:
    """How a leg came about: `origin` began the call, `between` dialled from there to the leg."""

    __slots__ = ("between", "origin")

    def __init__(self, origin: Channel, between: list[Channel]) -> None:
        self.origin = origin
        self.between = between


def way_to(channel: Channel, registry: Registry) -> Way:
    """Return how `channel` came about. O(its call)."""
    way = _dialled_way(channel, registry)
    top = way.origin
    around = talkers(channel, registry)
    if top is not channel and (top in around or not around):
        return way
    began = [other for other in around if not other.is_dialled]
    if top is not channel:
        return Way(min(began, key=age), []) if began else way
    if not channel.is_dialled:
        began.append(channel)
    first = min(began or [*around, channel], key=age)
    if first is not channel:
        return Way(first, [])
    if channel.requested and not around and not channel.dialled_by:
        # Its DialBegin is still to come, or was before our time: its linkedid is of whoever
        # had it made.
        maker = registry.channels.get(channel.linkedid)
        return Way(maker, []) if maker is not None and not maker.is_local else way
    return way


def talkers(channel: Channel, registry: Registry) -> list[Channel]:
    """Return the real channels at the other end of `channel`'s bridge, through Local channels."""
    near = partners(channel)
    if len(near) == 1 and not near[0].is_local:
        return near  # most calls
    return list(_through(near, registry, {channel.uniqueid})) if near else near


def dialled_ends(
    channel: Channel, registry: Registry, depth: int = _DEPTH_LIMIT
) -> Iterator[Channel]:
    """Yield the real channels that `channel` dialled and that are there, through Local ones."""
    for uniqueid in channel.dialled:
        dest = registry.channels[uniqueid]
        other = beyond(dest, registry)
        if other is not None and depth:
            yield from dialled_ends(other, registry, depth - 1)
        elif not dest.is_local:
            yield dest


def partners(channel: Channel) -> list[Channel]:
    """Return the channels in one call's bridge with `channel`, Local ones as they are."""
    bridge = channel.bridge
    if bridge is None or len(bridge.members) == 1 or not bridge.is_call:
        return []
    return [member for member in bridge.members.values() if member is not channel]


def beyond(channel: Channel, registry: Registry) -> Channel | None:
    """Return the other half of a Local channel: what dials or meets one goes on there."""
    return registry.calls.other_half(channel) if channel.is_local else None


def rings(channel: Channel, registry: Registry, depth: int = _DEPTH_LIMIT) -> bool:
    """True if `channel` rings, or somebody whom it dials does. O(those dialled)."""
    if channel.snapshot.channel_state == _RINGING or channel.is_alerted:
        return True
    dialler = registry.channels.get(channel.dialled_by)
    if dialler is not None and dialler.dialling.get(channel.uniqueid) in _RINGS:
        return True
    return _dials_ringing(channel, registry, depth)


def is_older(channel: Channel, other: Channel) -> bool:
    """Tell whether `channel` is the older of the two, by their `age`."""
    if channel.start != other.start:
        return channel.start < other.start
    return channel.serial < other.serial


def age(channel: Channel) -> tuple[int, int]:
    """Return what orders channels by their age, the oldest first."""
    return channel.start, channel.serial


def _dials_ringing(channel: Channel, registry: Registry, depth: int) -> bool:
    for uniqueid, heard in channel.dialling.items():
        dest = registry.channels[uniqueid]
        if heard in _RINGS or dest.snapshot.channel_state == _RINGING:
            return True
        other = beyond(dest, registry)
        if other is not None and depth and _dials_ringing(other, registry, depth - 1):
            return True
    return False


def _dialled_way(channel: Channel, registry: Registry) -> Way:
    if not channel.dialled_by and not channel.is_local:
        return Way(channel, [])
    path = [channel]
    for _ in range(_DEPTH_LIMIT):
        here = path[-1]
        dialler = registry.channels.get(here.dialled_by)
        if dialler is not None:
            path.append(dialler)
            continue
        other = beyond(here, registry)
        if other is None:
            break
        path.append(other)
        if other.dialled_by not in registry.channels:
            end = _far_end(other, registry, channel)
            return Way(end or channel, path[1:])
    end = path[-1]
    return Way(channel, []) if end.is_local else Way(end, path[1:-1])


def _far_end(half: Channel, registry: Registry, near: Channel) -> Channel | None:
    """Return who had the Local channel made whose `half` nobody is known to have dialled.

    It is who talks to that half, when a transfer made it; for an originated one, the first
    phone, which it dialled.
    """
    for talker in talkers(half, registry):
        if talker.dialled_by != half.uniqueid and talker is not near:
            return talker
    ends = [end for end in dialled_ends(half, registry) if is_older(end, near)]
    return min(ends, key=age, default=None)


def _through(near: list[Channel], registry: Registry, seen: set[str]) -> Iterator[Channel]:
    for member in near:
        if member.uniqueid in seen:
            continue
        seen.add(member.uniqueid)
        other = beyond(member, registry)
        if other is not None:
            seen.add(other.uniqueid)
            yield from _through(partners(other), registry, seen)
        elif not member.is_local:
            yield member


def related(channel: Channel, registry: Registry, found: dict[str, Channel]) -> None:
    """Add to `found` the channels whose legs may depend on `channel`, unless they are there.

    `found` is what this function found before. O(its call).
    """
    waiting: list[Channel] = []
    _meet(channel, found, waiting)
    channels = registry.channels
    while waiting:
        current = waiting.pop()
        for uniqueid in current.dialled:
            _meet(channels.get(uniqueid), found, waiting)
        if current.dialled_by:
            _meet(channels.get(current.dialled_by), found, waiting)
        # Who has its uniqueid for a linkedid may be requested by it, in another call by now.
        for other in registry.calls.having(current.uniqueid).values():
            _meet(other, found, waiting)


def _meet(other: Channel | None, found: dict[str, Channel], waiting: list[Channel]) -> None:
    if other is None or other.uniqueid in found or other.call is None:
        return
    for member in other.call.members:
        if member.uniqueid not in found:
            found[member.uniqueid] = member
            waiting.append(member)
