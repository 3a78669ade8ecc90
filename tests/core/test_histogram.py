"""Times counted in buckets."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callstate.core.histogram import Histogram

BOUNDS = (0.001, 0.01, 1.0)


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, 0), (0.001, 0), (0.0011, 1), (0.01, 1), (1.0, 2), (1.1, 3), (-5.0, 0)],
)
def test_a_time_is_in_the_first_bucket_whose_bound_it_does_not_pass(
    seconds: float, bucket: int
) -> None:
    histogram = Histogram(BOUNDS)
    histogram.observe(seconds)
    assert histogram.counts == [int(place == bucket) for place in range(4)]


def test_a_time_before_its_beginning_takes_nothing_from_the_sum() -> None:
    histogram = Histogram(BOUNDS)
    for seconds in (-5.0, 0.5, 2.0):
        histogram.observe(seconds)
    assert histogram.seconds == 2.5


@given(st.lists(st.floats(0, 10)))
def test_every_bucket_has_what_lies_between_its_bounds(times: list[float]) -> None:
    histogram = Histogram(BOUNDS)
    for seconds in times:
        histogram.observe(seconds)
    edges = [-1.0, *BOUNDS, 11.0]
    assert histogram.counts == [
        sum(low < seconds <= high for seconds in times) for low, high in pairwise(edges)
    ]
    assert histogram.seconds == pytest.approx(sum(times))
