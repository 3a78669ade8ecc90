"""The table of directions, and what its filter finds."""

import pytest

from callstate.core.direction import direction_of, matches_direction
from tests.core.legs import make_leg

DIRECTIONS = [
    ("phone", "phone", 0, "internal"),
    ("phone", "external", 0, "out"),
    ("phone", "peer", 0, "out"),
    ("external", "phone", 0, "in"),
    ("peer", "queue", 0, "in"),
    ("external", "external", 0, "out"),
    ("peer", "external", 0, "out"),
    ("phone", "external", 3, "out"),
    ("external", "phone", 3, "in"),
    ("peer", "", 3, "in"),
    ("external", "external", 3, "out"),
    ("phone", "", 3, "out"),
    ("phone", "phone", 3, "out"),
    ("", "", 3, "out"),
    ("", "", 0, "internal"),
    ("External", "sipuri", 0, "internal"),
]


@pytest.mark.parametrize(("stype", "dtype", "peer", "direction"), DIRECTIONS)
def test_a_direction_follows_from_types_and_peer(
    stype: str, dtype: str, peer: int, direction: str
) -> None:
    assert direction_of(stype, dtype, peer) == direction


@pytest.mark.parametrize(
    ("stype", "dtype", "found_by"),
    [
        ("phone", "phone", {"", "internal"}),
        ("phone", "external", {"", "out", "in_out"}),
        ("external", "phone", {"", "in", "in_out"}),
        ("external", "peer", {"", "in", "out", "in_out"}),
    ],
)
def test_a_filter_finds_outside_to_outside_both_ways(
    stype: str, dtype: str, found_by: set[str]
) -> None:
    direction = direction_of(stype, dtype, 0)
    leg = make_leg(stype=stype, dtype=dtype, direction=direction)
    filters = ("", "in", "out", "internal", "in_out")
    assert {wanted for wanted in filters if matches_direction(leg, wanted)} == found_by
