"""Rows and envelopes as bytes."""

import json
from typing import Any

import msgspec
import pytest

from callstate.core.access import Scope
from callstate.core.errors import BadParameter
from callstate.core.model import Leg
from callstate.web import rows
from callstate.web.rows import FIELDS, NAME_FIELDS, PANEL_FIELDS

BAD = Leg(machine=1, uniqueid="\udcffx.1", callername_internal="J\udcfcrgen", snumber="\ud800")


NAMES = {(17, "101"): "Jörg", (18, "101"): "Eva", (17, "9"): "Ours", (0, "9"): "Everybody's"}


def no_name(_customer: int, _other: int, _number: str) -> str:
    return ""


def test_a_leg_is_a_row_field_by_field() -> None:
    kinds = {"int": int, "str": str}
    expected = [(field.name, kinds[field.type]) for field in FIELDS]
    assert [(field.name, field.type) for field in msgspec.structs.fields(Leg)] == expected


def test_the_fields_are_the_contracts_in_its_order() -> None:
    assert " ".join(field.name for field in FIELDS) == (
        "answered billing_peer callerid_external callerid_internal callername_external "
        "callername_internal callid channel cnumber ctype dcustomer dnumber dtype ingroup machine "
        "outgroup overmax peer recording scustomer sip_callid snumber spresent start status stype "
        "uniqueid direction"
    )
    assert " ".join(field.name for field in NAME_FIELDS) == (
        "snumber_name cnumber_name dnumber_name snumber_display cnumber_display dnumber_display"
    )


def test_rows_have_every_field_in_order_and_never_null(legs: list[Leg]) -> None:
    for row in json.loads(rows.encode_rows(legs)):
        assert list(row) == [field.name for field in FIELDS]
        assert all(type(row[field.name]).__name__ == field.type for field in FIELDS)


def test_names_come_after_the_row(legs: list[Leg]) -> None:
    for row in json.loads(rows.rows_with_names(no_name)(legs)):
        assert list(row) == [field.name for field in (*FIELDS, *NAME_FIELDS)]


def test_a_row_with_names_is_the_row_and_the_names(legs: list[Leg]) -> None:
    plain = json.loads(rows.encode_rows(legs))
    with_names = json.loads(rows.rows_with_names(no_name)(legs))
    assert [row | kept for row, kept in zip(with_names, plain, strict=True)] == with_names


@pytest.mark.parametrize(
    ("visible", "source", "called", "destination"),
    [
        (None, "Jörg", "Ours", "Eva"),
        ({17, 18}, "Jörg", "Ours", "Eva"),
        ({17}, "Jörg", "Ours", "Jörg"),
        ({18}, "Eva", "Everybody's", "Eva"),
        (set(), "", "Everybody's", ""),
    ],
)
def test_a_name_is_its_sides_else_the_other_sides_else_everybodys(
    visible: set[int] | None, source: str, called: str, destination: str
) -> None:
    leg = Leg(
        machine=1, uniqueid="1", scustomer=17, dcustomer=18, snumber="101", dnumber="101",
        cnumber="9",
    )  # fmt: skip
    scope = Scope(customers=None if visible is None else frozenset(visible))
    [row] = json.loads(rows.rows_with_names(rows.names_within(NAMES, scope))([leg]))
    assert [row[field.name] for field in NAME_FIELDS] == [
        source, called, destination,
        f"{source} <101>" if source else "101",
        f"{called} <9>",
        f"{destination} <101>" if destination else "101",
    ]  # fmt: skip


def test_panel_rows_leave_the_billing_fields_out(legs: list[Leg]) -> None:
    gone = {"billing_peer", "ingroup", "outgroup", "overmax"}
    assert {field.name for field in FIELDS} - {field.name for field in PANEL_FIELDS} == gone
    full = json.loads(rows.encode_rows(legs))
    panel = json.loads(rows.encode_panel_rows(legs))
    assert [list(row) for row in panel] == [[field.name for field in PANEL_FIELDS]] * len(legs)
    assert [row | kept for row, kept in zip(full, panel, strict=True)] == full


def test_text_is_not_escaped() -> None:
    leg = Leg(machine=1, uniqueid="1", callername_internal='Jürgen € </b> "q" \x01')
    assert 'Jürgen € </b> \\"q\\" \\u0001'.encode() in rows.encode_rows([leg])


@pytest.mark.parametrize(
    "encode", [rows.encode_rows, rows.encode_panel_rows, rows.rows_with_names(no_name)]
)
def test_what_was_not_utf8_becomes_a_replacement_character(
    encode: rows.Encoder, legs: list[Leg]
) -> None:
    good, bad = json.loads(encode([legs[0], BAD]))
    assert (bad["uniqueid"], bad["callername_internal"]) == ("\ufffdx.1", "J\ufffdrgen")
    assert bad["snumber"] == "\ufffd"
    assert good["callername_internal"] == "Jürgen"


def test_names_that_were_not_utf8_do_not_break_the_row() -> None:
    [row] = json.loads(rows.rows_with_names(lambda *_: "\udcff")([BAD]))
    assert row["snumber_display"] == "\ufffd <\ufffd>"


def test_the_envelope_of_success() -> None:
    assert json.loads(rows.envelope(b"[]")) == {
        "responses": [{"code": "200", "key": "", "message": "OK"}],
        "data": [],
    }
    assert json.loads(rows.count_envelope(7))["data"] == {"count": 7}


def test_the_envelope_of_refusal_has_no_data() -> None:
    errors = [BadParameter("limit", "Must be ü."), BadParameter("sort", "Must be.")]
    assert json.loads(rows.refusal(400, errors)) == {
        "responses": [
            {"code": "400", "key": "limit", "message": "Must be ü."},
            {"code": "400", "key": "sort", "message": "Must be."},
        ]
    }
    assert json.loads(rows.refusal(401, message="No.")) == {
        "responses": [{"code": "401", "key": "", "message": "No."}]
    }


@pytest.mark.parametrize("number", [0, 1, 249, 250, 251, 500, 501])
def test_slices_together_are_the_answer_in_one_piece(number: int) -> None:
    legs = [Leg(machine=1, uniqueid=str(index)) for index in range(number)]
    whole = rows.envelope(rows.encode_rows(legs))
    assert b"".join(rows.slices(legs, rows.encode_rows)) == whole
    assert legs == []


def test_no_slice_has_more_rows_than_allowed() -> None:
    legs = [Leg(machine=1, uniqueid=str(index)) for index in range(600)]
    encoded: list[Any] = []

    def encode(some: Any) -> bytes:
        encoded.append(len(some))
        return rows.encode_rows(some)

    assert len(list(rows.slices(legs, encode))) == 4
    assert encoded == [250, 250, 100]
