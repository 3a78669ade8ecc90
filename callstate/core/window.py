"""The first legs in an order that is asked for, kept while legs come, go and change.

A window holds thousands of places, whatever the number of legs: what comes behind its last
one is let pass, for a comparison each. Where more go than come it empties, and whoever asks
then makes a wider one.
"""

from collections.abc import Callable, Iterator
from itertools import compress, islice
from operator import attrgetter
from typing import Any

import msgspec
from sortedcontainers import SortedList

from callstate.core.index import Place
from callstate.core.model import Key, Leg, uniqueid_order

# Places to begin with, and in a window that emptied while it was asked for. So many more may
# be there before the last are left out.
NARROW, WIDE = 2048, 8192
SPARE = 1024

# A limit up to which a window is worth its upkeep.
ROWS = 1000

_NUMBERS = frozenset({"machine", "peer", "scustomer", "start"})


class Entry(msgspec.Struct, frozen=True, gc=False, order=True):
    """What a place is sorted by; those of one value are in the order of their places."""

    value: Any
    place: Place


def value_of(sort: str) -> Callable[[Leg], Any]:
    """Return what gives that by which `sort` sorts a leg, before ties."""
    get = attrgetter(sort)
    if sort in _NUMBERS:
        return get
    if sort == "uniqueid":
        return lambda leg: uniqueid_order(leg.uniqueid)
    return lambda leg: get(leg).casefold()


class Window:
    """The first places in the order of `sort`, or the last, from the last, if `descending`.

    Invariant: everything before `bound` is in the window and nothing behind it, whether
    `bound` itself is or not. None: the window holds all places.
    """

    __slots__ = ("_descending", "_entries", "_held", "_size", "_sort", "_value", "bound", "idle")

    def __init__(self, sort: str, *, descending: bool, size: int) -> None:
        self.bound: Entry | None = None
        # Changes since it was asked for; see `demand`.
        self.idle = 0
        self._descending = descending
        self._size = size
        self._sort = sort
        self._value = value_of(sort)
        self._entries: Any = SortedList()  # sortedcontainers ships no types
        self._held: dict[Key, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_empty(self) -> bool:
        """Whether so few places are left that a wider one is needed."""
        return self.bound is not None and len(self._entries) < ROWS

    def walk(self) -> Iterator[Place]:
        """Iterate over the places in the order that is asked for. O(1) a step."""
        entries = reversed(self._entries) if self._descending else iter(self._entries)
        return (entry.place for entry in entries)

    def moves(self, old: Leg, new: Leg) -> bool:
        """Tell whether two states of a leg may stand in different places. O(1)."""
        if old.start != new.start:
            return True
        return bool(getattr(old, self._sort) != getattr(new, self._sort))

    def discard(self, key: Key) -> None:
        """Take out the leg with `key` if it is there. O(log n)."""
        entry = self._held.pop(key, None)
        if entry is not None:
            self._entries.remove(entry)

    def is_for(self, leg: Leg) -> bool:
        """Tell whether `leg`, by its value, may belong into the window. O(1)."""
        if self.bound is None:
            return True
        value, bound = self._value(leg), self.bound.value
        return bool(value >= bound if self._descending else value <= bound)

    def add(self, place: Place) -> None:
        """File `place`, which is not there yet, if it belongs into the window. O(log n)."""
        entry = Entry(self._value(place.leg), place)
        if self.bound is not None and not self._is_before(entry, self.bound):
            return
        self._entries.add(entry)
        self._held[_key(place)] = entry
        if len(self._entries) > self._size + SPARE:
            self._cut()

    def entries_for(self, places: list[Place], legs: list[Leg]) -> list[Entry]:
        """Return what `legs` in `places` are sorted by, of those that may be in the window."""
        if self._sort == "uniqueid":  # a place has it already taken apart
            values = [(place.epoch, place.counter) for place in places]
        else:
            values = list(map(self._value, legs))
        if self.bound is None:
            return list(map(Entry, values, places))
        bound = self.bound.value
        if self._descending:
            may = [value >= bound for value in values]
        else:
            may = [value <= bound for value in values]
        return list(map(Entry, compress(values, may), compress(places, may)))

    def fill(self, entries: list[Entry]) -> None:
        """File `entries`, which are not there yet and belong there. O(n log n)."""
        self._entries.update(entries)
        self._held.update({_key(entry.place): entry for entry in entries})

    def first(self, entries: list[Entry], more: list[Entry]) -> list[Entry]:
        """Return the first of `entries`, which are sorted, and `more`, as many as it is for.

        Where that leaves some out, they bound the window. O(n + m log m).
        """
        merged = sorted(entries + more, reverse=self._descending)
        if len(merged) > self._size:
            self.bound = merged[self._size - 1]
            del merged[self._size :]
        return merged

    def check(self) -> None:
        """Assert the invariant, as far as it does not need the other places. O(n)."""
        entries = list(self._entries)
        assert entries == sorted(entries), "not in order"
        assert {id(entry) for entry in entries} == {id(entry) for entry in self._held.values()}
        for key, entry in self._held.items():
            assert type(key) is tuple, "what the collector looks at again and again"
            assert entry.place.leg.key == key, (key, entry)
            assert entry.value == self._value(entry.place.leg), entry
        assert len(entries) <= self._size + SPARE, "too many"

    def _is_before(self, entry: Entry, bound: Entry) -> bool:
        return bound < entry if self._descending else entry < bound

    def _cut(self) -> None:
        """Leave out those behind the first `size`."""
        if self._descending:
            gone = list(islice(self._entries, len(self._entries) - self._size))
            del self._entries[: len(gone)]
            self.bound = self._entries[0]
        else:
            gone = list(islice(self._entries, self._size, None))
            del self._entries[self._size :]
            self.bound = self._entries[-1]
        for entry in gone:
            del self._held[_key(entry.place)]


def _key(place: Place) -> Key:
    """Return the key of the leg in `place`, plain and without a look at the leg, which may be
    nowhere near the processor.
    """
    return place.machine, place.uniqueid
