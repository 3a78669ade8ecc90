"""The standard header block of a channel in a message, read once as long as it stays the same.

It is most of a message's bytes, and mostly the same as in that channel's last message: each
channel's last block is remembered, and the same `ChannelSnapshot` is handed out again.
What is remembered saves time; forgetting any of it changes nothing that is told.
"""

from collections.abc import Collection
from typing import NamedTuple

from msgspec.structs import replace

from callstate.ami.headers import snapshot, usual_snapshot, usual_variables
from callstate.core.events import ChannelSnapshot

# How many channels' last blocks are kept at most; above it all are forgotten.
_LIMIT = 500_000

_NO_CHANNEL = (b"", b"none", b"<unknown>")


class _Known(NamedTuple):
    """A block, where its variables begin, what it says, and whether it is nothing but a block."""

    block: bytes
    cut: int
    channel: ChannelSnapshot
    is_usual: bool


class Blocks:
    """The last blocks of the channels of one connection. Uniqueids are bytes here.

    `span` is the part of the message read last that is a block and nothing else, so that
    whoever looks for what has no place in a message need not look there; empty if unsure.
    """

    def __init__(self) -> None:
        self.span = (0, 0)
        self._blocks: dict[bytes, _Known] = {}

    def __len__(self) -> int:
        """Return how many are remembered. O(1)."""
        return len(self._blocks)

    def read(self, raw: bytes, *, remember: bool = True) -> tuple[ChannelSnapshot | None, bool]:
        """Return the channel in the block of `raw`, and whether it shows anything new.

        `remember`: an event that can come after the channel's Hangup must not begin to.
        O(bytes) to find the block, and to read it if it is not the channel's last one.
        """
        self.span = (0, 0)
        place = _place(raw, b"\r\n")
        if place is None:
            return None, False
        uniqueid, start, end = place
        block = raw[start:end]
        known = self._blocks.get(uniqueid)
        is_new = known is None or known.block != block
        if known is None or is_new:
            before, known = known, _read(block, known)
            if before is not None or remember:
                if len(self._blocks) >= _LIMIT:
                    self._blocks.clear()
                self._blocks[uniqueid] = known
        if known.is_usual:
            self.span = (start, end)
        return known.channel, is_new

    def peek(self, raw: bytes, prefix: bytes = b"") -> ChannelSnapshot | None:
        """Return the channel in the block with `prefix`, which is not remembered.

        For blocks with other keys, and for those that need not be taken over. When one says
        something else than the remembered block, that is forgotten: whatever the channel's
        own next event shows is news, whether this was taken over or not.
        """
        place = _place(raw, b"\r\n" + prefix)
        if place is None:
            return None
        uniqueid, start, end = place
        block = raw[start:end]
        known = self._blocks.get(uniqueid)
        if known is not None and known.block == block:
            return known.channel
        channel = snapshot(block, len(prefix))
        if known is not None:
            if known.channel == channel:
                return known.channel
            self.forget(uniqueid)
        return channel

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


def _place(raw: bytes, head: bytes) -> tuple[bytes, int, int] | None:
    """Return the uniqueid in the block whose keys follow `head`, and where the block lies."""
    start = raw.find(head + b"Channel: ")
    value_at = raw.find(head + b"Uniqueid: ", max(start, 0)) + len(head) + 10
    if start < 0 or value_at < len(head) + 10:
        return None
    value_end = raw.find(b"\r\n", value_at)
    uniqueid = raw[value_at : value_end if value_end >= 0 else len(raw)]
    if uniqueid in _NO_CHANNEL:
        return None
    return uniqueid, start + 2, _end(raw, head, value_at)


def _end(raw: bytes, head: bytes, uniqueid_at: int) -> int:
    """Return where the block ends whose keys follow `head`: with its last variable, if any."""
    last = raw.rfind(head + b"ChanVariable: ", uniqueid_at)
    if last < 0:
        last = max(raw.find(head + b"Linkedid: "), uniqueid_at)
    end = raw.find(b"\r\n", last + 2)
    return end if end >= 0 else len(raw)


def _read(block: bytes, known: _Known | None) -> _Known:
    """Read a block without prefix; the half that is as in the `known` one is not read again."""
    cut = block.find(b"\r\nChanVariable: ")
    if cut < 0:
        cut = len(block)
    head, tail = block[:cut], block[cut:]
    variables = None
    if known is not None and known.is_usual:
        if known.block[known.cut :] == tail:
            variables = known.channel.variables
        elif known.block[: known.cut] == head:
            variables = usual_variables(tail)
            if variables is not None:
                return _Known(
                    block, cut, replace(known.channel, variables=variables), is_usual=True
                )
    if variables is None:
        variables = usual_variables(tail)
    channel = None if variables is None else usual_snapshot(head, variables)
    if channel is None:
        return _Known(block, cut, snapshot(block, 0), is_usual=False)
    return _Known(block, cut, channel, is_usual=True)
