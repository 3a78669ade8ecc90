"""From an admitted query to its answer, at once where that is quick."""

from collections.abc import Callable

import msgspec
import pytest

from callstate.config import HttpLimits
from callstate.core.access import Scope
from callstate.core.model import Leg
from callstate.core.query import SHORT, Query
from callstate.core.state import CallState
from callstate.metrics import Metrics
from callstate.web import params, rows
from callstate.web.admission import Admission, Admitted, Asking
from callstate.web.answering import Answering, Made
from callstate.web.auth import Authenticator


def no_scope(*_asked: object) -> Scope:
    raise AssertionError("nobody is judged here")


@pytest.fixture
def answering(state: CallState, metrics: Metrics) -> Answering:
    return Answering(state, metrics, HttpLimits(), lambda: 0.0)


@pytest.fixture
def asking(state: CallState, authenticator: Authenticator) -> Callable[..., Asking]:
    """Make what was admitted, of customer 17 and known by a key."""
    judge = Admission(state, authenticator, kinds=params.KINDS, authorize=no_scope)

    def asking(**given: object) -> Asking:
        scope = Scope(customers=frozenset({17}))
        query = msgspec.convert(given, Query)
        return Asking(judge, Admitted(query, scope, 0.0, b"key"), rows.encode_rows)

    return asking


def fill(state: CallState, number: int) -> None:
    for counter in range(number):
        state.store.put(Leg(machine=1, uniqueid=f"1795480000.{counter}", scustomer=17))


def test_few_rows_and_a_count_are_made_at_once(
    answering: Answering, asking: Callable[..., Asking], legs: list[Leg]
) -> None:
    rows_of_two = rows.envelope(rows.encode_rows(legs[:2]))
    assert answering.at_once(asking()) == Made(rows_of_two, 2)
    assert answering.at_once(asking(count=True)) == Made(rows.count_envelope(2), 0)


def test_an_answer_is_given_again_until_its_legs_change(
    answering: Answering, asking: Callable[..., Asking], state: CallState, legs: list[Leg]
) -> None:
    poller = asking()
    first, again = answering.at_once(poller), answering.at_once(poller)
    assert isinstance(first, Made)
    assert isinstance(again, Made)
    assert again.body is first.body
    state.store.remove(legs[3].key)
    other = answering.at_once(poller)
    assert isinstance(other, Made)
    assert other.body is first.body
    state.store.remove(legs[0].key)
    assert answering.at_once(poller) == Made(rows.envelope(rows.encode_rows(legs[1:2])), 1)


def test_many_rows_are_for_slices_and_more_for_steps(
    answering: Answering, asking: Callable[..., Asking], state: CallState
) -> None:
    fill(state, rows.SLICE - 2)
    assert isinstance(answering.at_once(asking()), Made)
    fill(state, rows.SLICE)
    found = answering.at_once(asking())
    assert isinstance(found, list)
    assert len(found) == rows.SLICE + 2
    fill(state, SHORT + 1)
    assert answering.at_once(asking()) is None
    assert answering.at_once(asking(count=True)) is None
