"""The tables of a directory, and one row of a table from what its source says.

Every source gives the same rows, and the same errors about them.
"""

import re
from typing import Any

import msgspec

from callstate.core.directory import CustomerRow, LineRow, NameRow, RoleRow, UserRow
from callstate.core.errors import DirectoryError

# Table -> its rows, and the key that a row is known by in errors.
TABLES: dict[str, tuple[type[msgspec.Struct], str]] = {
    "customer": (CustomerRow, "id"),
    "role": (RoleRow, "name"),
    "user": (UserRow, "name"),
    "line": (LineRow, "name"),
    "name": (NameRow, "number"),
}


def row(table: str, index: int, values: Any) -> msgspec.Struct:
    """Return the row of `table` that `values` make, which are to be a mapping.

    Raises:
        DirectoryError: naming the row as the directory does, or by its place, `index`.
    """
    kind, key = TABLES[table]
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        known_by = values.get(key) if isinstance(values, dict) else None
        raise _explain(place(table, known_by, index), str(error)) from None


def place(table: str, known_by: object, index: int) -> str:
    """Return what errors call a row: `user[alice]`, or `user[3]` if it has no name."""
    return f"{table}[{known_by if isinstance(known_by, int | str) else index}]"


def _explain(row: str, message: str) -> DirectoryError:
    """Turn a text of msgspec's into an error that begins with the row: `user[alice].customer`."""
    problem, _, place = message.partition(" - at ")
    key = f"{row}{place.strip('`').removeprefix('$')}"
    field = re.search(r"(unknown|required) field `([^`]*)`", problem)
    if field:
        key = f"{key}.{field[2]}"
        problem = "is not a known key" if field[1] == "unknown" else "is missing"
    kinds = re.fullmatch(r"Expected `([^`]*)`, got `([^`]*)`", problem)
    if kinds:
        problem = f"must be {kinds[1]}, not {kinds[2]}"
    return DirectoryError(key, problem)
