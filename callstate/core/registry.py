"""The records of one mirror, and the only pieces that change them.

Invariants (`check`): a channel is filed under its uniqueid and its name; it is a member of
the bridge that it names and of no other; whoever is being dialled is there; no channel
outlives its Hangup; calls are settled.

`changed` collects the uniqueids whose leg may look different now; whoever derives legs
empties it.
"""

from collections.abc import Iterable
from itertools import islice

from callstate.core.bridging import Bridging
from callstate.core.calls import Calls
from callstate.core.channel import Channel, legs_differ
from callstate.core.events import ChannelSnapshot, ChannelState

# Hung up ids are remembered at least this long: events from other threads, and lists of
# releases up to 16, can name a channel after its Hangup, by moments. Seconds.
TOMBSTONE_SECONDS = 600

# main/bridge.c sets them on each of two channels that are bridged with each other.
PEER_NAME = "BRIDGEPEER"
PEER_CALL_ID = "BRIDGEPVTCALLID"

_UP = ChannelState.UP

# Variables that no leg shows by themselves, see `note_sip_callid`.
_NOT_SHOWN = frozenset({PEER_NAME, PEER_CALL_ID})


class Registry:
    """The channels and bridges of one machine on one connection.

    `carried` is the registry of the connection before: what lists cannot tell of a channel
    that both know (when it was answered, who dialled it, hold, recordings) is taken from it.
    `now` is the time of the latest event.
    """

    def __init__(self, carried: "Registry | None" = None) -> None:
        self.channels: dict[str, Channel] = {}
        self.changed: set[str] = set()
        self.calls = Calls()
        self.bridging = Bridging(self.calls, self.changed)
        self.bridges = self.bridging.records
        self.now = 0.0
        self._carried = carried
        self._by_name: dict[str, Channel] = {}
        self._superseded: dict[str, str] = {}
        # Whom a channel dialled that is gone, or is yet to be seen, as long as they are there.
        self._orphans: dict[str, set[str]] = {}
        self._tombstones: dict[str, float] = {}
        self._serial = 0

    def get(self, name: str) -> Channel | None:
        """Return the channel with that name, if there is one. O(1)."""
        return self._by_name.get(name)

    def complete(self) -> None:
        """Let go of the registry before: all that could be taken from it was."""
        self._carried = None

    # What lists show

    def retain(self, uniqueids: Iterable[str]) -> list[str]:
        """Remove every channel that is not among `uniqueids`; return those removed.

        All those that stay have just been shown. A linkedid that none of them was shown
        with came from a message that lost a part: an older one that is true was shown
        with the channel that brought it (ast_bridge_channel_update_linkedids).
        """
        kept = set(uniqueids)
        gone = [uniqueid for uniqueid in self.channels if uniqueid not in kept]
        for uniqueid in gone:
            self.remove(uniqueid)
        shown = {channel.snapshot.linkedid for channel in self.channels.values()}
        for channel in self.channels.values():
            if channel.linkedid not in shown:
                self.calls.relink(channel, channel.snapshot.linkedid)
                self.changed.add(channel.uniqueid)
        self.settle()
        return gone

    def check(self) -> None:
        """Assert every invariant."""
        assert self.channels.keys().isdisjoint(self._tombstones), "a channel after its Hangup"
        for name, channel in self._by_name.items():
            assert self.channels.get(channel.uniqueid) is channel, name
            assert channel.channel == name, name
        for uniqueid, channel in self.channels.items():
            assert channel.uniqueid == uniqueid, channel
            if channel.bridge is not None:
                assert self.bridges.get(channel.bridge.bridge_uniqueid) is channel.bridge, channel
                assert channel.bridge.members.get(uniqueid) is channel, channel
            assert channel.dialling.keys() <= channel.dialled, channel
            for dest in channel.dialled:
                assert self.channels[dest].dialled_by == uniqueid, channel
            if channel.dialled_by:
                dialler = self.channels.get(channel.dialled_by)
                others = self._orphans[channel.dialled_by] if dialler is None else dialler.dialled
                assert uniqueid in others, channel
        assert self.channels.keys().isdisjoint(self._orphans), "orphans of who is there"
        for orphans in self._orphans.values():
            assert set() < orphans <= self.channels.keys(), "orphans that are gone"
        for bridge in self.bridges.values():
            for uniqueid, member in bridge.members.items():
                assert self.channels.get(uniqueid) is member, bridge
                assert member.bridge is bridge, bridge
        self.calls.check()

    # What events show

    def live(self, snapshot: ChannelSnapshot, at: float, *, is_new: bool = False) -> Channel | None:
        """Return the channel that a live channel's event shows, made if it was missed.

        `at` below 0: a list shows it, and nobody saw when it was answered. `is_new`: it was
        made at this moment.
        """
        channel = self.channels.get(snapshot.uniqueid)
        if channel is None:
            if snapshot.uniqueid in self._tombstones:
                return None
            channel = self._create(snapshot, at, is_new=is_new)
        self._refresh(channel, snapshot, at)
        return channel

    def known(self, snapshot: ChannelSnapshot | None, at: float) -> Channel | None:
        """Return the channel that an event shows, if it is there; None makes none."""
        if snapshot is None:
            return None
        channel = self.channels.get(snapshot.uniqueid)
        if channel is not None:
            self._refresh(channel, snapshot, at)
        return channel

    def _create(self, snapshot: ChannelSnapshot, at: float, *, is_new: bool) -> Channel:
        self._serial += 1
        channel = Channel(snapshot, serial=self._serial)
        channel.start = channel.start or max(int(at), 0)
        self.channels[channel.uniqueid] = channel
        self._by_name[channel.channel] = channel
        channel.dialled = self._orphans.pop(channel.uniqueid, channel.dialled)
        before = None if self._carried is None else self._carried.channels.get(channel.uniqueid)
        if before is not None:
            # What no list tells is taken from the mirror before.
            channel.carry(before)
            self.set_dialler(channel, before.dialled_by)
        if is_new and channel.is_up:
            channel.came_up = True
            channel.answered = int(at)
        self.calls.add(channel)
        self.changed.add(channel.uniqueid)
        return channel

    def _refresh(self, channel: Channel, snapshot: ChannelSnapshot, at: float) -> None:
        before = channel.snapshot
        if snapshot is before:
            return
        channel.snapshot = snapshot
        if snapshot.linkedid != channel.linkedid:
            self.relink(channel, snapshot.linkedid)
        if snapshot.variables != before.variables:
            # Only what differs from the block before: a VarSet is newer than a block that
            # still shows the old value.
            shown = dict(before.variables)
            for name, value in snapshot.variables:
                if shown.get(name) != value:
                    self.set_variable(channel, name, value)
        if before.channel_state != _UP and channel.is_up and at >= 0:
            channel.came_up = True
        if channel.came_up and not channel.answered:
            channel.answered = int(at)
        if snapshot.exten != before.exten:
            self._move(channel, before.exten)
        if legs_differ(before, snapshot):
            self.changed.add(channel.uniqueid)

    def _move(self, channel: Channel, before: str) -> None:
        """Note that `channel` is at another extension than `before`.

        A channel that answered a call has none (app_dial.c clears it). When it gets one, by a
        redirect or a transfer, it goes its own way from there.
        """
        exten = channel.snapshot.exten
        if not before and channel.is_up and channel.is_dialled and exten != "h":
            self.set_dialler(channel, "")
            channel.requested = False
            channel.first_exten = ""
        channel.note_exten(exten)

    def relink(self, channel: Channel, linkedid: str) -> None:
        """Move `channel` to `linkedid`, unless that is the younger one. O(1)."""
        if linkedid != channel.linkedid and not self.calls.is_older(channel.linkedid, linkedid):
            self.calls.relink(channel, linkedid)
            self.changed.add(channel.uniqueid)

    def set(self, channel: Channel, name: str, value: object) -> None:
        """Set an attribute of `channel`. O(1)."""
        if getattr(channel, name) != value:
            setattr(channel, name, value)
            self.changed.add(channel.uniqueid)

    def remove(self, uniqueid: str) -> None:
        """Remove a channel and all that points to it. O(its call)."""
        channel = self.channels.get(uniqueid)
        if channel is None:
            return
        self.bridging.leave(channel)
        self._unname(channel)
        self._superseded.pop(uniqueid, None)
        del self.channels[uniqueid]
        self.set_dialler(channel, "")
        # Their source is told by whom they talk to, now that their dialler is gone.
        orphans = set(channel.dialled & self.channels.keys())
        if orphans:
            self._orphans[uniqueid] = orphans
            self.changed.update(orphans)
        self.changed.update(other.uniqueid for other in self.calls.having(uniqueid))
        self.calls.remove(channel)
        self.changed.add(uniqueid)

    def _unname(self, channel: Channel) -> None:
        if self._by_name.get(channel.channel) is channel:
            del self._by_name[channel.channel]

    def revive(self, uniqueid: str) -> None:
        """Forget that `uniqueid` was hung up: somebody chose it again."""
        self._tombstones.pop(uniqueid, None)

    def bury(self, uniqueid: str) -> None:
        """Remove a channel for good: nothing but a Newchannel makes it again. O(its call)."""
        self.remove(uniqueid)
        self._tombstones.pop(uniqueid, None)
        self._tombstones[uniqueid] = self.now
        # In the order of their time, so the oldest come first; two at most, so O(1).
        for oldest in list(islice(self._tombstones, 2)):
            if self._tombstones[oldest] < self.now - TOMBSTONE_SECONDS:
                del self._tombstones[oldest]

    def rename(self, channel: Channel, name: str, *, listed: bool = False) -> None:
        """Give `channel` another name. O(1).

        A `listed` one counts unless it is the name that a Rename took away: that event
        is sent ahead of the others, and of the lists.
        """
        if channel.channel == name:
            return
        if not listed:
            self._superseded[channel.uniqueid] = channel.channel
        elif self._superseded.get(channel.uniqueid) == name:
            return
        self._unname(channel)
        self.calls.rename(channel, name)
        self._by_name[name] = channel
        self.changed.add(channel.uniqueid)

    def set_dialler(self, dest: Channel, uniqueid: str) -> None:
        """Say who dialled `dest` last, so that nobody else goes on dialling it. O(1)."""
        if dest.dialled_by == uniqueid:
            return
        before = self.channels.get(dest.dialled_by)
        if before is not None:
            before.undial(dest.uniqueid)
            self.changed.add(before.uniqueid)
        elif orphans := self._orphans.pop(dest.dialled_by, set()) - {dest.uniqueid}:
            self._orphans[dest.dialled_by] = orphans
        dest.dialled_by = uniqueid
        self.changed.add(dest.uniqueid)
        dialler = self.channels.get(uniqueid)
        if dialler is not None:
            dialler.dial(dest.uniqueid)
        elif uniqueid:
            self._orphans.setdefault(uniqueid, set()).add(dest.uniqueid)

    def set_variable(self, channel: Channel, name: str, value: str) -> None:
        """Set a channel variable. O(1)."""
        if channel.variables.get(name) == value:
            return
        channel.variables[name] = value
        channel.said = None
        if name not in _NOT_SHOWN:
            self.changed.add(channel.uniqueid)

    def note_sip_callid(self, channel: Channel) -> None:
        """BRIDGEPVTCALLID is the SIP Call-ID of the channel named by BRIDGEPEER (main/bridge.c)."""
        peer = self._by_name.get(channel.variables.get(PEER_NAME, ""))
        call_id = channel.variables.get(PEER_CALL_ID, "")
        if peer is not None and call_id:
            self.set(peer, "sip_callid", call_id)

    def settle(self) -> None:
        """Settle the calls; to be called after every change. O(the calls concerned)."""
        for channel in self.calls.settle():
            self.changed.add(channel.uniqueid)
