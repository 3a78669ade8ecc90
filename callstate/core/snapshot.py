"""The legs of one moment, read in slices while the store goes on changing.

A copy of 100 000 places takes 5 ms, more than anybody should wait. So the ordered view is read
where it stands, from a cursor on; what changes meanwhile is heard of:
1. A leg that is new, or changed before the cursor came to it, is not read from the view.
2. A leg that the cursor has not come to is read as it was before its first change.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Generator, Iterable
from itertools import islice
from typing import TypeVar

from callstate.core.index import Place, place_of
from callstate.core.model import Key, Leg, LegKey
from callstate.core.store import Change, LegStore

T = TypeVar("T")
Steps = Generator[None, None, T]
"""Work that is done in steps and gives a T at its end."""

Slice = tuple[list[Place], list[Leg]]
"""Places and the legs in them, side by side."""

Slices = Generator[Slice, None, None]


def slices_in_order(store: LegStore, *, size: int, descending: bool = False) -> Slices:
    """Yield all legs of the moment of the first slice in their order, about `size` at a time.

    Close it when it is not read to its end: it listens to the store. O(size + log n) a slice.
    """
    changes = _Changes(descending=descending)
    unsubscribe = store.subscribe(changes.hear)
    try:
        while places := store.ordered.after(changes.cursor, size, descending=descending):
            changes.cursor = cursor = place_of(places[-1].leg)
            places = changes.undo(places, cursor)
            yield places, [place.leg for place in places]
        places = changes.undo([], None)
        yield places, [place.leg for place in places]
    finally:
        unsubscribe()


def slices_of(store: LegStore, places: list[Place], *, size: int) -> Slices:
    """Yield the legs that are in `places` at the moment of the first slice, `size` at a time.

    A place that comes twice is yielded once. `places` is emptied. Close it when it is not read
    to its end: it listens to the store. O(size) a slice.
    """
    before = _Before()
    unsubscribe = store.subscribe(before.hear)
    seen: set[Place] = set()
    try:
        while places:
            some = [place for place in dict.fromkeys(places[-size:]) if place not in seen]
            del places[-size:]
            seen.update(some)
            yield some, before.legs_of(some)
    finally:
        unsubscribe()


class Moment:
    """The moment at which it is entered, to look back to until it is left."""

    def __init__(self, store: LegStore) -> None:
        self._store = store
        self._was: dict[Key, Leg | None] = {}

    def __enter__(self) -> "Moment":
        self._end = self._store.subscribe(self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def changed(self, first: int, size: int) -> list[Key]:
        """Return some keys of the legs that came, went or changed since: `size` from `first` on."""
        return list(islice(self._was, first, first + size))

    def find(self, keys: Iterable[Key]) -> Slice:
        """Return those legs of `keys` that were there, and their places then. O(keys)."""
        places: list[Place] = []
        was, place_now = self._was, self._store.place
        for key in keys:
            if key in was:
                leg = was[key]
                place = None if leg is None else place_of(leg)
            else:
                place = place_now(key)
            if place is not None:
                places.append(place)
        return places, [place.leg for place in places]

    def _hear(self, change: Change) -> None:
        self._was.setdefault(change.key, change.old)


class _Changes:
    """What changed since a walk in order began, and is or would be ahead of its `cursor`."""

    def __init__(self, *, descending: bool) -> None:
        self.cursor: Place | None = None
        self._descending = descending
        self._keys: set[LegKey] = set()
        self._uniqueids: set[str] = set()
        # Places as they were, ahead of the cursor, in order.
        self._late: list[Place] = []

    def hear(self, change: Change) -> None:
        """Take note of the first change of a leg."""
        key = change.key
        if key in self._keys:
            return
        self._keys.add(key)
        self._uniqueids.add(key.uniqueid)
        if change.old is not None:
            place = place_of(change.old)
            if self._is_ahead(place):
                insort(self._late, place)

    def undo(self, places: list[Place], until: Place | None) -> list[Place]:
        """Return `places` without what is not as it was, and with what was there until `until`."""
        if not self._keys:
            return places
        same = [
            place
            for place in places
            if place.uniqueid not in self._uniqueids
            or (place.machine, place.uniqueid) not in self._keys
        ]
        late = self._take_late(until)
        return sorted([*same, *late], reverse=self._descending) if late else same

    def _is_ahead(self, place: Place) -> bool:
        if self.cursor is None:
            return True
        return place < self.cursor if self._descending else self.cursor < place

    def _take_late(self, until: Place | None) -> list[Place]:
        late = self._late
        if until is None:
            taken = slice(None)
        elif self._descending:
            taken = slice(bisect_left(late, until), None)
        else:
            taken = slice(None, bisect_right(late, until))
        some = late[taken]
        del late[taken]
        return some


class _Before:
    """What legs were at some moment, as far as they changed since."""

    def __init__(self) -> None:
        self._legs: dict[LegKey, Leg] = {}
        self._uniqueids: set[str] = set()

    def hear(self, change: Change) -> None:
        """Take note of the first change of a leg."""
        if change.old is not None:
            self._legs.setdefault(change.old.key, change.old)
            self._uniqueids.add(change.old.uniqueid)

    def legs_of(self, places: list[Place]) -> list[Leg]:
        """Return the legs that were in `places`."""
        legs = [place.leg for place in places]
        if not self._legs:
            return legs
        was, changed = self._legs, self._uniqueids
        return [was.get(leg.key, leg) if leg.uniqueid in changed else leg for leg in legs]
