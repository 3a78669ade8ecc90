"""The store is a dict of legs whose indexes never disagree, and every change has a number."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callstate.core.index import Place
from callstate.core.model import Leg, LegKey
from callstate.core.store import Change, LegStore, fold
from tests.core.legs import MACHINES, UNIQUEIDS, legs, make_leg

replace = msgspec.structs.replace

keys = st.builds(LegKey, st.sampled_from(MACHINES), st.sampled_from(UNIQUEIDS))


def make_store(*members: Leg) -> LegStore:
    store = LegStore()
    for leg in members:
        store.put(leg)
    return store


def first(store: LegStore) -> Place:
    return next(store.ordered.walk())


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.lists(legs() | keys, max_size=40))
def test_a_store_is_a_dict_with_a_feed(steps: list[Leg | LegKey]) -> None:
    store, model = LegStore(), dict[LegKey, Leg]()
    mirror, numbers = dict[LegKey, Leg](), list[int]()

    def follow(change: Change) -> None:
        numbers.append(change.number)
        assert mirror.get(change.key) == change.old
        assert store.get(change.key) == change.new
        if change.new is None:
            del mirror[change.key]
        else:
            mirror[change.key] = change.new

    store.subscribe(follow)
    for step in steps:
        before = store.number
        if isinstance(step, Leg):
            is_change = model.get(step.key) != step
            store.put(step)
            model[step.key] = step
        else:
            is_change = step in model
            assert store.remove(step) == model.pop(step, None)
        store.check()
        assert store.number == before + is_change
        assert {leg.key: leg for leg in store} == model == mirror
        assert len(store) == len(model)
    assert numbers == list(range(1, store.number + 1))


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.lists(legs(), max_size=20))
def test_a_store_that_is_emptied_holds_nothing(members: list[Leg]) -> None:
    store = make_store(*members)
    for leg in list(store):
        assert store.remove(leg.key) == leg
    store.check()
    assert [len(index) for index in store._indexes] == [0] * len(store._indexes)
    assert store.count_by_machine() == {}


def test_same_uniqueid_on_two_machines_are_two_legs() -> None:
    store = make_store(make_leg(machine=1), make_leg(machine=2))
    assert len(store) == 2
    assert store.count_by_machine() == {1: 1, 2: 1}


def test_the_legs_of_a_machine_are_found_by_it() -> None:
    store = make_store(make_leg("a"), make_leg("b"), make_leg("c", machine=2))
    assert {place.uniqueid for place in store.of_machine(1)} == {"a", "b"}
    assert {place.uniqueid for place in store.of_machine(2)} == {"c"}
    assert len(store.of_machine(3)) == 0


def test_a_leg_that_is_not_there_is_none() -> None:
    store = make_store(make_leg("a"))
    assert store.get(LegKey(1, "b")) is None
    assert store.get(LegKey(2, "a")) is None
    assert store.remove(LegKey(1, "b")) is None
    assert store.remove(LegKey(2, "a")) is None
    assert store.number == 1


def test_a_leg_is_found_by_both_customers_and_counted_once() -> None:
    store = make_store(make_leg("a", scustomer=7, dcustomer=8), make_leg("b", scustomer=7))
    assert store.by_customer.count(7) == 2
    assert store.by_customer.count(8) == 1
    store.put(make_leg("a", scustomer=7, dcustomer=7))
    assert store.by_customer.count(7) == 2
    assert list(store.by_customer) == [7]


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.lists(legs() | keys, max_size=40), st.integers(2, 4))
def test_no_change_of_a_customers_legs_is_missed(steps: list[Leg | LegKey], most: int) -> None:
    store = LegStore(customers=most)
    scopes = [frozenset(some) for some in ({0}, {1}, {2}, {3}, {1, 2}, {9})]

    def seen(scope: frozenset[int]) -> list[Leg]:
        return sorted(leg for leg in store if {leg.scustomer, leg.dcustomer} & scope)

    for step in steps:
        before = [(seen(scope), store.changed(scope)) for scope in scopes]
        number = store.number
        if isinstance(step, Leg):
            store.put(step)
        else:
            store.remove(step)
        for scope, (was, changed) in zip(scopes, before, strict=True):
            assert changed <= store.changed(scope) <= store.number
            assert seen(scope) == was or store.changed(scope) > number
        assert store.changed(None) == store.number
        assert len(store._changed) <= most


def test_a_change_of_others_is_no_change_of_a_customer() -> None:
    store = make_store(make_leg("a", scustomer=7), make_leg("b", scustomer=8, dcustomer=9))
    assert store.changed(frozenset({7})) == 1
    assert store.changed(frozenset({8})) == store.changed(frozenset({9})) == 2
    store.put(make_leg("a", scustomer=7, status="answer"))
    assert store.changed(frozenset({7})) == store.changed(frozenset({7, 8})) == 3
    assert store.changed(frozenset({8})) == 2
    assert store.changed(frozenset({1234})) == store.changed(frozenset()) == 0
    store.put(make_leg("a", scustomer=9, status="answer"))
    assert store.changed(frozenset({7})) == store.changed(frozenset({9})) == 4
    store.remove(make_leg("b").key)
    assert store.changed(frozenset({8})) == 5


def test_numbers_are_filed_without_regard_to_case() -> None:
    store = make_store(make_leg("a", snumber="Straße"), make_leg("b", snumber="STRASSE"))
    assert store.by_snumber.count("strasse") == 2


def test_folding_a_text_without_capitals_copies_nothing() -> None:
    text = "0049-30"
    assert fold(text) is text


def test_what_is_absent_is_not_filed() -> None:
    store = make_store(make_leg())
    assert list(store.by_customer) == list(store.by_callid) == list(store.by_snumber) == []


def test_an_update_of_unfiled_fields_touches_no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    leg = make_leg(scustomer=7, dcustomer=8, callid="x", snumber="1", cnumber="2", dnumber="3")
    store = make_store(leg)
    monkeypatch.setattr(store, "_indexes", None)
    monkeypatch.setattr(store, "ordered", None)
    store.put(replace(leg, status="hold", answered=1000000105, peer=4, channel="PJSIP/x-1"))
    found = store.get(leg.key)
    assert found is not None
    assert found.status == "hold"


@pytest.mark.parametrize(
    "change",
    [
        {"scustomer": 9},
        {"dcustomer": 9},
        {"callid": "y"},
        {"snumber": "9"},
        {"cnumber": "9"},
        {"dnumber": "9"},
        {"snumber": "AB"},
        {"scustomer": 8, "dcustomer": 7},
        {"scustomer": 7, "dcustomer": 7},
        {"start": 5},
        {"snumber": "", "callid": "", "scustomer": 0},
    ],
)
def test_an_update_of_a_filed_field_files_the_leg_anew(change: dict[str, str | int]) -> None:
    leg = make_leg(scustomer=7, dcustomer=8, callid="x", snumber="ab", cnumber="2", dnumber="3")
    store = make_store(leg, make_leg("1000000100.2"))
    store.put(replace(leg, **change))
    store.check()


def test_subscribers_hear_each_change_in_turn_until_they_leave() -> None:
    store, heard = LegStore(), list[tuple[str, Change]]()
    leave_one = store.subscribe(lambda change: heard.append(("one", change)))
    store.subscribe(lambda change: heard.append(("two", change)))
    leg = make_leg()
    store.put(leg)
    leave_one()
    leave_one()
    store.remove(leg.key)
    assert heard == [
        ("one", Change(1, None, leg)),
        ("two", Change(1, None, leg)),
        ("two", Change(2, leg, None)),
    ]


def test_a_change_names_the_leg_that_came_or_went() -> None:
    leg = make_leg(machine=3)
    assert Change(1, None, leg).key == Change(2, leg, None).key == leg.key


DAMAGE: dict[str, Callable[[LegStore], object]] = {
    "filed under what it has not": lambda store: store.by_callid.add("y", first(store)),
    "not filed": lambda store: store.by_callid.remove("x", first(store)),
    "not in order": lambda store: store.ordered.remove(first(store)),
    "changed behind": lambda store: setattr(first(store), "leg", make_leg(callid="y")),
    "in another's place": lambda store: setattr(first(store), "leg", make_leg(start=5)),
    "under another's key": lambda store: store._places[1].update({"other": first(store)}),
    "no legs": lambda store: store._places.update({5: {}}),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_check_finds_damage(damage: Callable[[LegStore], object]) -> None:
    store = make_store(make_leg(callid="x"))
    damage(store)
    with pytest.raises(AssertionError):
        store.check()
