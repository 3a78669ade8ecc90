"""Texts that many channels show: one object each, and never too many of them."""

import pytest

from callstate.ami import shared as texts
from callstate.ami.shared import shared


@pytest.fixture(autouse=True)
def empty() -> None:
    """Begin with nothing known."""
    texts.TEXTS.clear()


def _new(text: str) -> str:
    return "".join(list(text))


def test_equal_texts_are_one_object() -> None:
    first = shared(_new("1795479300.17"))
    assert shared(_new("1795479300.17")) is first
    assert shared(_new("1795479300.18")) == "1795479300.18"


def test_a_long_text_is_not_kept() -> None:
    long = _new("x" * 65)
    assert shared(long) is long
    assert shared(_new("x" * 65)) is not long
    assert not texts.TEXTS


def test_no_more_than_some_thousands_are_kept() -> None:
    for number in range(100_000):
        assert shared(f"{number}") == f"{number}"
        assert len(texts.TEXTS) <= 1 << 13
