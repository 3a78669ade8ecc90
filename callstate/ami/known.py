"""A channel's header block that was read, and the next one read with its help."""

from msgspec.structs import replace

from callstate.ami.headers import known_text, number, snapshot, usual_snapshot, usual_variables
from callstate.core.events import ChannelSnapshot

_CONTEXT = b"\r\nContext: "
_PRIORITY = b"\r\nPriority: "
_VARIABLE = b"\r\nChanVariable: "


class Known:
    """A channel's block that was read: its bytes, and what it says.

    A usual one has the headers that are known, in their order, and nothing else. It has a
    `name`, the channel's, which is empty of any other, and parts: `who` is what comes before
    the value of the context, `head` what comes before that of the priority, `ids` what comes
    after it, and `shown` the variables; `tail` is `ids` and the variables. `head` and `tail` are
    as they were seen last, be it at a glance. There is one for each channel, so the parts
    are not kept but cut out when they are needed.

    `is_doubted`: something else was shown since, which the mirror may have taken over. Two
    are for `dialplan` to say: `is_at_place`, that the channel may run something that tells
    where its caller is; `told`, as lines, variables that were told last.
    """

    __slots__ = (
        "_context",
        "_ids",
        "_priority",
        "_shown",
        "block",
        "channel",
        "is_at_place",
        "is_doubted",
        "moved",
        "name",
        "told",
        "uniqueid",
        "varied",
    )

    def __init__(self, uniqueid: bytes, block: bytes, channel: ChannelSnapshot) -> None:
        self.uniqueid = uniqueid
        self.block = block
        self.channel = channel
        self.name = self.moved = self.varied = b""
        self.is_doubted = False
        self.is_at_place = True
        self.told = b""
        # Where in the block the values of context and priority begin, where that of the
        # priority ends, and where the variables begin.
        self._context = self._priority = self._ids = self._shown = 0

    def cut(self, begin: int, end: int, shown: int) -> None:
        """Say where the value of the priority begins and ends, and where the variables begin."""
        self.name = self.block[9 : self.block.index(b"\r\n")]
        self._context = self.block.index(_CONTEXT) + len(_CONTEXT)
        self._priority, self._ids, self._shown = begin, end, shown

    @property
    def who(self) -> bytes:
        """What comes before the value of the context."""
        return self.block[: self._context]

    @property
    def head(self) -> bytes:
        """What comes before the value of the priority, as it was seen last."""
        return self.moved or self.block[: self._priority]

    @property
    def ids(self) -> bytes:
        """What comes between the value of the priority and the variables."""
        return self.block[self._ids : self._shown]

    @property
    def shown(self) -> bytes:
        """The variables."""
        return self.block[self._shown :]

    @property
    def tail(self) -> bytes:
        """What comes after the value of the priority, as it was seen last."""
        return self.varied or self.block[self._ids :]

    def has_varied(self, name: bytes) -> bool:
        """True if a variable is shown by what was seen at a glance: it is told later."""
        return b"%b%b=" % (_VARIABLE, name) in self.varied

    def has_told(self, name: bytes, value: bytes) -> bool:
        """True if this was the last value told of a variable. O(those told)."""
        line = name + b"=" + value
        return b"\n" + line + b"\n" in self.told and b"\n" not in line

    def tell(self, name: bytes, value: bytes) -> None:
        """Remember what was told of a variable; what is not one line, being unescaped, is not."""
        self.forget_told(name)
        line = name + b"=" + value
        if b"\n" not in line:
            self.told = (self.told or b"\n") + line + b"\n"

    def forget_told(self, name: bytes) -> None:
        """Forget what was told of a variable."""
        begin = self.told.find(b"\n" + name + b"=")
        if begin >= 0:
            end = self.told.index(b"\n", begin + 1)
            self.told = self.told[:begin] + self.told[end:]


NOBODY = Known(b"", b"", snapshot(b""))


def read_block(uniqueid: bytes, block: bytes, before: Known | None) -> Known:
    """Read a block without prefix; the parts that are as in `before` are not read again."""
    begin = block.find(_PRIORITY) + len(_PRIORITY)
    end = block.find(b"\r\n", begin)
    cut = block.find(_VARIABLE, begin)
    if cut < 0:
        cut = len(block)
    is_usual = before is not None and before.name != b""
    if before is not None and is_usual and before.shown == block[cut:]:
        variables: tuple[tuple[str, str], ...] | None = before.channel.variables
    else:
        variables = usual_variables(block[cut:])
    channel: ChannelSnapshot | None = None
    if variables is not None:
        if before is not None and is_usual and before.ids == block[end:cut]:
            channel = _moved(before, block, end, variables)
        if channel is None:
            channel = usual_snapshot(block[:cut], variables)
    if channel is None:
        return Known(uniqueid, block, snapshot(block))
    known = Known(uniqueid, block, channel)
    known.cut(begin, end, cut)
    return known


def _moved(
    before: Known, block: bytes, end: int, variables: tuple[tuple[str, str], ...]
) -> ChannelSnapshot | None:
    """Return what a block says that shows `before` at another place in the dialplan, or None."""
    who = before.who
    if not block.startswith(who):
        return None
    lines = block[len(who) : end].split(b"\r")
    if len(lines) != 3 or lines[1][:8] != b"\nExten: " or lines[2][:11] != b"\nPriority: ":
        return None
    context, exten, digits = lines[0], lines[1][8:], lines[2][11:]
    priority = number(digits, -1)
    if priority < 0 or len(digits) > 9:
        return None
    return replace(
        before.channel,
        context=known_text(context),
        exten=known_text(exten),
        priority=priority,
        variables=variables,
    )
