"""Which channels make one call: those joined by a linkedid, a Local pair or a call's bridge.

A linkedid does not pass through a Local channel that stays (`/n`): each side keeps its
own, so the linkedid alone is not enough. The calls are the connected parts of the graph
whose edges are: the same linkedid; the two halves of one Local channel; membership in one
bridge that makes a call. A conference or a holding bridge is no edge.

The callid of a call is its oldest linkedid: the uniqueid of the oldest channel that was
ever part of it, also when that one is gone.
"""

from collections.abc import Mapping

from callstate.core.channel import Call, Channel
from callstate.core.model import uniqueid_order

_NONE: dict[str, Channel] = {}


class Calls:
    """Keeps each channel's `call` right.

    Invariant, after `settle`: two channels have one `Call` exactly when they are connected.
    Between two times, edges may come and go: at least one end of each is `unsettled`, and
    with it all whose call it was.
    """

    def __init__(self) -> None:
        self._by_linkedid: dict[str, dict[str, Channel]] = {}
        self._by_pair: dict[str, dict[str, Channel]] = {}
        self._unsettled: dict[str, Channel] = {}
        # An id that somebody chose does not say when its channel was made: that channel does, as
        # long as it is there or its id is a linkedid.
        self._births: dict[str, Channel] = {}
        self._chosen: set[str] = set()

    def add(self, channel: Channel) -> None:
        """Take a channel up. O(1)."""
        if uniqueid_order(channel.uniqueid) == (0, 0):
            self._births[channel.uniqueid] = channel
            self._chosen.add(channel.uniqueid)
        self._by_linkedid.setdefault(channel.linkedid, {})[channel.uniqueid] = channel
        if channel.local_pair:
            self._by_pair.setdefault(channel.local_pair, {})[channel.uniqueid] = channel
        self.unsettle(channel)

    def remove(self, channel: Channel) -> None:
        """Forget a channel that is gone. O(members of its call)."""
        self._chosen.discard(channel.uniqueid)
        self._unlink(channel)
        if channel.uniqueid not in self._by_linkedid:
            self._births.pop(channel.uniqueid, None)
        if channel.local_pair:
            _drop(self._by_pair, channel.local_pair, channel)
        if channel.call is not None:
            for member in channel.call.members:
                # One that is gone already may have been followed by one with its uniqueid.
                self._unsettled.setdefault(member.uniqueid, member)
        channel.call = None
        self._unsettled.pop(channel.uniqueid, None)

    def relink(self, channel: Channel, linkedid: str) -> None:
        """Give `channel` another linkedid. O(1)."""
        self._unlink(channel)
        channel.linkedid = linkedid
        self._by_linkedid.setdefault(linkedid, {})[channel.uniqueid] = channel
        self.unsettle(channel)

    def rename(self, channel: Channel, name: str) -> None:
        """Give `channel` another name. O(1)."""
        if channel.local_pair:
            _drop(self._by_pair, channel.local_pair, channel)
        channel.rename(name)
        if channel.local_pair:
            self._by_pair.setdefault(channel.local_pair, {})[channel.uniqueid] = channel
        self.unsettle(channel)

    def unsettle(self, channel: Channel) -> None:
        """Say that an edge of `channel` came or went."""
        self._unsettled[channel.uniqueid] = channel

    def having(self, linkedid: str) -> Mapping[str, Channel]:
        """Return the channels with that linkedid, those of other calls included. O(1)."""
        return self._by_linkedid.get(linkedid, _NONE)

    def other_half(self, channel: Channel) -> Channel | None:
        """Return the other half of a Local channel, if it is there. O(1)."""
        for other in self._by_pair.get(channel.local_pair, {}).values():
            if other is not channel:
                return other
        return None

    def check(self) -> None:
        """Assert the invariant and that nothing is left of channels that are gone."""
        assert not self._unsettled, self._unsettled
        for index in (self._by_linkedid, self._by_pair):
            assert all(index.values()), "empty bucket"
        channels = [c for bucket in self._by_linkedid.values() for c in bucket.values()]
        for linkedid, bucket in self._by_linkedid.items():
            assert all(channel.linkedid == linkedid for channel in bucket.values())
        for channel in channels:
            call = channel.call
            assert call is not None, channel
            connected = self._connected(channel)
            assert {c.uniqueid for c in connected} == {c.uniqueid for c in call.members}, channel
            assert all(member.call is call for member in connected), channel
        assert set(self._births) <= self._chosen.union(self._by_linkedid), "births left over"

    def settle(self) -> list[Channel]:
        """Put the calls right again; return the channels whose call is another now.

        O(members of the calls concerned).
        """
        if not self._unsettled:
            return []
        seeds, self._unsettled = self._unsettled, {}
        for channel in list(seeds.values()):
            if channel.call is not None:
                for member in channel.call.members:
                    # A channel that is gone may have been followed by one with its uniqueid.
                    seeds.setdefault(member.uniqueid, member)
        moved: list[Channel] = []
        while seeds:
            uniqueid, channel = seeds.popitem()
            if self._by_linkedid.get(channel.linkedid, {}).get(uniqueid) is not channel:
                continue  # gone meanwhile
            members = self._connected(channel)
            for member in members:
                seeds.pop(member.uniqueid, None)
            if self._assign(members):
                moved += members
        return moved

    def is_older(self, linkedid: str, other: str) -> bool:
        """True if `linkedid` is the older of the two, as Asterisk decides it."""
        return self._birth(linkedid) < self._birth(other)

    def _connected(self, channel: Channel) -> list[Channel]:
        found = {channel.uniqueid: channel}
        waiting = [channel]
        linkedids: set[str] = set()
        while waiting:
            current = waiting.pop()
            if current.linkedid not in linkedids:
                linkedids.add(current.linkedid)
                _visit(self._by_linkedid[current.linkedid], found, waiting)
            pair = current.local_pair
            if pair:
                _visit(self._by_pair[pair], found, waiting)
            bridge = current.bridge
            if bridge is not None and len(bridge.members) > 1 and bridge.is_call:
                _visit(bridge.members, found, waiting)
        return list(found.values())

    def _assign(self, members: list[Channel]) -> bool:
        """Make `members` one call; return whether they were another, or none, before."""
        callid = self._oldest(members)
        old = members[0].call
        if old is not None and old.callid == callid and len(old.members) == len(members):
            for member in members:
                if member.call is not old:
                    break
            else:
                return False
        call = Call(members, callid)
        for member in members:
            member.call = call
        return True

    def _oldest(self, members: list[Channel]) -> str:
        oldest = members[0].linkedid
        for member in members:
            linkedid = member.linkedid
            if linkedid != oldest and self._birth(linkedid) < self._birth(oldest):
                oldest = linkedid
        return oldest

    def _birth(self, linkedid: str) -> tuple[int, int]:
        order = uniqueid_order(linkedid)
        if order == (0, 0) and linkedid in self._births:
            channel = self._births[linkedid]
            return channel.start, channel.serial
        return order

    def _unlink(self, channel: Channel) -> None:
        _drop(self._by_linkedid, channel.linkedid, channel)
        if channel.linkedid not in self._by_linkedid and channel.linkedid not in self._chosen:
            self._births.pop(channel.linkedid, None)


def _drop(index: dict[str, dict[str, Channel]], value: str, channel: Channel) -> None:
    bucket = index.get(value)
    if bucket is None:
        return
    bucket.pop(channel.uniqueid, None)
    if not bucket:
        del index[value]


def _visit(
    neighbours: dict[str, Channel], found: dict[str, Channel], waiting: list[Channel]
) -> None:
    for uniqueid, neighbour in neighbours.items():
        if uniqueid not in found:
            found[uniqueid] = neighbour
            waiting.append(neighbour)
