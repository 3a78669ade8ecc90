"""One row of a table, and how it is called when it does not fit."""

import pytest

from callstate.core.directory import NameRow
from callstate.core.errors import DirectoryError
from callstate.directory.rows import TABLES, place, row


def test_a_row_is_made_of_its_values() -> None:
    values = {"number": "101", "name": "Reception"}
    assert row("name", 0, values) == NameRow(number="101", name="Reception")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"number": "101"}, "name[101].name: is missing"),
        ({"number": "101", "name": "x", "colour": 1}, "name[101].colour: is not a known key"),
        ({"number": 101, "name": "x"}, "name[101].number: must be str, not int"),
        ({"name": "x"}, "name[7].number: is missing"),
        ("hunter2", "name[7]: must be object, not str"),
    ],
)
def test_an_error_names_the_row_and_the_field(values: object, said: str) -> None:
    with pytest.raises(DirectoryError) as caught:
        row("name", 7, values)
    assert str(caught.value) == said


@pytest.mark.parametrize(("known_by", "called"), [("a", "x[a]"), (3, "x[3]"), (None, "x[9]")])
def test_a_row_without_a_name_is_called_by_its_place(known_by: object, called: str) -> None:
    assert place("x", known_by, 9) == called


def test_every_table_has_a_row_with_the_key_it_is_known_by() -> None:
    assert all(key in kind.__struct_fields__ for kind, key in TABLES.values())
