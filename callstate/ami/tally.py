"""How many events came, by name: the known names, and `other` for all the rest.

A name comes from the wire, and whoever chooses it must not choose how much is kept of it.
"""

from collections import Counter
from collections.abc import Iterable
from operator import itemgetter

_EVENT = b"Event: "

# So much of a message tells the name of every known event, and seldom anything that varies.
_HEAD_LENGTH = 32
_head = itemgetter(slice(_HEAD_LENGTH))

# So many different heads are kept before they are folded into names.
_HEADS = 256

OTHER = "other"


class Tally:
    """Counts events by name. Their heads are counted as they come, names are made when asked."""

    def __init__(self, known: Iterable[str]) -> None:
        names = frozenset(known)
        assert all(len(_EVENT) + len(name) < _HEAD_LENGTH for name in names), "a name is cut"
        self._heads: Counter[bytes] = Counter()
        self._counts = dict.fromkeys((*sorted(names), OTHER), 0)

    def add(self, messages: Iterable[bytes]) -> None:
        """Count the events among `messages`. O(messages), some 0.1 us for each."""
        self._heads.update(map(_head, messages))
        if len(self._heads) > _HEADS:
            self._fold()

    def add_some(self, name: str, number: int) -> None:
        """Count so many events of a known name, or of `OTHER`."""
        self._counts[name] += number

    def counts(self) -> dict[str, int]:
        """Return how many came of each known name, and of the others."""
        self._fold()
        return dict(self._counts)

    def _fold(self) -> None:
        for head, number in self._heads.items():
            if head.startswith(_EVENT):
                name = head[len(_EVENT) :].partition(b"\r")[0].decode("latin-1")
                self._counts[name if name in self._counts else OTHER] += number
        self._heads.clear()
