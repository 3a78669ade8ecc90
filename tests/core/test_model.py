"""The leg is the row of the API, and a uniqueid is a time where it can be."""

import gc

import msgspec
import pytest

from callstate.core.model import Direction, Leg, LegKey, Status, uniqueid_order

ROW = (
    "answered billing_peer callerid_external callerid_internal callername_external "
    "callername_internal callid channel cnumber ctype dcustomer dnumber dtype ingroup machine "
    "outgroup overmax peer recording scustomer sip_callid snumber spresent start status stype "
    "uniqueid direction"
)


def test_the_fields_of_a_leg_are_the_row_of_the_api() -> None:
    assert Leg.__struct_fields__ == tuple(ROW.split())


def test_absent_integers_are_0_and_absent_strings_empty() -> None:
    fields = msgspec.structs.asdict(Leg(machine=2, uniqueid="100.1"))
    given = {"machine": 2, "uniqueid": "100.1", "spresent": 1}
    known = {"status": Status.NEW.value, "direction": Direction.INTERNAL.value}
    rest = {name: value for name, value in fields.items() if name not in given | known}
    assert set(rest.values()) == {0, ""}
    assert fields == rest | given | known


def test_a_leg_is_known_by_machine_and_uniqueid() -> None:
    assert Leg(machine=2, uniqueid="100.1").key == LegKey(2, "100.1") == (2, "100.1")


def test_a_leg_does_not_change() -> None:
    leg = Leg(machine=2, uniqueid="100.1")
    with pytest.raises(AttributeError, match="immutable"):
        leg.status = "hold"  # type: ignore[misc]  # that is what is tested


def test_a_leg_costs_the_garbage_collector_nothing() -> None:
    assert not gc.is_tracked(Leg(machine=2, uniqueid="100.1"))


@pytest.mark.parametrize(
    ("uniqueid", "order"),
    [
        ("1795479234.12", (1795479234, 12)),
        ("pbx-1795479234.12", (1795479234, 12)),
        ("pbx-east-2-1795479234.012", (1795479234, 12)),
        ("1795479234.12;1", (1795479234, 12)),
        ("1795479234.12;2", (1795479234, 12)),
        ("999999999.1", (999999999, 1)),
        ("99999999.1", (0, 0)),
        ("1795479234.12;3", (0, 0)),
        ("1795479234", (0, 0)),
        ("pbx1795479234.12", (0, 0)),
        ("click-chan-1;2", (0, 0)),
        ("none", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_a_uniqueid_is_a_time_and_a_counter(uniqueid: str, order: tuple[int, int]) -> None:
    assert uniqueid_order(uniqueid) == order
