"""A window is the beginning of the whole order, whatever comes, goes and changes."""

import random
from functools import cmp_to_key, partial

import pytest

from callstate.core.index import Place
from callstate.core.model import Key, Leg
from callstate.core.query import Query
from callstate.core.window import SPARE, WIDE, Window, value_of
from tests.core.legs import make_leg
from tests.core.oracle import SORTS, disturb, make_store, order, random_leg


def ordered(legs: list[Leg], sort: str, *, descending: bool) -> list[Leg]:
    query = Query(sort=sort, descending=descending)
    return sorted(legs, key=cmp_to_key(partial(order, query)))


def shown(window: Window) -> list[Leg]:
    return [place.leg for place in window.walk()]


def filled(places: list[Place], sort: str, *, descending: bool, size: int) -> Window:
    window = Window(sort, descending=descending, size=size)
    entries = window.first([], window.entries_for(places[:9], [one.leg for one in places[:9]]))
    rest = places[9:]
    entries = window.first(entries, window.entries_for(rest, [place.leg for place in rest]))
    for at in range(0, len(entries), 4):
        window.fill(entries[at : at + 4])
    return window


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("size", [5, 200])
def test_a_window_is_the_beginning_of_the_order(
    sort: str, descending: bool, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callstate.core.window.SPARE", 3)
    dice = random.Random(f"{sort}{descending}{size}")
    legs = list({leg.key: leg for leg in map(random_leg, [dice] * 60)}.values())
    store = make_store(legs)
    window = filled(list(store.ordered.walk()), sort, descending=descending, size=size)
    assert shown(window) == ordered(legs, sort, descending=descending)[:size]
    changed = list[Key]()
    store.subscribe(lambda change: changed.append(change.key))
    for _ in range(20):
        disturb(store, dice)
        for key in changed:
            window.discard(key)
        for key in dict.fromkeys(changed):
            place = store.place(key)
            if place is not None and window.is_for(place.leg):
                window.add(place)
        changed.clear()
        window.check()
        whole = ordered(list(store), sort, descending=descending)
        assert shown(window) == whole[: len(window)]
        assert len(window) == len(whole) or window.bound is not None


@pytest.mark.parametrize("sort", SORTS)
def test_what_changes_a_place_moves_it(sort: str) -> None:
    window = Window(sort, descending=False, size=5)
    dice = random.Random(sort)
    for _ in range(200):
        old, new = random_leg(dice), random_leg(dice)
        if old.key == new.key and value_of(sort)(old) != value_of(sort)(new):
            assert window.moves(old, new)
    assert not window.moves(make_leg(), make_leg(status="hold"))
    assert window.moves(make_leg(), make_leg(start=5))


def test_a_window_of_few_is_empty_only_when_others_are_left_out() -> None:
    places = list(make_store([random_leg(random.Random(seed)) for seed in range(9)]).ordered.walk())
    assert not filled(places, "peer", descending=False, size=50).is_empty
    assert filled(places, "peer", descending=False, size=2).is_empty


def test_to_leave_out_those_that_are_too_many_is_no_long_work() -> None:
    assert SPARE < WIDE


def test_check_finds_damage() -> None:
    places = list(make_store([make_leg("a", peer=1), make_leg("b", peer=2)]).ordered.walk())
    window = filled(places, "peer", descending=False, size=5)
    window.check()
    places[0].leg = make_leg("a", peer=3)
    with pytest.raises(AssertionError):
        window.check()
