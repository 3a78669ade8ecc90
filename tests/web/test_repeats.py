"""Answers given again: only to the same request, and only while its legs are the same."""

from collections.abc import Sequence

import msgspec

from callstate.core.access import Scope
from callstate.core.model import Leg
from callstate.core.query import Query
from callstate.core.store import LegStore
from callstate.web import rows
from callstate.web.admission import Admitted
from callstate.web.repeats import MOST_ROWS, Repeats


def make_leg(number: int = 1, **changed: object) -> Leg:
    fields = {"uniqueid": f"1000000000.{number}", "machine": 1, "callid": "c", "channel": "x"}
    return Leg(**(fields | changed))  # type: ignore[arg-type]


def admit(key: bytes = b"key", customers: frozenset[int] | None = None) -> Admitted:
    return Admitted(Query(), Scope(customers=customers), 0.0, key)


class Counting:
    """An encoder that counts how often it was needed."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, legs: Sequence[Leg]) -> bytes:
        self.calls += 1
        return rows.encode_rows(legs)


def test_the_same_legs_are_not_written_twice() -> None:
    repeats, encode, asked = Repeats(), Counting(), admit()
    legs = [make_leg(1), make_leg(2)]
    first = repeats.answer(asked, list(legs), 1, encode)
    assert repeats.answer(asked, list(legs), 1, encode) is first
    assert (encode.calls, first) == (1, rows.envelope(rows.encode_rows(legs)))


def test_another_leg_another_order_or_one_less_is_another_answer() -> None:
    repeats, encode, asked = Repeats(), Counting(), admit()
    one, two = make_leg(1), make_leg(2)
    changed = msgspec.structs.replace(one, status="answer")
    for legs in ([one, two], [two, one], [one], [changed], [], [one]):
        assert repeats.answer(asked, legs, 1, encode) == rows.envelope(rows.encode_rows(legs))
    assert encode.calls == 6


def test_requests_that_are_equal_but_not_the_same_have_their_own_answers() -> None:
    repeats, encode = Repeats(), Counting()
    for asked in (admit(), admit()):
        repeats.answer(asked, [make_leg()], 1, encode)
    assert (encode.calls, len(repeats)) == (2, 2)


def test_as_much_is_kept_as_is_allowed() -> None:
    repeats, encode = Repeats(size=3), Counting()
    requests = [admit() for _ in range(5)]
    for asked in requests:
        repeats.answer(asked, [make_leg()], 1, encode)
        repeats.answer(asked, [make_leg(number) for number in range(MOST_ROWS + 1)], 1, encode)
    assert len(repeats) == 3
    repeats.answer(requests[-1], [make_leg()], 1, encode)
    assert encode.calls == 10


def test_requests_that_are_judged_each_time_are_not_kept() -> None:
    repeats = Repeats()
    repeats.answer(admit(key=b""), [make_leg()], 1, Counting())
    assert len(repeats) == 0


def test_while_nothing_changed_the_query_need_not_be_run() -> None:
    repeats, encode, asked, store = Repeats(), Counting(), admit(), LegStore()
    store.put(make_leg())
    assert repeats.unchanged(asked, store) is None
    body = repeats.answer(asked, [make_leg()], store.number, encode)
    given = repeats.unchanged(asked, store)
    assert given is not None
    assert (given.body, given.legs) == (body, [make_leg()])
    store.put(make_leg(2))
    assert repeats.unchanged(asked, store) is None
    assert repeats.unchanged(admit(), store) is None
    assert repeats.answer(asked, [make_leg()], store.number, encode) is body
    assert repeats.unchanged(asked, store) is not None


def test_what_changes_for_other_customers_changes_nothing() -> None:
    repeats, asked, store = Repeats(), admit(customers=frozenset({7})), LegStore()
    store.put(make_leg(1, scustomer=7))
    repeats.answer(asked, [make_leg(1, scustomer=7)], store.number, Counting())
    store.put(make_leg(2, scustomer=8))
    assert repeats.unchanged(asked, store) is not None
    store.put(make_leg(2, scustomer=8, dcustomer=7))
    assert repeats.unchanged(asked, store) is None
