"""What is measured of a machine's stream."""

import pytest

from callstate.ami.decode import END
from callstate.ami.measures import Measures
from callstate.core.histogram import Histogram

STAMPED = (
    b"Event: Hold\r\nPrivilege: call,all\r\nTimestamp: 1795479234.250000\r\nChannel: PJSIP/a-1"
)
PLAIN = b"Event: Hold\r\nPrivilege: call,all\r\nChannel: PJSIP/a-1"


@pytest.fixture
def measures() -> Measures:
    return Measures(["Hold"])


def total(histogram: Histogram) -> int:
    return sum(histogram.counts)


def test_a_piece_is_counted_by_event_and_timed_once(measures: Measures) -> None:
    measures.tally.add([STAMPED, PLAIN, STAMPED])
    measures.applied(PLAIN + END + STAMPED + END, 1795479234.5, 1795479234.75)
    assert measures.events() == {"Hold": 3, "other": 0}
    assert (total(measures.apply_seconds), measures.apply_seconds.seconds) == (1, 0.25)
    assert (total(measures.lag_seconds), measures.lag_seconds.seconds) == (1, 0.5)


def test_without_timestamps_there_is_no_lag(measures: Measures) -> None:
    pong = b"Response: Success\r\nPing: Pong\r\nTimestamp: 1795479234.250000"
    for last in (PLAIN, pong):
        measures.applied(last + END, 1795479234.5, 1795479234.75)
    assert total(measures.apply_seconds) == 2
    assert total(measures.lag_seconds) == 0


def test_a_machine_whose_clock_is_ahead_has_no_lag_below_0(measures: Measures) -> None:
    measures.applied(STAMPED + END, 1795479230.0, 1795479230.0)
    assert (total(measures.lag_seconds), measures.lag_seconds.seconds) == (1, 0.0)


def test_each_complete_sync_is_timed(measures: Measures) -> None:
    assert measures.syncs == 0
    measures.sync_seconds.observe(0.5)
    measures.sync_seconds.observe(100.0)
    assert measures.syncs == 2
