"""The standard header block of a channel in a message, read once as long as it stays the same.

It is most of a message's bytes, and mostly the same as in that channel's last message: each
channel's last block is remembered, and the same `ChannelSnapshot` is handed out again.
What is remembered saves time; forgetting any of it changes nothing that is told.
"""

from collections.abc import Collection

from callstate.ami.headers import snapshot
from callstate.core.events import ChannelSnapshot

# How many channels' last blocks are kept at most; above it all are forgotten.
_LIMIT = 500_000

_NO_CHANNEL = (b"", b"none", b"<unknown>")


class Blocks:
    """The last blocks of the channels of one connection. Uniqueids are bytes here."""

    def __init__(self) -> None:
        self._blocks: dict[bytes, tuple[bytes, ChannelSnapshot]] = {}

    def __len__(self) -> int:
        """Return how many are remembered. O(1)."""
        return len(self._blocks)

    def read(
        self, raw: bytes, prefix: bytes = b"", *, remember: bool = True
    ) -> tuple[ChannelSnapshot | None, bool]:
        """Return the channel in the block with `prefix`, and whether it shows anything new.

        `remember`: an event that can come after the channel's Hangup must not begin to.
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
        if uniqueid in _NO_CHANNEL:
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
        if known is not None or remember:
            if len(self._blocks) >= _LIMIT:
                self._blocks.clear()
            self._blocks[uniqueid] = (block, channel)
        return channel, True

    def forget(self, uniqueid: bytes) -> None:
        """Forget a channel that is gone. O(1)."""
        self._blocks.pop(uniqueid, None)

    def retain(self, uniqueids: Collection[bytes]) -> None:
        """Forget all but these: the Hangups of the others were lost. O(n)."""
        for uniqueid in [known for known in self._blocks if known not in uniqueids]:
            del self._blocks[uniqueid]

    def clear(self) -> None:
        """Forget all of them."""
        self._blocks.clear()
