"""Who dialled whom: what the channels of one mirror are to each other.

Invariant: a channel that was dialled is among those that its dialler `dialled`; while that one
is not there, among its orphans. Who is being dialled (`dialling`) was dialled by that channel.
"""

from callstate.core.channel import Channel


class Dialling:
    """The dials between `channels`; `changed` collects whose leg may look different now."""

    def __init__(self, channels: dict[str, Channel], changed: set[str]) -> None:
        self._channels = channels
        self._changed = changed
        # Whom a channel dialled that is gone, or is yet to be seen, as long as they are there.
        self._orphans: dict[str, set[str]] = {}

    def add(self, channel: Channel) -> None:
        """Let a new channel know whom it dialled. O(1)."""
        channel.dialled = self._orphans.pop(channel.uniqueid, channel.dialled)

    def remove(self, channel: Channel) -> None:
        """Forget a channel that is not among the channels any more. O(those it dialled)."""
        self.set_dialler(channel, "")
        # Their source is told by whom they talk to, now that their dialler is gone.
        orphans = {uniqueid for uniqueid in channel.dialled if uniqueid in self._channels}
        if orphans:
            self._orphans[channel.uniqueid] = orphans
            self._changed.update(orphans)

    def set_dialler(self, dest: Channel, uniqueid: str) -> None:
        """Say who dialled `dest` last, so that nobody else goes on dialling it. O(1)."""
        if dest.dialled_by == uniqueid:
            return
        before = self._channels.get(dest.dialled_by)
        if before is not None:
            before.undial(dest.uniqueid)
            self._changed.add(before.uniqueid)
        elif orphans := self._orphans.pop(dest.dialled_by, set()) - {dest.uniqueid}:
            self._orphans[dest.dialled_by] = orphans
        dest.dialled_by = uniqueid
        self._changed.add(dest.uniqueid)
        dialler = self._channels.get(uniqueid)
        if dialler is not None:
            dialler.dial(dest.uniqueid)
        elif uniqueid:
            self._orphans.setdefault(uniqueid, set()).add(dest.uniqueid)

    def hear(self, caller: Channel, dest: Channel, status: str) -> None:
        """Say what `caller`, which dials `dest`, hears of it. O(1)."""
        self.set_dialler(dest, caller.uniqueid)
        if caller.dialling.get(dest.uniqueid) != status:
            caller.dialling[dest.uniqueid] = status
            self._changed.add(caller.uniqueid)

    def end(self, caller: Channel, uniqueid: str) -> None:
        """Say that `caller` does not dial the channel `uniqueid` any more. O(1)."""
        if caller.dialling.pop(uniqueid, None) is not None:
            self._changed.add(caller.uniqueid)

    def check(self) -> None:
        """Assert the invariant, and that nothing is left of channels that are gone."""
        channels, orphaned = self._channels, self._orphans
        for uniqueid, channel in channels.items():
            assert channel.dialling.keys() <= channel.dialled, channel
            for dest in channel.dialled:
                assert channels[dest].dialled_by == uniqueid, channel
            if channel.dialled_by:
                dialler = channels.get(channel.dialled_by)
                others = orphaned[channel.dialled_by] if dialler is None else dialler.dialled
                assert uniqueid in others, channel
        assert channels.keys().isdisjoint(orphaned), "orphans of who is there"
        for orphans in orphaned.values():
            assert set() < orphans <= channels.keys(), "orphans that are gone"
