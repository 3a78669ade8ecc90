"""The filters of a query, each over a list of legs at a time.

A `Test` says for each leg of a list whether it stays: a loop inside a comprehension costs a
fifth of a call for each leg. Text is compared without regard to case, ids are not.
"""

from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from operator import attrgetter

from callstate.core.direction import matches_direction
from callstate.core.model import Leg

Test = Callable[[list[Leg]], list[bool]]


class Match(StrEnum):
    """How a text parameter is compared; without regard to case."""

    CONTAINS = "contains"
    EXACT = "exact"
    START = "start"
    END = "end"


COMPARE: dict[Match, Callable[[str, Iterable[str]], list[bool]]] = {
    Match.CONTAINS: lambda wanted, texts: [wanted in text for text in texts],
    Match.EXACT: lambda wanted, texts: [wanted == text for text in texts],
    Match.START: lambda wanted, texts: [text.startswith(wanted) for text in texts],
    Match.END: lambda wanted, texts: [text.endswith(wanted) for text in texts],
}
"""How texts are compared with a wanted one, all of them folded."""


def equal_test(field: str, wanted: str) -> Test:
    """Keep the legs whose text `field` is `wanted`, letter for letter."""
    get = attrgetter(field)
    return lambda legs: [get(leg) == wanted for leg in legs]


def text_test(field: str, wanted: str, match: Match) -> Test:
    """Keep the legs whose `field` matches `wanted`, without regard to case."""
    get = attrgetter(field)
    compare = COMPARE[match]
    folded = wanted.casefold()
    # No character folds to an ASCII one that is no letter, but that one itself: where the
    # wanted text has no letters (a number), folding the legs' texts changes no answer.
    if folded.isascii() and not any(map(str.isalpha, folded)):
        return lambda legs: compare(folded, map(get, legs))
    return lambda legs: compare(folded, map(str.casefold, map(get, legs)))


def either_test(one: Test, other: Test) -> Test:
    """Keep the legs that pass `one` or `other`."""
    return lambda legs: [a or b for a, b in zip(one(legs), other(legs), strict=True)]


def machines_test(machines: Collection[int]) -> Test:
    """Keep the legs of `machines`."""
    return lambda legs: [leg.machine in machines for leg in legs]


def direction_test(wanted: str) -> Test:
    """Keep the legs that the direction filter `wanted` finds."""
    return lambda legs: [matches_direction(leg, wanted) for leg in legs]


def customers_test(customers: Collection[int]) -> Test:
    """Keep the legs that belong to one of `customers`, by either side."""
    return lambda legs: [leg.scustomer in customers or leg.dcustomer in customers for leg in legs]


def lines_test(lines: Collection[tuple[int, str]]) -> Test:
    """Keep the legs whose source or destination is one of the telephone `lines`."""
    return lambda legs: [
        (leg.stype == "phone" and (leg.scustomer, leg.snumber) in lines)
        or (leg.dtype == "phone" and (leg.dcustomer, leg.dnumber) in lines)
        for leg in legs
    ]
