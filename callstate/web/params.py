"""The parameters of the API: one table, and the checked request that is made with it.

`PARAMS` is the API's own table in its order; parsing, `openapi` and the documents follow
it. An empty value is a value not given. Every parameter that cannot be read is reported,
in the order of the table, and no message repeats a value.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from callstate.core.errors import BadParameter
from callstate.core.model import Direction
from callstate.core.query import Match, Query

_INTEGER = re.compile(r"-?[0-9]{1,100}")

SORTS = (
    "cnumber",
    "ctype",
    "direction",
    "dnumber",
    "dtype",
    "machine",
    "peer",
    "scustomer",
    "snumber",
    "stype",
    "uniqueid",
    "start",
)
DIRECTIONS = (*(direction.value for direction in Direction), "in_out")
MATCHES = tuple(match.value for match in Match)


class Kind(StrEnum):
    """What a parameter's value may be."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105 # the kind, not one
    FLAG = "flag"
    MATCH = "match"
    DIRECTION = "direction"
    SORT = "sort"
    MACHINES = "machines"
    LIMIT = "limit"
    CUSTOMER = "customer"
    CUSTOMER_ID = "customer id"


class Param(NamedTuple):
    """One row of the table; `default` is the text that means the same as not given."""

    name: str
    kind: Kind
    default: str
    help: str
    required: bool = False


_USERNAME = Param("auth_username", Kind.TEXT, "", "Name of the user who asks.", required=True)
_PASSWORD = Param("auth_password", Kind.SECRET, "", "Password of that user.", required=True)

# fmt: off
PARAMS = (
    _USERNAME,
    _PASSWORD,
    Param("customer", Kind.CUSTOMER, "", "Whose legs: a customer's id, `all` (the direct children "
          "of the user's customer) or `system` (every leg). Not given: the user's own customer."),
    Param("recursive", Kind.FLAG, "0", "1 adds all descendants of each customer in scope; "
          "ignored with `customer=all`."),
    Param("count", Kind.FLAG, "0", "1 answers `{\"count\": N}`, without rows; `limit` is ignored."),
    Param("direction", Kind.DIRECTION, "", "Which way the call goes; `in_out` is all that is not "
          "`internal`."),
    Param("sort", Kind.SORT, "start", "Field to sort by; ties by start, uniqueid, machine."),
    Param("descending", Kind.FLAG, "0", "1 reverses the order."),
    Param("names", Kind.FLAG, "0", "1 adds names and display texts of the numbers."),
    Param("callername_number", Kind.TEXT, "", "Caller's name, internal or external."),
    Param("callername_match", Kind.MATCH, "contains", "How `callername_number` is compared."),
    Param("callid", Kind.TEXT, "", "Exactly this call."),
    Param("phone", Kind.TEXT, "", "Number of the telephone line that is the source."),
    Param("stype", Kind.TEXT, "", "Exactly this source type."),
    Param("ctype", Kind.TEXT, "", "Exactly this called type."),
    Param("dtype", Kind.TEXT, "", "Exactly this destination type."),
    Param("snumber", Kind.TEXT, "", "Source number."),
    Param("smatch", Kind.MATCH, "contains", "How `snumber` is compared."),
    Param("cnumber", Kind.TEXT, "", "Called number."),
    Param("cmatch", Kind.MATCH, "contains", "How `cnumber` is compared."),
    Param("dnumber", Kind.TEXT, "", "Destination number."),
    Param("dmatch", Kind.MATCH, "contains", "How `dnumber` is compared."),
    Param("machines", Kind.MACHINES, "", "Only these machines: ids, separated by commas."),
    Param("limit", Kind.LIMIT, "0", "At most so many rows, after sorting; 0 is all."),
)

PANEL_PARAMS = (
    _USERNAME,
    _PASSWORD,
    Param("customer", Kind.CUSTOMER_ID, "", "Whose legs: a customer's id. Not given: the user's "
          "own customer."),
)
# fmt: on

KINDS = {param.name: param.kind for param in PARAMS}
PANEL_KINDS = {param.name: param.kind for param in PANEL_PARAMS}


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about who asks; not verified."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r})"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request, read and checked. Where `errors` names a parameter, its default stands."""

    credentials: Credentials
    customer: str
    recursive: bool
    query: Query
    errors: tuple[BadParameter, ...] = ()


def parse(given: Mapping[str, str], kinds: Mapping[str, Kind] = KINDS) -> Asked:
    """Return what the values in `given` ask for; bad ones are in its `errors`.

    >>> asked = parse({"customer": "17", "limit": "-1", "smatch": "exact"})
    >>> asked.customer, asked.query.smatch, asked.query.limit, *map(str, asked.errors)
    ('17', <Match.EXACT: 'exact'>, 0, 'limit: Must be a whole number, 0 or more.')
    """
    values: dict[str, Any] = {}
    errors: list[BadParameter] = []
    for name, text in given.items():
        if text:
            try:
                values[name] = _READERS[kinds[name]](text)
            except ValueError as error:
                errors.append(BadParameter(name, str(error)))
    credentials = Credentials(
        username=values.pop("auth_username", ""), password=values.pop("auth_password", "")
    )
    return Asked(
        credentials=credentials,
        customer=values.pop("customer", ""),
        recursive=values.pop("recursive", False),
        query=Query(**values) if values else _EVERYTHING,
        errors=tuple(in_order(errors)),
    )


def in_order(errors: Iterable[BadParameter]) -> list[BadParameter]:
    """Return `errors` in the order of the table."""
    return sorted(errors, key=lambda error: _POSITIONS.get(error.name, len(_POSITIONS)))


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("Must be 0 or 1.")
    return text == "1"


def _match(text: str) -> Match:
    if text not in MATCHES:
        raise ValueError(_one_of(MATCHES))
    return Match(text)


def _direction(text: str) -> str:
    if text not in DIRECTIONS:
        raise ValueError(_one_of(DIRECTIONS))
    return text


def _sort(text: str) -> str:
    if text not in SORTS:
        raise ValueError(_one_of(SORTS))
    return text


def _machines(text: str) -> frozenset[int]:
    ids = [part.strip(" ") for part in text.split(",")]
    if not all(map(_INTEGER.fullmatch, ids)):
        raise ValueError("Must be whole numbers, separated by commas.")
    return frozenset(map(int, ids))


def _limit(text: str) -> int:
    if not _INTEGER.fullmatch(text) or text.startswith("-"):
        raise ValueError("Must be a whole number, 0 or more.")
    return min(int(text), sys.maxsize)


def _one_of(words: tuple[str, ...]) -> str:
    return f"Must be {', '.join(words[:-1])} or {words[-1]}."


_READERS: dict[Kind, Callable[[str], Any]] = {
    Kind.TEXT: str,
    Kind.SECRET: str,
    Kind.FLAG: _flag,
    Kind.MATCH: _match,
    Kind.DIRECTION: _direction,
    Kind.SORT: _sort,
    Kind.MACHINES: _machines,
    Kind.LIMIT: _limit,
    # What a customer may be depends on who asks: `core.access` reads it.
    Kind.CUSTOMER: str,
    Kind.CUSTOMER_ID: str,
}
_POSITIONS = {param.name: position for position, param in enumerate(PARAMS)}
_EVERYTHING = Query()
