"""One text of every leg, written behind one another, to be searched for a part of it.

1. Lines are only added. A leg whose text changed has a new line and keeps the old one, so
   that nothing must be looked for when it changes.
2. What is found is where to look, no more: a leg that is found may be gone or be called
   something else by now. Whoever searches looks at the leg itself.
3. Every leg with a text has a line with its text of now. Absent texts have none.
4. Complete lines are texts and arrays, nothing that the garbage collector looks into: at a
   million legs, tuples of their keys would hold everybody up for 50 ms, once they are made.

Searching the joined texts of a thousand legs is one call: 4 us, when the legs themselves,
strewn over the memory of a large store, take 300 (2-core VM).
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, compress
from operator import attrgetter
from typing import NamedTuple

from callstate.core.filters import COMPARE, Match
from callstate.core.model import Key, Leg

# Lines that are joined into one text.
BLOCK = 1000

# As many blocks tell how often a text is found.
_SAMPLE = 64

# Where more than one line in 20 has it, comparing all of them is quicker than finding each.
_MANY = BLOCK // 20

_SEPARATOR = "\n"


class _Block(NamedTuple):
    """Lines that are complete: in `text` each between two separators, and whose they are.

    `uniqueids` follow one another; that of a line is from its number in `begins` to the next.
    """

    text: str
    machines: "array[int]"
    uniqueids: str
    begins: "array[int]"

    def key(self, line: int) -> Key:
        """Return whose a line is. O(1)."""
        return self.machines[line], self.uniqueids[self.begins[line] : self.begins[line + 1]]


class Texts:
    """The texts in `fields` of all legs that were added, without regard to case."""

    __slots__ = ("_blocks", "_fields", "_machines", "_texts", "_uniqueids", "idle", "lines")

    def __init__(self, fields: Iterable[str]) -> None:
        # Changes since it was asked for; see `demand`.
        self.idle = 0
        self.lines = 0
        self._fields = [attrgetter(field) for field in fields]
        self._blocks: list[_Block] = []
        # The lines that no block has yet.
        self._texts: list[str] = []
        self._machines: list[int] = []
        self._uniqueids: list[str] = []

    def add(self, legs: Sequence[Leg]) -> None:
        """Add a line for each text of `legs`. O(legs), 0.2 us each."""
        for field in self._fields:
            texts = list(map(field, legs))
            some = list(compress(legs, texts))
            self.lines += len(some)
            self._texts += map(_line, filter(None, texts))
            self._machines += [leg.machine for leg in some]
            self._uniqueids += [leg.uniqueid for leg in some]
        if len(self._texts) >= BLOCK:
            self._close_block()

    def differs(self, old: Leg, new: Leg) -> bool:
        """Tell whether two states of a leg differ in a text. O(1)."""
        return any(field(old) != field(new) for field in self._fields)

    def share(self, wanted: str, match: Match) -> float:
        """Return about which part of the lines matches `wanted`. O(1), 0.3 ms at most."""
        some = self._blocks[:: 1 + len(self._blocks) // _SAMPLE]
        needle = _NEEDLES[match].format(wanted.casefold())
        found = sum([block.text.count(needle) for block in some])
        return found / sum([len(block.machines) for block in some]) if some else 0.0

    def search(self, wanted: str, match: Match) -> Iterator[list[Key]]:
        """Yield whose text may match `wanted`, in parts, of lines that are there now.

        A leg may come twice. O(lines), 4 ns each, and 0.1 to 1 us for each that is found.
        """
        folded, compare, blocks = wanted.casefold(), COMPARE[match], self._blocks.copy()
        keys = zip(self._machines, self._uniqueids, strict=True)
        tail = list(compress(keys, compare(folded, self._texts)))
        needle = _NEEDLES[match].format(folded)
        for block in blocks:
            number = block.text.count(needle)
            if number > _MANY:
                lines = block.text.split(_SEPARATOR)[1:-1]
                yield list(map(block.key, compress(range(len(lines)), compare(folded, lines))))
            else:
                yield _found(block, needle) if number else []
        yield tail

    def let_go(self) -> bool:
        """Forget some lines; return whether any are left. All at once take milliseconds."""
        if self._blocks:
            self._blocks.pop()
        return bool(self._blocks)

    def _close_block(self) -> None:
        text = _SEPARATOR.join(["", *self._texts, ""])
        begins = array("q", accumulate(map(len, self._uniqueids), initial=0))
        block = _Block(text, array("q", self._machines), "".join(self._uniqueids), begins)
        self._blocks.append(block)
        self._texts, self._machines, self._uniqueids = [], [], []


_NEEDLES = {
    Match.CONTAINS: "{}",
    Match.EXACT: "\n{}\n",
    Match.START: "\n{}",
    Match.END: "{}\n",
}


def is_searchable(wanted: str) -> bool:
    """Tell whether `Texts` can be searched for `wanted`: not for what stands between lines."""
    return bool(wanted) and _SEPARATOR not in wanted


def _line(text: str) -> str:
    folded = text.casefold()
    # What is searched for has no separator: putting a space for one hides nothing.
    return folded.replace(_SEPARATOR, " ") if _SEPARATOR in folded else folded


def _found(block: _Block, needle: str) -> list[Key]:
    """Return whose line has `needle`, of few."""
    text, keys, line, counted = block.text, list[Key](), -1, 0
    at = text.find(needle)
    while at >= 0:
        # A needle may begin with the separator before its line.
        end = text.find(_SEPARATOR, at + 1)
        line += text.count(_SEPARATOR, counted, end)
        counted = end
        keys.append(block.key(line))
        at = text.find(needle, end)
    return keys
