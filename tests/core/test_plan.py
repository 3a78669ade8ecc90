"""A plan takes the smallest set, and says nothing of other customers to those who have few legs."""

from typing import Any

import pytest

from callstate.core.access import Scope
from callstate.core.plan import OWN, Match, Plan, Query, Source, places_of, plan, repeats
from tests.core.legs import make_leg
from tests.core.oracle import crowded_store, make_store

SYSTEM = Scope(customers=None)
SEVEN = Scope(customers=frozenset({7}))
EIGHT = Scope(customers=frozenset({8}))


@pytest.mark.parametrize(
    ("query", "scope", "source", "size"),
    [
        (Query(), SEVEN, Source.CUSTOMERS, 10),
        (Query(), Scope(customers=frozenset()), Source.CUSTOMERS, 0),
        (Query(), Scope(customers=frozenset(range(20, 99)) | {7}), Source.CUSTOMERS, 10),
        (Query(), EIGHT, Source.ALL, 400),
        (Query(limit=5), EIGHT, Source.ORDER, 400),
        (Query(limit=5, descending=True), SYSTEM, Source.ORDER, 400),
        (Query(limit=5, sort="peer"), SYSTEM, Source.ALL, 400),
        (Query(limit=5, count=True), SYSTEM, Source.ALL, 400),
        (Query(callid="1000000100.3"), EIGHT, Source.CALLID, 2),
        (Query(callid="1000000100.3"), SYSTEM, Source.CALLID, 2),
        (Query(phone="12"), SEVEN, Source.PHONE, 3),
        (Query(snumber="12", smatch=Match.EXACT), SEVEN, Source.SNUMBER, 3),
        (Query(snumber="12"), SEVEN, Source.CUSTOMERS, 10),
        (Query(cnumber="01", cmatch=Match.EXACT), SYSTEM, Source.CNUMBER, 1),
        (Query(cnumber="01", cmatch=Match.START), SYSTEM, Source.ALL, 400),
        (Query(dnumber="21", dmatch=Match.EXACT), SYSTEM, Source.DNUMBER, 1),
        (Query(machines=frozenset({2})), SYSTEM, Source.MACHINES, 80),
        (Query(machines=frozenset({1, 2})), SYSTEM, Source.ALL, 400),
        (Query(machines=frozenset({9})), SEVEN, Source.MACHINES, 0),
        (Query(), Scope(customers=None, lines=frozenset({(7, "12")})), Source.LINES, 3),
        (Query(), Scope(customers=None, lines=frozenset()), Source.LINES, 0),
    ],
)
def test_a_plan_takes_the_smallest_set(
    query: Query, scope: Scope, source: Source, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callstate.core.plan.OWN", 0)
    assert plan(crowded_store(), query, scope) == Plan(source, size)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"callid": "1000000100.300"},
        {"phone": "34"},
        {"phone": "nobody"},
        {"snumber": "34", "smatch": Match.EXACT},
        {"dnumber": "2399", "dmatch": Match.EXACT},
        {"machines": frozenset({9})},
        {"limit": 1},
    ],
)
@pytest.mark.parametrize("lines", [None, frozenset[tuple[int, str]](), frozenset({(7, "34")})])
def test_few_own_legs_are_looked_at_whatever_others_do(
    given: dict[str, Any], lines: frozenset[tuple[int, str]] | None
) -> None:
    scope = Scope(customers=frozenset({7}), lines=lines)
    others = crowded_store()
    own = make_store([leg for leg in others if leg.scustomer == 7])
    query = Query(**given)
    assert plan(others, query, scope) == plan(own, query, scope) == Plan(Source.CUSTOMERS, 10)


def test_many_own_legs_are_not_looked_at_when_fewer_will_do() -> None:
    store = crowded_store(OWN + 11)
    assert plan(store, Query(callid="1000000100.300"), EIGHT).source is Source.CALLID


@pytest.mark.parametrize("seed", range(5))
def test_a_place_comes_twice_only_where_that_is_said(seed: int) -> None:
    store = make_store(
        [
            make_leg(f"1000000100.{number}", scustomer=number % 3, dcustomer=seed % 4, snumber="1",
                     dnumber=str(number % 2))
            for number in range(9)
        ]
    )  # fmt: skip
    for customers in (frozenset({1}), frozenset({1, 2}), frozenset({1, 2, 3})):
        scope = Scope(customers=customers, lines=frozenset({(1, "1"), (2, "1")}))
        for source in (Source.CUSTOMERS, Source.LINES, Source.ALL):
            places = places_of(store, Query(), scope, source)
            assert len(set(places)) == len(places) or repeats(scope, source)
