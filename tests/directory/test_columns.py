"""What columns mean, whatever a database makes of numbers, truth and text."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from callstate.core.directory import CustomerRow, LineRow, RoleRow, UserRow
from callstate.core.errors import DirectoryError
from callstate.directory.columns import Selection, rows_of

USER: dict[str, Any] = {"name": "alice", "customer": 17, "role": "reports"}


def rows(table: str, *records: dict[str, Any]) -> list[Any]:
    """Return the rows of a SELECT whose columns are the keys of the first record."""
    columns = tuple(records[0])
    return rows_of(table, Selection(columns, [tuple(record.values()) for record in records]))


def problem_of(table: str, *records: dict[str, Any]) -> str:
    with pytest.raises(DirectoryError) as caught:
        rows(table, *records)
    assert "hunter2" not in f"{caught.value} {caught.value!r}"
    return str(caught.value)


@pytest.mark.parametrize(
    "value", [17, Decimal("17.00"), 17.0, "17", b"17", " 17 ", "+17"], ids=repr
)
def test_a_number_may_be_of_many_types(value: object) -> None:
    assert rows("customer", {"id": value}) == [CustomerRow(id=17)]


@pytest.mark.parametrize(
    "value",
    [True, 17.5, Decimal("17.5"), Decimal("nan"), float("inf"), "", "x", "1_7", b"\xff", "9" * 19],
    ids=repr,
)
def test_what_is_no_number_is_refused(value: object) -> None:
    said = problem_of("customer", {"id": value})
    assert said.startswith("customer[")
    assert ".id: " in said


@pytest.mark.parametrize(
    "value",
    [True, 1, Decimal(1), 1.0, "1", "t", "TRUE", "Yes", "y", b"1", b"\x01", "true "],
    ids=repr,
)
def test_truth_may_be_of_many_types(value: object) -> None:
    assert rows("user", USER | {"disabled": value})[0].disabled is True


@pytest.mark.parametrize(
    "value", [False, 0, Decimal(0), 0.0, "0", "f", "false", "NO", "N", b"\x00", None], ids=repr
)
def test_so_may_the_lack_of_it(value: object) -> None:
    assert rows("user", USER | {"disabled": value})[0].disabled is False


@pytest.mark.parametrize("value", [2, -1, "", "maybe", b"\xff", Decimal("0.5"), [True]], ids=repr)
def test_what_is_neither_is_refused(value: object) -> None:
    assert problem_of("user", USER | {"disabled": value}).startswith("user[alice].disabled: ")


@pytest.mark.parametrize(
    ("value", "text"),
    [("101", "101"), (101, "101"), (Decimal("101.0"), "101"), (b"101", "101"), ("é ", "é ")],
    ids=repr,
)
def test_text_may_be_a_number(value: object, text: str) -> None:
    row = {"name": "c17-101", "customer": 17, "number": value}
    assert rows("line", row) == [LineRow(name="c17-101", customer=17, number=text)]


@pytest.mark.parametrize(
    "value", [True, 1.5, Decimal("1.5"), UUID(int=1), b"\xff", ["a"]], ids=repr
)
def test_what_is_no_text_is_refused(value: object) -> None:
    row = {"name": "c17-101", "customer": 17, "number": value}
    assert problem_of("line", row).startswith("line[c17-101].number: ")


def test_null_is_the_default() -> None:
    row = USER | {"password_hash": None, "disabled": None, "lines": None}
    assert rows("user", row) == [UserRow(**USER)]


def test_null_where_there_is_no_default_is_missing() -> None:
    assert problem_of("user", USER | {"role": None}) == "user[alice].role: is missing"
    assert problem_of("user", USER | {"name": None}) == "user[0].name: is missing"
    nobody = USER | {"name": None, "line": "x"}
    assert problem_of("user", nobody, nobody).startswith("user[0].name: is missing")


@pytest.mark.parametrize(
    "value", [["a", "b c"], ("a", None, "b c"), "a,b c", " a , ,b c,", b"a,b c"], ids=repr
)
def test_a_list_may_be_an_array_or_text(value: object) -> None:
    (role,) = rows("role", {"name": "r", "privileges": value})
    assert role == RoleRow(name="r", privileges=frozenset({"a", "b c"}))


def test_an_empty_list_is_empty() -> None:
    assert rows("role", {"name": "r", "privileges": ""}) == [RoleRow(name="r")]
    assert rows("role", {"name": "r", "privileges": []}) == [RoleRow(name="r")]


def test_a_list_may_have_a_row_for_each_member() -> None:
    found = rows(
        "user",
        USER | {"line": "b, c"},
        USER | {"name": "bob", "line": None},
        USER | {"line": "a"},
    )
    assert found == [UserRow(**USER, lines=("b, c", "a")), UserRow(**(USER | {"name": "bob"}))]


def test_rows_that_are_one_must_agree() -> None:
    said = problem_of(
        "user",
        USER | {"password_hash": "hunter2", "line": "a"},
        USER | {"password_hash": None, "line": "b"},
    )
    assert said == "user[alice].password_hash: differs between its rows"


def test_a_name_that_is_there_twice_stays_so() -> None:
    assert len(rows("user", USER, USER)) == 2


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (("id", "colour"), "column colour is not known; known are id, name, parent"),
        (("id", "ID"), "column id is there twice"),
        (("name",), "column id is missing"),
        ((), "column id is missing"),
    ],
)
def test_columns_that_do_not_fit_are_named(columns: tuple[str, ...], said: str) -> None:
    with pytest.raises(DirectoryError) as caught:
        rows_of("customer", Selection(columns, []))
    assert str(caught.value) == f"directory.sql.customers: {said}"


def test_a_list_cannot_be_given_in_both_ways() -> None:
    said = problem_of("role", {"name": "r", "privilege": "a", "privileges": "a"})
    assert said == "directory.sql.roles: columns privilege and privileges exclude each other"


def test_columns_are_known_in_any_case() -> None:
    assert rows("customer", {"ID": 1, "Name": "x"}) == [CustomerRow(id=1, name="x")]


def test_without_rows_there_are_none() -> None:
    assert rows_of("role", Selection(("name", "privilege"), [])) == []
