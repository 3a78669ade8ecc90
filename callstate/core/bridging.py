"""Who is in which bridge: the bridges of one mirror and their members.

Invariant: a channel's `bridge` is the record that has it for a member; it is in no other.
"""

from collections.abc import Iterable, Mapping

from callstate.core.calls import Calls
from callstate.core.channel import BridgeRecord, Channel
from callstate.core.events import Bridge


class Bridging:
    """The bridges of one machine, by BridgeUniqueid, in `records`.

    `calls` is told of edges that come and go, and is to be settled after it; `changed`
    collects the uniqueids whose leg may look different now.
    """

    def __init__(self, calls: Calls, changed: set[str]) -> None:
        self.records: dict[str, BridgeRecord] = {}
        self._calls = calls
        self._changed = changed

    def record(self, bridge: Bridge) -> BridgeRecord:
        """Return the record of `bridge`, made if it is new. O(1)."""
        record = self.records.get(bridge.bridge_uniqueid)
        if record is None:
            record = self.records[bridge.bridge_uniqueid] = BridgeRecord(bridge)
        else:
            self.update(record, bridge)
        return record

    def update(self, record: BridgeRecord, bridge: Bridge) -> None:
        """Take over what `bridge` shows of `record`. O(members) if it is another kind now."""
        was_call, was_type, was_name = record.is_call, record.bridge_type, record.name
        record.update(bridge)
        if record.is_call != was_call:
            for member in record.members.values():
                self._calls.unsettle(member)
        elif was_type == record.bridge_type and was_name == record.name:
            return
        self._changed.update(record.members)

    def join(self, channel: Channel, record: BridgeRecord) -> None:
        """Make `channel` a member of `record`, and of no other. O(1)."""
        if channel.bridge is record:
            return
        self.leave(channel)
        record.members[channel.uniqueid] = channel
        channel.bridge = record
        self._calls.unsettle(channel)
        self._changed.add(channel.uniqueid)

    def leave(self, channel: Channel) -> None:
        """Take `channel` out of the bridge that it is in. O(members)."""
        record = channel.bridge
        if record is None:
            return
        del record.members[channel.uniqueid]
        channel.bridge = None
        self._calls.unsettle(channel)
        self._changed.add(channel.uniqueid)
        self._changed.update(record.members)

    def remove(self, uniqueid: str) -> None:
        """Remove a bridge and empty it. O(members)."""
        record = self.records.pop(uniqueid, None)
        if record is not None:
            for member in list(record.members.values()):
                self.leave(member)

    def set_members(
        self, bridge: Bridge, uniqueids: Iterable[str], channels: Mapping[str, Channel]
    ) -> None:
        """Make the members of `bridge` those that Asterisk listed, of `channels`."""
        record = self.record(bridge)
        members = set(uniqueids)
        for uniqueid in [known for known in record.members if known not in members]:
            self.leave(record.members[uniqueid])
        for uniqueid in members:
            channel = channels.get(uniqueid)
            if channel is not None:
                self.join(channel, record)

    def retain(self, uniqueids: Iterable[str]) -> None:
        """Remove every bridge that is not among `uniqueids`."""
        kept = set(uniqueids)
        for uniqueid in [known for known in self.records if known not in kept]:
            self.remove(uniqueid)
