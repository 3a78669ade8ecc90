"""The standard header block of a channel in a message, read once as long as it stays the same.

It is most of a message's bytes, and mostly the same as in that channel's last message: each
channel's last block is remembered, and the same `ChannelSnapshot` is handed out again.
What is remembered saves time; forgetting any of it changes nothing that is told.

Where a block differs, it is mostly in the priority alone: a dialplan moves on, many times in
one piece of the stream. `dialplan` passes over such a block; it is read only if no later one
of its channel comes in the same piece (`late`).
"""

from collections.abc import Collection

from callstate.ami.known import NOBODY, Known
from callstate.ami.twins import place, unprefixed
from callstate.core.events import ChannelSnapshot

try:
    from callstate.ami.fast_blocks import read_block as read_block
except ImportError:  # a build in Python alone
    from callstate.ami.known import read_block as read_block

# So many channels' last blocks are kept, some kB each: more channels than a machine has that is
# used well. Above it the ones give way that were longest not read.
_LIMIT = 20_000

_VARIABLE = b"\r\nChanVariable: "


class Blocks:
    """The last blocks of the channels of one connection. Uniqueids are bytes here.

    `span` is the part of the message read last that is a block and nothing else, so that
    whoever looks for what has no place in a message need not look there; empty if unsure.
    `late` has, by channel, the latest message whose block was passed over; `current` is the
    channel that was looked at last, `NOBODY` once that is not what is remembered any more.
    """

    def __init__(self) -> None:
        self.span = (0, 0)
        self.late: dict[bytes, bytes] = {}
        self.current = NOBODY
        self._latest = NOBODY
        self._blocks: dict[bytes, Known] = {}
        self._by_name: dict[bytes, Known] = {}

    def __len__(self) -> int:
        """Return how many are remembered. O(1)."""
        return len(self._blocks)

    def named(self, name: bytes) -> Known | None:
        """Return what is remembered of the channel with that name, if it is a usual block. O(1)."""
        return self._by_name.get(name)

    def vary(  # noqa: PLR0917 - called for every tenth message
        self, known: Known, raw: bytes, at: int, name: bytes, value: bytes, end: int
    ) -> bool:
        """Note that the block of `raw` shows `value` for a variable and nothing else that is new.

        `at` is where the value of the priority ends, `end` where the block does. False if it
        is not so.
        """
        before = known.tail
        line = _VARIABLE + name + b"="
        begin = before.find(line)
        if begin < 0:
            return False
        if known.varied and (line + value + b"\r\n") in known.block + b"\r\n":
            # What is remembered would show nothing new, though another value may have been told.
            return False
        rest = before.find(b"\r\n", begin + 2)
        tail = before[:begin] + line + value + (before[rest:] if rest >= 0 else b"")
        if at + len(tail) != end or not raw.startswith(tail, at):
            return False
        known.varied = tail
        known.forget_told(name)
        return True

    def note_place(self, is_at_place: bool) -> None:
        """Note whether the channel read last runs something that tells where its caller is."""
        self._latest.is_at_place = is_at_place

    def note_set(self, name: bytes) -> None:
        """Note that a variable of the channel read last was told."""
        self._latest.forget_told(name)

    def note_listed(self) -> None:
        """Note that all may be new of the channel read last: a list shows it, or another begin."""
        self._latest.is_at_place = True
        self._latest.told = b""

    def read(self, raw: bytes, *, remember: bool = True) -> tuple[ChannelSnapshot | None, bool]:
        """Return the channel in the block of `raw`, and whether it shows anything new.

        `remember`: an event that can come after the channel's Hangup must not begin to.
        O(bytes) to find the block, and to read it if it is not the channel's last one.
        """
        self.span = (0, 0)
        found = place(raw, b"")
        if found is None:
            return None, False
        uniqueid, start, end = found
        block = raw[start:end]
        self.late.pop(uniqueid, None)
        known = self._blocks.get(uniqueid)
        is_new = known is None or known.is_doubted or known.block != block
        if known is None or is_new:
            before, known = known, read_block(uniqueid, block, known)
            if before is not None or remember:
                self._remember(known, before)
        self._latest = known
        if known.name:
            self.span = (start, end)
        return known.channel, is_new

    def peek(self, raw: bytes, prefix: bytes = b"") -> ChannelSnapshot | None:
        """Return the channel in the block with `prefix`, which is not remembered.

        For blocks with other keys, and for those that need not be taken over. When one says
        something else than the remembered block, that is doubted: whatever the channel's own
        next event shows is news, whether this was taken over or not.
        """
        found = place(raw, prefix)
        if found is None:
            return None
        uniqueid, start, end = found
        block = unprefixed(raw, prefix, start, end)
        known = self._blocks.get(uniqueid)
        if known is None:
            return read_block(uniqueid, block, None).channel
        if known.block == block:
            return known.channel
        channel = read_block(uniqueid, block, known).channel
        if known.channel == channel:
            return known.channel
        known.is_doubted = True
        self._unname(known)
        return channel

    def forget(self, uniqueid: bytes) -> None:
        """Forget a channel that is gone. O(1)."""
        self.late.pop(uniqueid, None)
        known = self._blocks.pop(uniqueid, None)
        if known is not None:
            self._unname(known)

    def retain(self, uniqueids: Collection[bytes]) -> None:
        """Forget all but these: the Hangups of the others were lost. O(n)."""
        for uniqueid in [known for known in self._blocks if known not in uniqueids]:
            self.forget(uniqueid)

    def clear(self) -> None:
        """Forget all of them."""
        self.current = NOBODY
        self.late.clear()
        self._blocks.clear()
        self._by_name.clear()

    def _remember(self, known: Known, before: Known | None) -> None:
        if before is not None:
            known.is_at_place = before.is_at_place
            if before.channel.variables is known.channel.variables:
                known.told = before.told
            if before.name != known.name:
                self._unname(before)
            elif before is self.current:
                self.current = NOBODY
            del self._blocks[known.uniqueid]
        elif len(self._blocks) >= _LIMIT:
            self.forget(next(iter(self._blocks)))
        self._blocks[known.uniqueid] = known
        if known.name:
            self._by_name[known.name] = known

    def _unname(self, known: Known) -> None:
        if known is self.current:
            self.current = NOBODY
        if self._by_name.get(known.name) is known:
            del self._by_name[known.name]
