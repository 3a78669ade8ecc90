"""Places order as the API page says, and buckets change their form without losing anything."""

import gc
import random
from collections.abc import Iterable

import pytest

from callstate.core.index import HashIndex, OrderedView, Place, place_of
from tests.core.legs import make_leg


def make_place(number: int = 1) -> Place:
    return place_of(make_leg(f"1000000100.{number}", start=1000000100))


def make_index(places: Iterable[Place]) -> HashIndex:
    index = HashIndex()
    for place in places:
        index.add("a", place)
    return index


def test_places_order_by_start_then_uniqueid_as_time_then_as_text_then_machine() -> None:
    legs = [
        make_leg("zzz", start=999999999),
        make_leg("click", start=1000000100),
        make_leg("999999999.7", start=1000000100),
        make_leg("1000000100.2", start=1000000100),
        make_leg("1000000100.10", start=1000000100, machine=1),
        make_leg("1000000100.10", start=1000000100, machine=2),
        make_leg("pbx-1000000100.10", start=1000000100, machine=1),
        make_leg("999999998.1", start=1000000101),
    ]
    shuffled = random.Random(7).sample(legs, len(legs))
    assert sorted(shuffled, key=place_of) == legs


def test_a_place_is_nothing_to_the_garbage_collector() -> None:
    assert not gc.is_tracked(make_place())


def test_a_place_holds_one_int_for_start_and_epoch() -> None:
    place = place_of(make_leg("1000000100.1", start=int("1000000100")))
    assert place.start is place.epoch


def test_reading_creates_no_bucket() -> None:
    index = HashIndex()
    assert list(index.lookup("a")) == []
    assert index.count("a") == 0
    assert len(index) == 0
    assert list(index) == []


@pytest.mark.parametrize("size", [1, 2, 3, 31, 32, 33, 34, 90])
def test_all_that_was_added_is_found_and_can_be_removed(size: int) -> None:
    places = [make_place(number) for number in range(size)]
    index = make_index(places)
    index.add("b", places[0])
    assert set(index.lookup("a")) == set(places)
    assert index.count("a") == size
    for place in places:
        index.check()
        index.remove("a", place)
    assert list(index) == ["b"]
    assert list(index.lookup("b")) == [places[0]]


@pytest.mark.parametrize("size", [0, 1, 2, 32, 33])
def test_removing_what_is_not_there_is_a_bug_that_raises(size: int) -> None:
    index = make_index(make_place(number) for number in range(size))
    with pytest.raises(LookupError):
        index.remove("a", make_place(99))
    assert index.count("a") == size


@pytest.mark.parametrize(
    "values", [{"a"}, {"a", "b"}, {"a", "x"}, {"a", "b", "x", "y"}, {"x"}, {"x", "y", "z"}, set()]
)
def test_gathering_values_finds_each_place_as_often_as_it_is_filed(values: set[str]) -> None:
    one, two, three = map(make_place, (1, 2, 3))
    index, filed = HashIndex(), {"a": {one, two}, "b": {two, three}}
    for value, bucket in filed.items():
        for place in bucket:
            index.add(value, place)
    found = index.gather(values)
    expected = [place for value in values & filed.keys() for place in filed[value]]
    assert sorted(found) == sorted(expected)
    assert index.count_any(values) == len(found)


@pytest.mark.parametrize("seed", range(20))
def test_an_index_is_a_dict_of_sets(seed: int) -> None:
    dice = random.Random(seed)
    index, model = HashIndex(), dict[str, set[Place]]()
    places = [make_place(number) for number in range(80)]
    for _ in range(600):
        value, place = dice.choice("ab"), dice.choice(places)
        bucket = model.setdefault(value, set())
        if place in bucket:
            index.remove(value, place)
            bucket.remove(place)
        else:
            index.add(value, place)
            bucket.add(place)
        index.check()
        assert {value: set(index.lookup(value)) for value in index} == {
            value: bucket for value, bucket in model.items() if bucket
        }


def test_check_finds_a_place_that_is_filed_twice() -> None:
    index = make_index([make_place()] * 2)
    with pytest.raises(AssertionError):
        index.check()


def test_the_ordered_view_walks_both_ways() -> None:
    view = OrderedView()
    one, two, three = map(make_place, (1, 2, 3))
    for place in (three, one, two):
        view.add(place)
    view.check()
    assert [place.counter for place in view.walk()] == [1, 2, 3]
    assert [place.counter for place in view.walk(descending=True)] == [3, 2, 1]
    view.remove(two)
    assert [place.counter for place in view.walk()] == [1, 3]
    assert len(view) == 2


def test_the_ordered_view_refuses_to_remove_what_it_does_not_have() -> None:
    with pytest.raises(ValueError, match="not in list"):
        OrderedView().remove(make_place())


def test_check_finds_a_place_that_is_in_the_view_twice() -> None:
    view = OrderedView()
    place = make_place()
    view.add(place)
    view.add(place)
    with pytest.raises(AssertionError):
        view.check()
