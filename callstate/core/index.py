"""Places of legs: filed by a value, and in the one order that breaks every tie.

A `Place` is a leg's position in the order of the API (start, then uniqueid as time, then
uniqueid as text, then machine) and holds the leg, so what an index finds sorts itself, and a
leg is two steps in memory away from its value. Among a million legs memory is what a query
waits for: by keys instead it took 31 µs for 20 legs, so it takes 12 (2-core VM).

Most values have one leg or the two of a call. A bucket is therefore the bare place, a tuple
from the second member on, a set only when it is large: that halves the memory against sets,
and leaves the garbage collector nothing to walk. Empty buckets are deleted at once; reads
never create one.
"""

from collections.abc import Collection, Iterator, Set
from itertools import chain, islice
from typing import Any

import msgspec
from sortedcontainers import SortedList

from callstate.core.model import Leg, uniqueid_order

# A tuple is copied at each change. It becomes a set above the first size and a tuple again
# at the second: sets keep the room they once needed, and a bucket at the border must not flap.
_TUPLE_LIMIT = 32
_SET_LIMIT = 16

Value = str | int


class Place(msgspec.Struct, gc=False, order=True):
    """Where a leg stands among all legs. The fields compare in this order; `leg` only counts
    between two states of one leg.

    Only `leg` changes, and only the store changes it: to another leg for the same place.
    """

    start: int
    epoch: int
    counter: int
    uniqueid: str
    machine: int
    leg: Leg

    # A leg has one place, so being the same is being equal, and costs the least.
    __hash__ = object.__hash__


def place_of(leg: Leg) -> Place:
    """Return a new place for `leg`."""
    epoch, counter = uniqueid_order(leg.uniqueid)
    start = leg.start
    # One int instead of two equal ones: 32 B of each leg.
    epoch = start if epoch == start else epoch
    return Place(start, epoch, counter, leg.uniqueid, leg.machine, leg)


class HashIndex:
    """Value -> places of the legs that have it.

    Invariant: no bucket is empty, and a place is at most once in a bucket.
    """

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        self._buckets: dict[Value, Place | tuple[Place, ...] | set[Place]] = {}

    def __len__(self) -> int:
        """Return the number of different values. O(1)."""
        return len(self._buckets)

    def __iter__(self) -> Iterator[Value]:
        """Iterate over the values, in no order."""
        return iter(self._buckets)

    def lookup(self, value: Value) -> Collection[Place]:
        """Return the places filed under `value`. O(1); it may be live, do not keep it."""
        bucket = self._buckets.get(value, ())
        return (bucket,) if isinstance(bucket, Place) else bucket

    def count(self, value: Value) -> int:
        """Return how many places are filed under `value`. O(1)."""
        bucket = self._buckets.get(value, ())
        return 1 if isinstance(bucket, Place) else len(bucket)

    def gather(self, values: Set[Value]) -> list[Place]:
        """Return the places filed under any of `values`, one under two of them twice.

        O(result + fewer values).
        """
        if len(values) == 1:
            return list(self.lookup(*values))
        return list(chain.from_iterable(map(self.lookup, self._shared(values))))

    def count_any(self, values: Set[Value]) -> int:
        """Return how many places `gather` finds."""
        return sum(map(self.count, self._shared(values)))

    def _shared(self, values: Set[Value]) -> Collection[Value]:
        """Return `values`, or where these are more, the filed ones among them."""
        if len(values) <= len(self._buckets):
            return values
        return [value for value in self._buckets if value in values]

    def add(self, value: Value, place: Place) -> None:
        """File `place`, which is not there yet, under `value`. O(1)."""
        bucket = self._buckets.get(value)
        if bucket is None:
            self._buckets[value] = place
        elif isinstance(bucket, set):
            bucket.add(place)
        elif not isinstance(bucket, tuple):
            self._buckets[value] = (bucket, place)
        elif len(bucket) < _TUPLE_LIMIT:
            self._buckets[value] = bucket + (place,)  # noqa: RUF005  # unpacking makes a list first
        else:
            self._buckets[value] = {*bucket, place}

    def remove(self, value: Value, place: Place) -> None:
        """Take `place`, which is there, from under `value`. O(1).

        Raises:
            LookupError: it is not there: the store and this index disagree.
        """
        bucket = self._buckets[value]
        if bucket is place:
            del self._buckets[value]
        elif isinstance(bucket, set):
            bucket.remove(place)
            if len(bucket) <= _SET_LIMIT:
                self._buckets[value] = tuple(bucket)
        elif isinstance(bucket, tuple):
            rest = tuple([other for other in bucket if other is not place])
            if len(rest) == len(bucket):
                raise KeyError(place)
            self._buckets[value] = rest if len(rest) > 1 else rest[0]
        else:
            raise KeyError(place)

    def check(self) -> None:
        """Assert the invariant. O(n)."""
        for value, bucket in self._buckets.items():
            if isinstance(bucket, set):
                assert len(bucket) > _SET_LIMIT, (value, bucket)
            elif isinstance(bucket, tuple):
                assert 1 < len(bucket) <= _TUPLE_LIMIT, (value, bucket)
                assert len(set(bucket)) == len(bucket), (value, bucket)


class OrderedView:
    """All places, in order."""

    __slots__ = ("_places",)

    def __init__(self) -> None:
        self._places: Any = SortedList()  # sortedcontainers ships no types

    def __len__(self) -> int:
        return len(self._places)

    def walk(self, *, descending: bool = False) -> Iterator[Place]:
        """Iterate over the places from the first, or from the last. O(1) a step."""
        walk: Iterator[Place] = reversed(self._places) if descending else iter(self._places)
        return walk

    def after(self, place: Place | None, size: int, *, descending: bool = False) -> list[Place]:
        """Return the next `size` places after `place`, None: from the first. O(log n + size).

        `place` need not be there any more.
        """
        if place is None:
            walk = self.walk(descending=descending)
        elif descending:
            walk = self._places.irange(None, place, (True, False), reverse=True)
        else:
            walk = self._places.irange(place, None, (False, True))
        return list(islice(walk, size))

    def add(self, place: Place) -> None:
        """File `place`, which is not there yet. O(log n)."""
        self._places.add(place)

    def remove(self, place: Place) -> None:
        """Take out `place`, which is there. O(log n).

        Raises:
            ValueError: it is not there.
        """
        self._places.remove(place)

    def check(self) -> None:
        """Assert that the places are sorted and different. O(n)."""
        self._places._check()
        places = list(self._places)
        assert len(set(places)) == len(places), places
