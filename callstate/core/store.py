"""All legs, their indexes, and the feed of their changes.

1. Legs come and go through `put` and `remove` only; both keep every index in step.
2. Each put or remove that changes something takes the next number and is told, in that
   order, to every subscriber; one that changes nothing is silent.
3. An update that leaves the filed fields alone touches no index: that is nearly every one.

A customer, number or callid that is absent (0 or empty) is not filed: nobody asks for it.
Numbers are filed without regard to case, because they are compared so.
"""

from collections.abc import Callable, Collection, Iterator, Set

import msgspec

from callstate.core.index import HashIndex, OrderedView, Place, Value, place_of
from callstate.core.model import Key, Leg, LegKey
from callstate.core.texts import Texts
from callstate.core.window import Window


class Change(msgspec.Struct, frozen=True, gc=False):
    """One change of the store. `old` None: the leg is new; `new` None: it is gone."""

    number: int
    old: Leg | None
    new: Leg | None

    @property
    def key(self) -> LegKey:
        """The key of the leg that changed."""
        leg = self.new or self.old
        assert leg is not None, "a change of nothing"
        return leg.key


Subscriber = Callable[[Change], None]

# Of so many customers the last change is known; a channel variable may name any number of them.
CUSTOMERS = 100_000


def fold(text: str) -> str:
    """Return what `text` is compared and filed by: the same without regard to case.

    >>> fold("Straße")
    'strasse'
    """
    folded = text.casefold()
    # The text itself where folding changes nothing: an index then holds no copy of it.
    return text if folded == text else folded


class LegStore:
    """The legs by key, with an index for each way of asking for few of many.

    Invariant: every leg is filed exactly once in `ordered` and under each of its values in
    each index, and nothing else is filed. `number` is that of the last change, 0 at first.
    """

    def __init__(self, *, customers: int = CUSTOMERS) -> None:
        self.number = 0
        self._customers = customers
        # Customer -> number of the last change of a leg of his. Who is not there changed at
        # `_forgotten` or before.
        self._changed: dict[int, int] = {}
        self._forgotten = 0
        self.by_customer = HashIndex()
        self.by_callid = HashIndex()
        self.by_snumber = HashIndex()
        self.by_cnumber = HashIndex()
        self.by_dnumber = HashIndex()
        self.ordered = OrderedView()
        # By machine, then by uniqueid: the key without a tuple for each leg, and the index by
        # machine as well.
        self._places: dict[int, dict[str, Place]] = {}
        self._subscribers: tuple[Subscriber, ...] = ()
        # What is there only while it is asked for; see `demand`.
        self.texts: dict[tuple[str, ...], Texts] = {}
        self.windows: dict[tuple[str, bool], Window] = {}
        # In step with `_values`.
        self._indexes = (
            self.by_customer,
            self.by_customer,
            self.by_callid,
            self.by_snumber,
            self.by_cnumber,
            self.by_dnumber,
        )

    def __len__(self) -> int:
        """Return the number of legs. O(1)."""
        return len(self.ordered)

    def __iter__(self) -> Iterator[Leg]:
        """Iterate over the legs, in no order. Do not change the store meanwhile."""
        for places in self._places.values():
            for place in places.values():
                yield place.leg

    def get(self, key: LegKey) -> Leg | None:
        """Return the leg with `key`, if there is one. O(1)."""
        place = self.place(key)
        return None if place is None else place.leg

    def place(self, key: Key) -> Place | None:
        """Return the place of the leg with `key`, if there is one. O(1)."""
        machine, uniqueid = key
        places = self._places.get(machine)
        return None if places is None else places.get(uniqueid)

    def changed(self, customers: Set[int] | None) -> int:
        """Return the number of a change since which no leg of `customers` came, went or changed.

        None means every leg, also those of no customer. It is that of their last change, or a
        later one where that is forgotten. O(customers).
        """
        if customers is None:
            return self.number
        changed, forgotten = self._changed, self._forgotten
        return max([changed.get(customer, forgotten) for customer in customers], default=0)

    def of_machine(self, machine: int) -> Collection[Place]:
        """Return the places of the legs of `machine`. O(1); it is live, do not keep it."""
        places = self._places.get(machine)
        return () if places is None else places.values()

    def count_by_machine(self) -> dict[int, int]:
        """Return how many legs each machine has; machines without legs are left out. O(m)."""
        return {machine: len(places) for machine, places in self._places.items()}

    def put(self, leg: Leg) -> None:
        """Insert `leg`, or put it in the place of the one with its key.

        O(1) if no filed field changes, else O(log n).
        """
        places = self._places.get(leg.machine)
        place = None if places is None else places.get(leg.uniqueid)
        if place is None:
            self._file(leg)
            self._publish(None, leg)
            return
        old = place.leg
        if old == leg:
            return
        if _is_filed_alike(old, leg):
            place.leg = leg
        else:
            self._refile(place, leg)
        self._publish(old, leg)

    def remove(self, key: Key) -> Leg | None:
        """Remove and return the leg with `key`, if there is one. O(log n)."""
        machine, uniqueid = key
        places = self._places.get(machine)
        place = None if places is None else places.get(uniqueid)
        if place is None:
            return None
        self._unfile(place)
        self._publish(place.leg, None)
        return place.leg

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Tell `subscriber` every change from now on; return what ends that.

        It is called after the change, synchronously. It must not raise and must not change
        the store: the later subscribers would learn of that change before this one.
        """
        self._subscribers = (*self._subscribers, subscriber)

        def unsubscribe() -> None:
            self._subscribers = tuple([s for s in self._subscribers if s is not subscriber])

        return unsubscribe

    def check(self) -> None:
        """Assert the invariant. O(n log n)."""
        expected: dict[int, dict[Value, set[Place]]] = {id(index): {} for index in self._indexes}
        everything: list[Place] = []
        for machine, places in self._places.items():
            assert places, f"machine {machine} without legs"
            everything += places.values()
            for uniqueid, place in places.items():
                assert place.leg.key == (machine, uniqueid), "a leg under another's key"
                assert place == place_of(place.leg), "a leg in another's place"
                for index, value in zip(self._indexes, _values(place.leg), strict=True):
                    if value:
                        expected[id(index)].setdefault(value, set()).add(place)
        self.ordered.check()
        assert set(self.ordered.walk()) == set(everything), "ordered view"
        for index in self._indexes:
            index.check()
            filed = {value: set(index.lookup(value)) for value in index}
            assert filed == expected[id(index)], (filed, expected[id(index)])

    def _publish(self, old: Leg | None, new: Leg | None) -> None:
        self.number = number = self.number + 1
        changed = self._changed
        if old is not None:
            changed[old.scustomer] = changed[old.dcustomer] = number
        if new is not None:
            changed[new.scustomer] = changed[new.dcustomer] = number
        if len(changed) > self._customers:
            changed.clear()
            self._forgotten = number
        if self._subscribers:
            change = Change(number, old, new)
            for subscriber in self._subscribers:
                subscriber(change)

    def _file(self, leg: Leg) -> None:
        place = place_of(leg)
        self._places.setdefault(leg.machine, {})[leg.uniqueid] = place
        self.ordered.add(place)
        for at, value in enumerate(_values(leg)):
            if value:
                index = self._indexes[at]
                index.add(value, place)

    def _unfile(self, place: Place) -> None:
        places = self._places[place.machine]
        del places[place.uniqueid]
        if not places:
            del self._places[place.machine]
        self.ordered.remove(place)
        for at, value in enumerate(_values(place.leg)):
            if value:
                index = self._indexes[at]
                index.remove(value, place)

    def _refile(self, place: Place, leg: Leg) -> None:
        if place.start != leg.start:
            self._unfile(place)
            self._file(leg)
            return
        old, place.leg = place.leg, leg
        if old.callid != leg.callid:
            _move(place, self.by_callid, old.callid, leg.callid)
        for index, was, now in (
            (self.by_snumber, old.snumber, leg.snumber),
            (self.by_cnumber, old.cnumber, leg.cnumber),
            (self.by_dnumber, old.dnumber, leg.dnumber),
        ):
            if was != now:
                _move(place, index, fold(was), fold(now))
        if old.scustomer != leg.scustomer or old.dcustomer != leg.dcustomer:
            before, after = {old.scustomer, old.dcustomer}, {leg.scustomer, leg.dcustomer}
            for customer in before - after - {0}:
                self.by_customer.remove(customer, place)
            for customer in after - before - {0}:
                self.by_customer.add(customer, place)


def _move(place: Place, index: HashIndex, was: Value, now: Value) -> None:
    if was == now:
        return
    if was:
        index.remove(was, place)
    if now:
        index.add(now, place)


def _values(leg: Leg) -> tuple[Value, ...]:
    """Return what `leg` is filed under, in step with `LegStore._indexes`."""
    scustomer, dcustomer = leg.scustomer, leg.dcustomer
    return (
        scustomer,
        dcustomer if dcustomer != scustomer else 0,
        leg.callid,
        fold(leg.snumber),
        fold(leg.cnumber),
        fold(leg.dnumber),
    )


def _is_filed_alike(old: Leg, new: Leg) -> bool:
    """Tell whether two legs of one key are filed alike.

    The hot path: each comparison on its own is 10 ns, comparing `_values` would be 1 µs.
    """
    return (
        old.callid == new.callid
        and old.dnumber == new.dnumber
        and old.snumber == new.snumber
        and old.cnumber == new.cnumber
        and old.scustomer == new.scustomer
        and old.dcustomer == new.dcustomer
        and old.start == new.start
    )
