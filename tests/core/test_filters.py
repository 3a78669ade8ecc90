"""The filters one by one; how they work together is in the tests of the query."""

import sys
from typing import Any

import pytest

from callstate.core.filters import (
    Match,
    Test,
    customers_test,
    direction_test,
    either_test,
    equal_test,
    lines_test,
    machines_test,
    text_test,
)
from callstate.core.model import Leg
from tests.core.legs import make_leg


def passes(test: Test, leg: Leg) -> bool:
    [answer] = test([leg])
    return answer


@pytest.mark.parametrize(
    ("match", "wanted", "text", "is_match"),
    [
        (Match.CONTAINS, "30", "0049301", True),
        (Match.CONTAINS, "31", "0049301", False),
        (Match.CONTAINS, "aLi", "x-ALIce", True),
        (Match.CONTAINS, "SS", "Straße", True),
        (Match.EXACT, "ALICE", "alice", True),
        (Match.EXACT, "alice", "alice2", False),
        (Match.EXACT, "12", "12", True),
        (Match.EXACT, "12", "123", False),
        (Match.START, "00", "0049", True),
        (Match.START, "49", "0049", False),
        (Match.START, "AL", "alice", True),
        (Match.END, "49", "0049", True),
        (Match.END, "00", "0049", False),
        (Match.END, "CE", "alice", True),
    ],
)
def test_text_is_compared_without_regard_to_case(
    match: Match, wanted: str, text: str, is_match: bool
) -> None:
    assert passes(text_test("snumber", wanted, match), make_leg(snumber=text)) is is_match


def test_no_character_folds_to_an_ascii_one_that_is_no_letter() -> None:
    # What lets a filter by a number compare the texts as they are.
    plain = {chr(code) for code in range(128) if not chr(code).isalpha()}
    strays = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if (folded := character.casefold()) != character and not plain.isdisjoint(folded)
    ]
    assert strays == []


def test_ids_are_compared_letter_for_letter() -> None:
    assert passes(equal_test("callid", "aB"), make_leg(callid="aB"))
    assert not passes(equal_test("callid", "aB"), make_leg(callid="ab"))


@pytest.mark.parametrize(
    ("internal", "external", "is_match"),
    [("x", "", True), ("", "x", True), ("x", "x", True), ("", "", False)],
)
def test_either_of_two_is_enough(internal: str, external: str, is_match: bool) -> None:
    test = either_test(
        equal_test("callername_internal", "x"), equal_test("callername_external", "x")
    )
    leg = make_leg(callername_internal=internal, callername_external=external)
    assert passes(test, leg) is is_match


def test_machines_are_a_set_of_ids() -> None:
    assert passes(machines_test({1, 2}), make_leg(machine=2))
    assert not passes(machines_test({1, 2}), make_leg(machine=3))


def test_a_direction_is_that_of_the_row() -> None:
    assert passes(direction_test("in_out"), make_leg(direction="out"))
    assert not passes(direction_test("in_out"), make_leg(direction="internal"))


@pytest.mark.parametrize(
    ("scustomer", "dcustomer", "is_match"), [(7, 0, True), (0, 7, True), (8, 9, False)]
)
def test_a_leg_belongs_to_both_its_customers(
    scustomer: int, dcustomer: int, is_match: bool
) -> None:
    leg = make_leg(scustomer=scustomer, dcustomer=dcustomer)
    assert passes(customers_test({7}), leg) is is_match


@pytest.mark.parametrize(
    ("fields", "is_match"),
    [
        ({"stype": "phone", "scustomer": 7, "snumber": "12"}, True),
        ({"dtype": "phone", "dcustomer": 7, "dnumber": "12"}, True),
        ({"stype": "number", "scustomer": 7, "snumber": "12"}, False),
        ({"stype": "phone", "scustomer": 8, "snumber": "12"}, False),
        ({"stype": "phone", "scustomer": 7, "snumber": "1"}, False),
        ({"stype": "phone", "dcustomer": 7, "dnumber": "12"}, False),
        ({"dtype": "phone", "scustomer": 7, "dnumber": "12"}, False),
    ],
)
def test_a_line_is_a_phone_of_a_customer(fields: dict[str, Any], is_match: bool) -> None:
    assert passes(lines_test({(7, "12")}), make_leg(**fields)) is is_match
