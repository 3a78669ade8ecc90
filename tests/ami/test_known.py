"""A block that was read, its parts, and what its reader remembers of it."""

import pytest

from callstate.ami.blocks import read_block
from callstate.ami.known import NOBODY, Known
from tests.ami.test_headers import block

SHOWN = (("ChanVariable", "a=1"), ("ChanVariable", "b=2"))


def known(*more: tuple[str, str], **changed: str) -> Known:
    return read_block(b"1000000000.1", block(*(more or SHOWN), **changed), None)


def test_a_usual_block_has_parts_that_make_it_whole_again() -> None:
    one = known()
    assert one.name == b"PJSIP/a-00000001"
    assert one.who.endswith(b"\r\nContext: ")
    assert one.head + b"2" + one.ids + one.shown == one.block
    assert one.tail == one.ids + one.shown
    assert one.shown == b"\r\nChanVariable: a=1\r\nChanVariable: b=2"


@pytest.mark.parametrize(
    "odd", [block(("Odd", "x")), block(ChannelState="?"), b"Channel: a\r\nUniqueid: 1.1", b""]
)
def test_of_any_other_there_are_no_parts(odd: bytes) -> None:
    one = read_block(b"1.1", odd, None)
    assert (one.name, one.head, one.who, one.ids) == (b"", b"", b"", b"")


@pytest.mark.parametrize(
    "changed",
    [{"Priority": "3"}, {"Context": "x", "Exten": "9", "Priority": "1"}, {"ChannelState": "5"}, {}],
)
@pytest.mark.parametrize("more", [SHOWN, (("ChanVariable", "a=2"),)])
def test_with_the_help_of_the_last_it_is_read_as_without(
    changed: dict[str, str], more: tuple[tuple[str, str], ...]
) -> None:
    new = block(*more, **changed)
    with_help = read_block(b"1000000000.1", new, known())
    alone = read_block(b"1000000000.1", new, None)
    assert with_help.channel == alone.channel
    assert with_help.head == alone.head


def test_what_was_seen_last_takes_the_place_of_what_was_read() -> None:
    one = known()
    one.moved, one.varied = b"moved", b"varied"
    assert (one.head, one.tail) == (b"moved", b"varied")
    assert one.shown == known().shown


def test_what_was_told_is_the_last_value_of_each_name() -> None:
    one = known()
    assert not one.has_told(b"V", b"")
    for name, value in ((b"V", b"1"), (b"W", b"V=9"), (b"V", b"2"), (b"VV", b"2")):
        one.tell(name, value)
    assert one.has_told(b"V", b"2")
    assert one.has_told(b"W", b"V=9")
    assert not any(one.has_told(b"V", value) for value in (b"1", b"", b"2\n", b"9"))
    one.forget_told(b"V")
    one.forget_told(b"X")
    assert not one.has_told(b"V", b"2")
    assert one.has_told(b"VV", b"2")


def test_nobody_is_no_usual_block() -> None:
    assert (NOBODY.name, NOBODY.head) == (b"", b"")
