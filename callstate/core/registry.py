"""The records of one mirror, and the only pieces that change them.

Invariants (`check`): a channel is filed under its uniqueid and its name; it is a member of
the bridge that it names and of no other; the dials agree at both ends; no channel
outlives its Hangup; calls are right once they are settled.

`changed` collects the uniqueids whose leg may look different now; whoever derives legs
empties it, and settles the calls before: that is needed once for many events.
"""

from collections.abc import Iterable
from itertools import islice

from callstate.core.bridging import Bridging
from callstate.core.calls import Calls
from callstate.core.channel import Channel, callers_differ
from callstate.core.dialling import Dialling
from callstate.core.events import ChannelSnapshot, ChannelState

# Hung up ids are remembered at least this long: events from other threads, and lists of
# releases up to 16, can name a channel after its Hangup, by moments. Seconds.
TOMBSTONE_SECONDS = 600

# main/bridge.c sets them on each of two channels that are bridged with each other.
PEER_NAME = "BRIDGEPEER"
PEER_CALL_ID = "BRIDGEPVTCALLID"

_UP = ChannelState.UP.value

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
        self.dialling = Dialling(self.channels, self.changed)
        self.now = 0.0
        self._carried = carried
        self._by_name: dict[str, Channel] = {}
        self._superseded: dict[str, str] = {}
        self._tombstones: dict[str, float] = {}
        self._serial = 0
        # The variables that a channel showed at first: nearly always the next one shows the same.
        self._pairs: tuple[tuple[str, str], ...] = ()
        self._variables: dict[str, str] = {}

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
        return gone

    def check(self) -> None:
        """Settle the calls and assert every invariant."""
        self.settle()
        assert self.channels.keys().isdisjoint(self._tombstones), "a channel after its Hangup"
        for name, channel in self._by_name.items():
            assert self.channels.get(channel.uniqueid) is channel, name
            assert channel.channel == name, name
        for uniqueid, channel in self.channels.items():
            assert channel.uniqueid == uniqueid, channel
            if channel.bridge is not None:
                assert self.bridges.get(channel.bridge.bridge_uniqueid) is channel.bridge, channel
                assert channel.bridge.members.get(uniqueid) is channel, channel
        for bridge in self.bridges.values():
            for uniqueid, member in bridge.members.items():
                assert self.channels.get(uniqueid) is member, bridge
                assert member.bridge is bridge, bridge
        self.dialling.check()
        self.calls.check()

    # What events show

    def begin(self, snapshot: ChannelSnapshot, at: float) -> None:
        """Take up the channel that is made at this moment, or refresh it if it is known."""
        self.revive(snapshot.uniqueid)
        if self.known(snapshot, at) is not None:
            return
        channel = self._create(snapshot, at)
        if channel.is_up:
            channel.came_up = True
            channel.answered = int(at)

    def live(self, snapshot: ChannelSnapshot, at: float) -> Channel | None:
        """Return the channel that a live channel's event shows, made if it was missed.

        `at` below 0: a list shows it, and nobody saw when it was answered.
        """
        uniqueid = snapshot.uniqueid
        channel = self.channels.get(uniqueid)
        if channel is not None:
            self._refresh(channel, snapshot, at)
        elif uniqueid not in self._tombstones:
            channel = self._create(snapshot, at)
        return channel

    def known(self, snapshot: ChannelSnapshot | None, at: float) -> Channel | None:
        """Return the channel that an event shows, if it is there; None makes none."""
        if snapshot is None:
            return None
        channel = self.channels.get(snapshot.uniqueid)
        if channel is not None:
            self._refresh(channel, snapshot, at)
        return channel

    def _create(self, snapshot: ChannelSnapshot, at: float) -> Channel:
        self._serial += 1
        if snapshot.variables is not self._pairs:
            self._pairs = snapshot.variables
            self._variables = dict(snapshot.variables)
        channel = Channel(snapshot, self._variables.copy(), serial=self._serial)
        channel.start = channel.start or max(int(at), 0)
        self.channels[channel.uniqueid] = channel
        self._by_name[channel.channel] = channel
        self.dialling.add(channel)
        before = None if self._carried is None else self._carried.channels.get(channel.uniqueid)
        if before is not None:
            # What no list tells is taken from the mirror before.
            channel.carry(before)
            self.dialling.set_dialler(channel, before.dialled_by)
        self.calls.add(channel)
        self.changed.add(channel.uniqueid)
        return channel

    def _refresh(self, channel: Channel, snapshot: ChannelSnapshot, at: float) -> None:
        before = channel.snapshot
        if snapshot is before:
            return
        channel.snapshot = snapshot
        linkedid = snapshot.linkedid
        if linkedid != channel.linkedid:
            self.relink(channel, linkedid)
        if snapshot.variables != before.variables:
            self._show(channel, before.variables, snapshot.variables)
        state, exten = before.channel_state, before.exten
        is_other = snapshot.channel_state != state
        if is_other and snapshot.channel_state == _UP and at >= 0:
            channel.came_up = True
        if channel.came_up and not channel.answered:
            channel.answered = int(at)
        if snapshot.exten != exten:
            is_other = True
            self._move(channel, exten)
        if is_other or callers_differ(before, snapshot):
            self.changed.add(channel.uniqueid)

    def _show(
        self,
        channel: Channel,
        before: tuple[tuple[str, str], ...],
        after: tuple[tuple[str, str], ...],
    ) -> None:
        """Take over what differs from the block before.

        The rest can be old: a VarSet is newer than a block that still shows the old value.
        """
        if len(before) < len(after):
            before += (("", ""),) * (len(after) - len(before))
        for at, now in enumerate(after):
            was = before[at]
            if was is now or was == now:
                continue
            name, value = now
            # The names are the same in every block, unless the machine's configuration changed.
            if was[0] == name or dict(before).get(name) != value:
                self.set_variable(channel, name, value)

    def _move(self, channel: Channel, before: str) -> None:
        """Note that `channel` is at another extension than `before`.

        A channel that answered a call has none (app_dial.c clears it). When it gets one, by a
        redirect or a transfer, it goes its own way from there.
        """
        exten = channel.snapshot.exten
        if not before and channel.is_up and channel.is_dialled and exten != "h":
            self.dialling.set_dialler(channel, "")
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
        self.dialling.remove(channel)
        for other in self.calls.having(uniqueid).values():
            self.changed.add(other.uniqueid)
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
        """Settle the calls; for who reads them. O(the calls that changed)."""
        for channel in self.calls.settle():
            self.changed.add(channel.uniqueid)
