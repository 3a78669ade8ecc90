"""Asking for memory ahead changes nothing, whatever there is to ask for."""

import sys

import msgspec
import pytest

from callstate.core.fetch import fetch_places
from callstate.core.index import place_of
from callstate.core.model import Leg
from tests.core.legs import make_leg

LEGS = [
    make_leg("1000000100.1", callername_internal="Jürgen Weiß", snumber="101", scustomer=1 << 40),
    make_leg("", channel="PJSIP/" + "x" * 1000),
    make_leg("1000000100.10", callerid_external="\ud800", start=1000000100),
]


@pytest.mark.parametrize("number", [0, 1, 3, 300])
def test_nothing_changes(number: int) -> None:
    places = [place_of(LEGS[index % 3]) for index in range(number)]
    before = list(places)
    counts = [sys.getrefcount(each) for each in LEGS]
    fetch_places(places)
    assert [id(place) for place in places] == [id(place) for place in before]
    assert [place.leg for place in places] == [LEGS[index % 3] for index in range(number)]
    assert [sys.getrefcount(each) for each in LEGS] == counts


def test_other_objects_are_left_alone() -> None:
    class Other(msgspec.Struct):
        leg: Leg | None

    place = place_of(LEGS[0])
    place.leg = None  # type: ignore[assignment]  # nobody does
    fetch_places([place, Other(None), Other(LEGS[0]), None, 7])  # type: ignore[list-item]
    assert place.leg is None
