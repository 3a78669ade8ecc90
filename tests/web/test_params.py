"""The table of parameters, row by row."""

import doctest
import sys

import msgspec
import pytest

from callstate.core.query import Match, Query
from callstate.web import params
from callstate.web.params import PANEL_KINDS, PANEL_PARAMS, PARAMS, Kind, parse

FLAGS = ("recursive", "count", "descending", "names")
MATCHES = ("callername_match", "smatch", "cmatch", "dmatch")
TEXTS = (
    "callername_number", "callid", "phone", "stype", "ctype", "dtype",
    "snumber", "cnumber", "dnumber",
)  # fmt: skip
OUTSIDE_THE_QUERY = {"auth_username", "auth_password", "customer", "recursive"}


def value_of(name: str, text: str) -> object:
    asked = parse({name: text})
    assert not asked.errors
    return asked.recursive if name == "recursive" else getattr(asked.query, name)


def bad(given: dict[str, str]) -> list[str]:
    return [error.name for error in parse(given).errors]


def test_the_examples_hold() -> None:
    assert doctest.testmod(params).failed == 0


def test_the_table_is_the_contracts_in_its_order() -> None:
    assert [param.name for param in PARAMS] == [
        "auth_username", "auth_password", "customer", "recursive", "count", "direction", "sort",
        "descending", "names", "callername_number", "callername_match", "callid", "phone",
        "stype", "ctype", "dtype", "snumber", "smatch", "cnumber", "cmatch", "dnumber", "dmatch",
        "machines", "limit",
    ]  # fmt: skip
    assert [param.name for param in PANEL_PARAMS] == ["auth_username", "auth_password", "customer"]


def test_the_table_and_the_query_know_the_same() -> None:
    names = {param.name for param in PARAMS} - OUTSIDE_THE_QUERY
    assert names == {field.name for field in msgspec.structs.fields(Query)}


def test_nothing_given_is_every_default() -> None:
    asked = parse({})
    assert asked.query == Query()
    assert (asked.customer, asked.recursive, asked.errors) == ("", False, ())


@pytest.mark.parametrize("param", PARAMS, ids=[param.name for param in PARAMS])
def test_an_empty_value_and_the_default_are_the_same_as_not_given(param: params.Param) -> None:
    assert parse({param.name: ""}) == parse({})
    assert parse({param.name: param.default}) == parse({})


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_is_0_or_1(name: str) -> None:
    assert value_of(name, "1") is True
    assert value_of(name, "0") is False
    for text in ("2", "yes", "true", "01", " 1", "-1"):
        assert bad({name: text}) == [name]


@pytest.mark.parametrize("name", MATCHES)
def test_a_match_is_one_of_four(name: str) -> None:
    for match in Match:
        assert value_of(name, match.value) is match
    for text in ("begin", "EXACT", "contains "):
        assert bad({name: text}) == [name]


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_taken_as_it_is(name: str) -> None:
    assert value_of(name, " Jürgen \x00") == " Jürgen \x00"


@pytest.mark.parametrize("text", ["in", "out", "internal", "in_out"])
def test_a_direction_is_one_of_four(text: str) -> None:
    assert value_of("direction", text) == text
    assert bad({"direction": text.upper()}) == ["direction"]


def test_there_are_twelve_sorts() -> None:
    assert " ".join(params.SORTS) == (
        "cnumber ctype direction dnumber dtype machine peer scustomer snumber stype uniqueid start"
    )
    for text in params.SORTS:
        assert value_of("sort", text) == text


@pytest.mark.parametrize("text", ["answered", "callid", "Start", "start,peer"])
def test_other_sorts_are_refused(text: str) -> None:
    assert bad({"sort": text}) == ["sort"]


@pytest.mark.parametrize(
    ("text", "machines"),
    [
        ("1", {1}),
        ("1,2", {1, 2}),
        (" 1 , 2 ", {1, 2}),
        ("2,2", {2}),
        ("-4", {-4}),
        ("9" * 100, {int("9" * 100)}),
    ],
)
def test_machines_are_integers_between_commas(text: str, machines: set[int]) -> None:
    assert value_of("machines", text) == machines


@pytest.mark.parametrize("text", ["a", "1,", ",1", "1,,2", "1;2", " ", "1.0", "1 2", "\u0661"])
def test_other_machines_are_refused(text: str) -> None:
    assert bad({"machines": text}) == ["machines"]


@pytest.mark.parametrize(
    ("text", "limit"), [("0", 0), ("7", 7), ("007", 7), ("9" * 30, sys.maxsize)]
)
def test_a_limit_is_a_whole_number(text: str, limit: int) -> None:
    assert value_of("limit", text) == limit


@pytest.mark.parametrize(
    "text", ["-1", "-0", "1.5", "many", " 5", "+5", "1e3", "9" * 101, "\u0661"]
)
def test_other_limits_are_refused(text: str) -> None:
    assert bad({"limit": text}) == ["limit"]


@pytest.mark.parametrize("text", ["17", "all", "system", "recursive", "anything"])
def test_a_customer_is_for_the_core_to_read(text: str) -> None:
    assert parse({"customer": text}).customer == text


def test_credentials_are_carried_but_not_shown() -> None:
    asked = parse({"auth_username": "alice", "auth_password": "hunter2"})
    assert asked.credentials.username == "alice"
    assert asked.credentials.password == "hunter2"
    assert "hunter2" not in repr(asked)
    assert "hunter2" not in str(asked.credentials)


def test_all_bad_parameters_are_told_in_the_order_of_the_table() -> None:
    given = {"limit": "x", "sort": "x", "recursive": "x", "dmatch": "x", "machines": "x"}
    assert bad(given) == ["recursive", "sort", "dmatch", "machines", "limit"]


def test_what_is_wrong_does_not_hide_what_is_right() -> None:
    asked = parse({"limit": "x", "snumber": "101"})
    assert asked.query == Query(snumber="101")


def test_messages_say_what_would_be_right_and_no_value() -> None:
    for name in (*FLAGS, *MATCHES, "direction", "sort", "machines", "limit"):
        [error] = parse({name: "hunter2"}).errors
        assert error.message.startswith("Must be ")
        assert "hunter2" not in str(error)


def test_the_panel_has_parameters_of_its_own() -> None:
    assert PANEL_KINDS["customer"] is Kind.CUSTOMER_ID
    assert parse({"customer": "17"}, PANEL_KINDS).customer == "17"
