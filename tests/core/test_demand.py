"""What makes a question quick is made when it is asked, follows every change, and goes again."""

import random
from collections.abc import Callable

import pytest

from callstate.core.access import Scope
from callstate.core.demand import make_window, needs_window, texts_of, wanted_text
from callstate.core.filters import Match
from callstate.core.model import Leg
from callstate.core.plan import Source
from callstate.core.query import Query, run, run_short
from callstate.core.snapshot import Steps
from callstate.core.store import LegStore
from callstate.core.walk import count_walk, finish, walk
from tests.core.legs import NUMBERS, make_leg
from tests.core.oracle import SORTS, disturb, make_store, random_leg

SYSTEM = Scope(customers=None)
NAMES = ("callername_internal", "callername_external")
BY_PEER = Query(sort="peer", limit=3)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a few legs many."""
    for name, value in {
        "demand.STEP": 4,
        "walk.STEP": 4,
        "texts.BLOCK": 4,
        "demand.BLOCK": 4,
        "window.ROWS": 5,
        "window.SPARE": 3,
        "demand.ROWS": 5,
        "demand.NARROW": 12,
        "demand.WIDE": 20,
        "demand.PATIENCE": 100,
        "demand._OFTEN": 1,
        "demand._LATE_STEP": 2,
        "query.SHORT": 5,
    }.items():
        monkeypatch.setattr(f"callstate.core.{name}", value)


def random_store(dice: random.Random, size: int = 40) -> LegStore:
    legs = [random_leg(dice) for _ in range(size)]
    return make_store(list({leg.key: leg for leg in legs}.values()))


def finish_disturbed(steps: Steps[list[Leg]], change: Callable[[], None]) -> list[Leg]:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return list(done.value)
        change()


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        (Query(), None),
        (Query(snumber="1"), ("snumber",)),
        (Query(snumber="1", cnumber="22", dnumber="3"), ("cnumber",)),
        (Query(dnumber="1", dmatch=Match.END), ("dnumber",)),
        (Query(callername_number="ann", dnumber="\n12345"), NAMES),
    ],
)
def test_the_longest_text_is_searched_for(query: Query, fields: tuple[str, ...] | None) -> None:
    wanted = wanted_text(query)
    assert (wanted and wanted.fields) == fields


def test_who_asks_again_is_answered_from_what_was_made() -> None:
    store = random_store(random.Random(1))
    assert run_short(store, BY_PEER, SYSTEM) is None
    whole = run(store, BY_PEER, SYSTEM)
    assert finish(walk(store, BY_PEER, SYSTEM)) == whole
    assert run_short(store, BY_PEER, SYSTEM) == whole
    assert run_short(store, Query(sort="peer", limit=3, descending=True), SYSTEM) is None
    assert run_short(store, Query(sort="peer"), SYSTEM) is None


def test_a_filter_uses_the_window_of_everything() -> None:
    store = make_store([make_leg(f"100.{at}", peer=at, direction="in") for at in range(40)])
    query = Query(sort="peer", limit=3, direction="in")
    assert finish(walk(store, query, SYSTEM)) == run(store, query, SYSTEM)
    assert run_short(store, query, SYSTEM) == run(store, query, SYSTEM)
    rare = Query(sort="peer", limit=3, direction="out")
    assert run_short(store, rare, SYSTEM) is None
    assert finish(walk(store, rare, SYSTEM)) == []


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("seed", range(2))
def test_a_window_stays_the_beginning_of_the_order(seed: int, sort: str) -> None:
    dice = random.Random(f"{seed}{sort}")
    store, descending = random_store(dice), dice.random() < 0.5
    query = Query(sort=sort, descending=descending, limit=5)
    answers = 0
    for _ in range(8):
        before = run(store, query, SYSTEM)
        quick = run_short(store, query, SYSTEM)
        assert quick in (None, before)
        if quick is None:
            steps = walk(store, query, SYSTEM)
            assert finish_disturbed(steps, lambda: disturb(store, dice)) == before
        else:
            answers += 1
        for window in store.windows.values():
            window.check()
        disturb(store, dice)
    assert answers or sort == "start"


@pytest.mark.parametrize("seed", range(12))
def test_texts_find_every_leg_that_a_look_at_each_finds(seed: int) -> None:
    dice = random.Random(seed)
    store = random_store(dice)
    for _ in range(8):
        field = dice.choice(("snumber", "cnumber", "dnumber", "callername_number"))
        match = {"callername_number": "callername_match"}.get(field, f"{field[0]}match")
        asked = {field: dice.choice(NUMBERS[1:]), match: dice.choice(list(Match))}
        query = Query(**asked, sort=dice.choice(SORTS), limit=dice.choice((0, 2)))  # type: ignore[arg-type] # of several types
        before = run(store, query, SYSTEM)
        steps = walk(store, query, SYSTEM)
        assert finish_disturbed(steps, lambda: disturb(store, dice)) == before
        whole = len(run(store, Query(**asked), SYSTEM))  # type: ignore[arg-type] # as above
        assert finish(count_walk(store, query, SYSTEM)) == whole
        disturb(store, dice)


def test_two_who_ask_at_once_are_both_answered_and_one_is_followed() -> None:
    store = random_store(random.Random(3))
    query = Query(dnumber="1")
    expected = run(store, query, SYSTEM), run(store, BY_PEER, SYSTEM)
    texts = [walk(store, query, SYSTEM) for _ in range(2)]
    windows = [walk(store, BY_PEER, SYSTEM) for _ in range(2)]
    for steps in (*texts, *windows):
        next(steps)
    assert [finish(steps) for steps in texts] == [expected[0]] * 2
    assert [finish(steps) for steps in windows] == [expected[1]] * 2
    store.put(make_leg("1000000100.77"))
    assert len(store._subscribers) == len(store.texts) + len(store.windows) == 2


def test_who_goes_before_the_end_leaves_nothing() -> None:
    store = random_store(random.Random(4))
    for query in (Query(dnumber="1"), BY_PEER):
        steps = walk(store, query, SYSTEM)
        next(steps)
        steps.close()
        assert not store._subscribers
    assert not store.texts
    assert not store.windows


def change(store: LegStore, times: int) -> None:
    for _ in range(times // 2):
        store.put(make_leg("1000000100.77", status="hold"))
        store.remove(make_leg("1000000100.77").key)


def test_what_nobody_asks_for_any_more_is_dropped() -> None:
    store = random_store(random.Random(5))
    finish(walk(store, BY_PEER, SYSTEM))
    finish(walk(store, Query(dnumber="1"), SYSTEM))
    for _ in range(3):
        change(store, 90)
        assert run_short(store, BY_PEER, SYSTEM) is not None
        finish(walk(store, Query(dnumber="1"), SYSTEM))
    change(store, 120)
    assert not store.windows
    assert not store.texts
    change(store, 100)
    assert not store._subscribers


def test_lines_of_what_is_gone_do_not_pile_up() -> None:
    store = random_store(random.Random(6))
    for number in range(300):
        texts = finish(texts_of(store, ("dnumber",)))
        assert texts.lines < 2 * len(store) + 50
        store.put(make_leg("1000000100.77", dnumber=str(number)))


def test_a_window_that_empties_is_made_wider() -> None:
    legs = [make_leg(f"1000000100.{at}", peer=at) for at in range(60)]
    store = make_store(legs)
    finish(walk(store, BY_PEER, SYSTEM))
    for leg in legs[:8]:
        assert not needs_window(store, BY_PEER, Source.ALL)
        store.remove(leg.key)
    assert needs_window(store, BY_PEER, Source.ALL)
    assert finish(walk(store, BY_PEER, SYSTEM)) == legs[8:11]
    assert len(store.windows["peer", False]) == 20
    store.put(make_leg("1000000100.1"))
    assert len(store._subscribers) == 1


@pytest.mark.parametrize(
    ("query", "source"),
    [
        (Query(limit=3), Source.ORDER),
        (Query(sort="peer"), Source.ALL),
        (Query(sort="peer", limit=6), Source.ALL),
        (Query(sort="peer", limit=3), Source.CUSTOMERS),
    ],
)
def test_what_a_window_cannot_answer_needs_none(query: Query, source: Source) -> None:
    assert not needs_window(LegStore(), query, source)


def test_the_first_legs_are_those_of_the_first_step() -> None:
    legs = [make_leg(f"1000000100.{at}", peer=at) for at in range(30)]
    store = make_store(legs)
    steps = make_window(store, "peer", descending=False)
    next(steps)
    for leg in legs[:4]:
        store.remove(leg.key)
    store.put(make_leg("1000000100.77", peer=7))
    assert finish(steps) == legs[:5]
    shown = [place.leg.peer for place in store.windows["peer", False].walk()]
    assert shown == [4, 5, 6, 7, 7, *range(8, 12)]
