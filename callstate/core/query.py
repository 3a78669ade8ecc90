"""The query: complete and checked, then planned, run and ordered."""

from enum import StrEnum

import msgspec


class Match(StrEnum):
    """How a text parameter is compared; without regard to case."""

    CONTAINS = "contains"
    EXACT = "exact"
    START = "start"
    END = "end"


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, apart from by whom: every default applied, nothing left to interpret.

    An empty text means: do not filter by it.
    """

    count: bool = False
    direction: str = ""
    sort: str = "start"
    descending: bool = False
    names: bool = False
    callername_number: str = ""
    callername_match: Match = Match.CONTAINS
    callid: str = ""
    phone: str = ""
    stype: str = ""
    ctype: str = ""
    dtype: str = ""
    snumber: str = ""
    smatch: Match = Match.CONTAINS
    cnumber: str = ""
    cmatch: Match = Match.CONTAINS
    dnumber: str = ""
    dmatch: Match = Match.CONTAINS
    machines: frozenset[int] = frozenset()
    limit: int = 0
