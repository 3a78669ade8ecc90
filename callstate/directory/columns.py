"""What the columns of a SELECT mean: its rows as rows of the directory.

A column has the name of a field, in any case. NULL is the field's default. Databases say the
same in many types, so numbers, truth and text are taken in every form that leaves no doubt;
what does leave one is an error, and no error shows a value.

A list (the privileges of a role, the lines of a user) is either one column, an array or text
with commas, or has a row for each of its members, as a join gives them.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from callstate.core.errors import DirectoryError
from callstate.directory.rows import TABLES, place, row

# Table -> the column that holds one member of a list in each row, and the list.
_MEMBERS = {"role": ("privilege", "privileges"), "user": ("line", "lines")}

_TRUTH = {
    **dict.fromkeys(("1", "t", "true", "y", "yes", "\x01"), True),
    **dict.fromkeys(("0", "f", "false", "n", "no", "\x00"), False),
}
_NUMBER = re.compile(r" *[+-]?[0-9]{1,18} *")


class Selection(msgspec.Struct, frozen=True):
    """What a SELECT gave."""

    columns: tuple[str, ...]
    rows: list[Sequence[Any]]


def rows_of(table: str, selection: Selection) -> list[msgspec.Struct]:
    """Return the rows of `table` in a directory.

    Raises:
        DirectoryError: naming the SELECT and its column, or the row and its field.
    """
    kind, key = TABLES[table]
    columns = _checked(table, kind, selection.columns)
    converters = [(name, _converter(table, kind, name)) for name in columns]
    records = []
    for index, values in enumerate(selection.rows):
        known_by = values[columns.index(key)]
        record: dict[str, Any] = {}
        for (name, convert), value in zip(converters, values, strict=True):
            if value is None:
                continue
            try:
                record[name] = convert(value)
            except ValueError as error:
                where = place(table, known_by, index)
                raise DirectoryError(f"{where}.{name}", str(error)) from None
        records.append(record)
    if table in _MEMBERS and _MEMBERS[table][0] in columns:
        records = _grouped(table, records)
    return [row(table, index, record) for index, record in enumerate(records)]


def _checked(table: str, kind: type[msgspec.Struct], columns: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns as the fields are spelt, once they fit."""
    where = f"directory.sql.{table}s"
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    member, whole = _MEMBERS.get(table, ("", ""))
    known = fields.keys() | ({member} if member else set())
    names = tuple(column.lower() for column in columns)
    for name in names:
        if name not in known:
            problem = f"column {name} is not known; known are {', '.join(sorted(known))}"
            raise DirectoryError(where, problem)
        if names.count(name) > 1:
            raise DirectoryError(where, f"column {name} is there twice")
    if member in names and whole in names:
        raise DirectoryError(where, f"columns {member} and {whole} exclude each other")
    for name, field in fields.items():
        if field.required and name not in names:
            raise DirectoryError(where, f"column {name} is missing")
    return names


def _grouped(table: str, records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one record for all those with the same name; what differs is in its list."""
    member, whole = _MEMBERS[table]
    groups: dict[object, tuple[dict[str, Any], list[str]]] = {}
    for index, record in enumerate(records):
        one = record.pop(member, None)
        # Without a name it is nobody's: it stays alone, and is refused as it is.
        name = record.get("name", index)
        first, members = groups.setdefault(name, (record, []))
        if first != record:
            differing = [each for each in first | record if first.get(each) != record.get(each)]
            raise DirectoryError(f"{table}[{name}].{differing[0]}", "differs between its rows")
        if one is not None:
            members.append(one)
    return [first | {whole: members} for first, members in groups.values()]


def _converter(table: str, kind: type[msgspec.Struct], name: str) -> Callable[[Any], Any]:
    if name in _MEMBERS.get(table, ())[:1]:
        return _text
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    return _CONVERTERS.get(types[name], _list)


def _integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Decimal | float) and value % 1 == 0:
        return int(value)
    if isinstance(value, str | bytes) and _NUMBER.fullmatch(_text(value)):
        return int(_text(value))
    raise ValueError("must be a whole number")


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | Decimal | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str | bytes):
        truth = _TRUTH.get(_text(value).strip(" ").lower())
        if truth is not None:
            return truth
    raise ValueError("must be true or false, as 1 or 0")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise ValueError("is not UTF-8") from None
    if isinstance(value, Decimal | int) and not isinstance(value, bool) and value % 1 == 0:
        return str(int(value))
    raise ValueError(f"must be text, not {type(value).__name__}")


def _list(value: object) -> list[str]:
    if isinstance(value, list | tuple):
        return [_text(each) for each in value if each is not None]
    return [each for each in map(str.strip, _text(value).split(",")) if each]


_CONVERTERS: dict[Any, Callable[[Any], Any]] = {int: _integer, bool: _boolean, str: _text}
