"""Raw requests into values by name: query string, form and JSON object, read alike.

The query string is split here and on `;` too, because web libraries keep `;` inside a
value, and the API's own example separates with it. A request must not mean two things:
a known name that comes twice, wherever, or text that is not UTF-8 is refused before
anything is made of it. No message repeats a value: it may be a password.
"""

import json
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

from callstate.core.errors import BadParameter
from callstate.web.errors import BadParameters

# The API has two dozen parameters; a body of nothing but `&` must not cost milliseconds.
MAX_PAIRS = 1000

_TWICE = "Is given twice; it must be given once."
_NOT_UTF8 = "Must be percent-encoded UTF-8."
_NOT_READABLE = "The body must be application/x-www-form-urlencoded or one JSON object."
_TOO_MANY = f"There are more than {MAX_PAIRS} parameters."
_NOT_A_VALUE = "Must be text, a whole number, true, false or null."


class _Object(list[tuple[str, Any]]):
    """A JSON object with all its pairs, also those of one name."""


def read(
    query: str, *, names: Collection[str], body: bytes = b"", content_type: str = ""
) -> dict[str, str]:
    """Return the values of those of `names` that the request gives, empty ones included.

    `query` is the query string as received, undecodable bytes as surrogates. Names that are
    not in `names` are ignored; errors come in the order of `names`.

    >>> read("limit=5;snumber=%2B49+30&x=1", names=["snumber", "limit"])
    {'limit': '5', 'snumber': '+49 30'}

    Raises:
        BadParameters: when a name comes twice, or something cannot be read.
    """
    given: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name, value in _pairs(query, body, content_type):
        known = name if name in names else ""
        if value is None:
            problems.setdefault(known, _NOT_UTF8)
        elif not known:
            continue
        elif not isinstance(value, str):
            problems.setdefault(known, _NOT_A_VALUE)
        elif known in given:
            problems.setdefault(known, _TWICE)
        else:
            given[known] = value
    if problems:
        raise BadParameters(
            [BadParameter(name, problems[name]) for name in (*names, "") if name in problems]
        )
    return given


def _pairs(query: str, body: bytes, content_type: str) -> Iterator[tuple[str, object]]:
    """Yield names and values; None for a value that is not UTF-8, another type as it is."""
    yield from _split(query)
    if not body:
        return
    if content_type == "application/x-www-form-urlencoded":
        yield from _split(body.decode("utf-8", "surrogateescape"))
    elif content_type == "application/json":
        yield from _object_pairs(body)
    else:
        raise BadParameters([BadParameter("", _NOT_READABLE)])


def _split(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield the pairs of a query string, split on `&` and `;`."""
    parts = text.replace(";", "&").split("&")
    if len(parts) > MAX_PAIRS:
        raise BadParameters([BadParameter("", _TOO_MANY)])
    for part in parts:
        if part:
            name, _, value = part.partition("=")
            readable = _decode(name)
            yield readable or "", None if readable is None else _decode(value)


def _decode(text: str) -> str | None:
    """Return `text` without its percent-encoding, None if that is not UTF-8.

    A `%` that no two hexadecimal digits follow stands for itself, as in browsers.
    """
    if "%" not in text and "+" not in text and text.isascii():
        return text
    try:
        raw = text.replace("+", " ").encode("utf-8", "surrogateescape")
        return unquote_to_bytes(raw).decode("utf-8")
    except UnicodeError:
        return None


def _object_pairs(body: bytes) -> Iterator[tuple[str, object]]:
    """Yield the pairs of a JSON object: integers as text, true as 1, false as 0, null as ""."""
    try:
        pairs = json.loads(body.decode("utf-8"), object_pairs_hook=_Object)
    except (ValueError, RecursionError):  # not UTF-8, not JSON, an endless number, or too deep
        pairs = None
    if not isinstance(pairs, _Object):
        raise BadParameters([BadParameter("", _NOT_READABLE)])
    if len(pairs) > MAX_PAIRS:
        raise BadParameters([BadParameter("", _TOO_MANY)])
    for name, value in pairs:
        match value:
            case None:
                yield name, ""
            case bool() | int():
                yield name, str(int(value))
            case str():
                yield name, value if _is_text(value) else None
            case _:
                yield name, value


def _is_text(value: str) -> bool:
    """Tell whether `value` can be written as UTF-8: JSON can spell halves of characters."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
