"""What is read in slices is one moment's, whatever changes in between."""

import random

import msgspec
import pytest

from callstate.core.model import Leg
from callstate.core.snapshot import Slices, slices_in_order, slices_of
from callstate.core.store import LegStore
from tests.core.oracle import disturb, make_store, random_leg

SEEDS = range(200)


def random_store(dice: random.Random) -> LegStore:
    return make_store([random_leg(dice) for _ in range(dice.randrange(1, 60))])


def read(slices: Slices, store: LegStore, dice: random.Random) -> list[Leg]:
    """Return the legs of all slices, and change the store in between."""
    found: list[Leg] = []
    for places, legs in slices:
        assert len(places) == len(legs)
        for place, leg in zip(places, legs, strict=True):
            assert (place.machine, place.uniqueid, place.start) == (*leg.key, leg.start)
        found += legs
        disturb(store, dice)
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("descending", [False, True])
def test_all_legs_come_in_order_as_they_were(seed: int, descending: bool) -> None:
    dice = random.Random(seed)
    store = random_store(dice)
    before = [place.leg for place in store.ordered.walk(descending=descending)]
    assert read(slices_in_order(store, size=4, descending=descending), store, dice) == before


@pytest.mark.parametrize("seed", SEEDS)
def test_legs_of_places_come_once_as_they_were(seed: int) -> None:
    dice = random.Random(seed)
    store = random_store(dice)
    places = [place for place in store.ordered.walk() if place.leg.scustomer < 4]
    before = [place.leg for place in places]
    twice = places + dice.sample(places, len(places) // 2)
    found = read(slices_of(store, twice, size=4), store, dice)
    assert sorted(found) == sorted(before)
    assert twice == []


def test_the_same_leg_may_change_again_and_again() -> None:
    store = make_store([random_leg(random.Random(seed)) for seed in range(20)])
    before = [place.leg for place in store.ordered.walk()]
    slices, found = slices_in_order(store, size=6), list[Leg]()
    for _, legs in slices:
        found += legs
        for leg in before:
            for status in ("hold", "ending"):
                store.put(msgspec.structs.replace(leg, status=status))
            store.remove(leg.key)
            store.put(leg)
    assert found == before


def test_it_listens_while_it_is_read() -> None:
    store = make_store([random_leg(random.Random(seed)) for seed in range(20)])
    for slices in (
        slices_in_order(store, size=4),
        slices_of(store, list(store.ordered.walk()), size=4),
    ):
        next(slices)
        assert store._subscribers
        slices.close()
        assert not store._subscribers
