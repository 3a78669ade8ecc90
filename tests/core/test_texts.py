"""Every leg with a text is found by any part of it, whatever form its line has by then."""

import gc
import random

import pytest

from callstate.core.filters import Match
from callstate.core.model import Key, Leg
from callstate.core.texts import Texts, is_searchable
from tests.core.legs import NUMBERS, make_leg
from tests.core.oracle import is_text_match, random_leg

FIELDS = ("callername_internal", "callername_external")


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make few lines fill many blocks."""
    monkeypatch.setattr("callstate.core.texts.BLOCK", 5)
    monkeypatch.setattr("callstate.core.texts._SAMPLE", 2)


def found(texts: Texts, wanted: str, match: Match) -> set[Key]:
    return {key for some in texts.search(wanted, match) for key in some}


def filled(legs: list[Leg], fields: tuple[str, ...] = FIELDS, at_once: int = 3) -> Texts:
    texts = Texts(fields)
    for at in range(0, len(legs), at_once):
        texts.add(legs[at : at + at_once])
    return texts


@pytest.mark.parametrize("many", [0, 2, 99])
@pytest.mark.parametrize("match", Match)
@pytest.mark.parametrize("seed", range(10))
def test_a_part_of_a_text_finds_whose_it_is(
    seed: int, match: Match, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callstate.core.texts._MANY", many)
    dice = random.Random(seed)
    legs = list({leg.key: leg for leg in map(random_leg, [dice] * 40)}.values())
    texts = filled(legs)
    for wanted in (*NUMBERS[1:], "a", "b", "ß", "ss", "%", "{}", "21x"):
        assert found(texts, wanted, match) == {
            leg.key
            for leg in legs
            if is_text_match(match, wanted, leg.callername_internal)
            or is_text_match(match, wanted, leg.callername_external)
        }


def test_each_line_of_a_block_is_found_for_itself() -> None:
    legs = [make_leg(f"{at}", snumber=text) for at, text in enumerate(["7", "77", "17", "71", "2"])]
    texts = filled(legs, ("snumber",))
    wanted = {Match.CONTAINS: "0123", Match.START: "013", Match.END: "012", Match.EXACT: "0"}
    for match, uniqueids in wanted.items():
        assert {uniqueid for _, uniqueid in found(texts, "7", match)} == set(uniqueids)


def test_what_was_found_once_may_have_changed_and_is_found_by_both() -> None:
    texts = filled([make_leg("a", snumber="12"), make_leg("a", snumber="34")], ("snumber",))
    assert found(texts, "1", Match.CONTAINS) == found(texts, "3", Match.CONTAINS) == {(1, "a")}


def test_a_complete_line_adds_nothing_for_the_garbage_collector_to_look_at() -> None:
    texts = filled([make_leg(f"{at}", snumber="1") for at in range(10)], ("snumber",))
    parts = [part for block in texts._blocks for part in block]
    assert parts
    assert all(isinstance(other, type) for other in gc.get_referents(*parts))


def test_legs_without_a_text_have_no_line() -> None:
    assert filled([make_leg("a"), make_leg("b", snumber="1")], ("snumber",)).lines == 1


def test_a_line_break_in_a_text_shifts_nobodys_line() -> None:
    legs = [
        make_leg(f"{at}", snumber=text) for at, text in enumerate(["a\nb", "c", "\n", "d", "b"])
    ]
    texts = filled(legs, ("snumber",))
    assert found(texts, "b", Match.CONTAINS) == {(1, "0"), (1, "4")}
    assert found(texts, "d", Match.EXACT) == {(1, "3")}


@pytest.mark.parametrize(("wanted", "is_wanted"), [("", False), ("a\nb", False), ("a b", True)])
def test_what_stands_between_lines_is_not_looked_for(wanted: str, is_wanted: bool) -> None:
    assert is_searchable(wanted) is is_wanted


def test_lines_that_come_during_a_search_disturb_nothing() -> None:
    texts = filled([make_leg(f"{at}", snumber="1") for at in range(12)], ("snumber",))
    search = texts.search("1", Match.CONTAINS)
    keys = set(next(search))
    texts.add([make_leg(f"{at}", snumber="1") for at in range(20, 40)])
    while texts.let_go():
        continue
    assert keys.union(*search) == {(1, f"{at}") for at in range(12)}


def test_a_change_of_another_field_is_none() -> None:
    texts, leg = Texts(FIELDS), make_leg(callername_external="a")
    assert not texts.differs(leg, make_leg(callername_external="a", snumber="1"))
    assert texts.differs(leg, make_leg(callername_external="b"))


def test_how_often_a_text_is_found_is_told_beforehand() -> None:
    texts = Texts(("snumber",))
    assert texts.share("1", Match.CONTAINS) == 0
    texts.add([make_leg(f"{at}", snumber="12" if at % 5 else "1") for at in range(5)] * 3)
    assert texts.share("2", Match.END) == 0.8
    assert texts.share("1", Match.EXACT) == 0.2
