"""Header blocks: read once, remembered within bounds, forgotten without harm."""

import pytest

from callstate.ami.blocks import Blocks


def raw(uniqueid: str = "1.1", *, name: str = "PJSIP/a", prefix: str = "", more: str = "") -> bytes:
    text = f"Event: X\r\n{prefix}Channel: {name}\r\n{prefix}Uniqueid: {uniqueid}\r\n"
    return f"{text}{prefix}Linkedid: {uniqueid}\r\n{more}Last: x".encode()


def test_a_block_that_stays_the_same_is_the_same_snapshot() -> None:
    blocks = Blocks()
    first, is_new = blocks.read(raw())
    again, is_new_again = blocks.read(raw())
    assert first is again
    assert (is_new, is_new_again) == (True, False)


def test_a_block_that_differs_is_news() -> None:
    blocks = Blocks()
    blocks.read(raw())
    channel, is_new = blocks.read(raw(name="PJSIP/b"))
    assert channel is not None
    assert (channel.channel, is_new) == ("PJSIP/b", True)


def test_a_block_ends_with_its_last_variable() -> None:
    blocks = Blocks()
    channel, _ = blocks.read(raw(more="ChanVariable: a=1\r\nChanVariable: b=2\r\n"))
    assert channel is not None
    assert channel.variables == (("a", "1"), ("b", "2"))
    assert blocks.read(raw(more="ChanVariable: a=1\r\nChanVariable: b=3\r\n"))[1]


def test_a_block_with_a_prefix_is_compared_but_not_remembered() -> None:
    blocks = Blocks()
    first = blocks.peek(raw(prefix="Dest"), b"Dest")
    assert len(blocks) == 0
    plain, _ = blocks.read(raw())
    assert first == plain
    assert first is not plain
    assert blocks.peek(raw(prefix="Dest"), b"Dest") is plain


def test_after_a_peek_that_shows_something_else_the_next_block_is_news() -> None:
    blocks = Blocks()
    blocks.read(raw())
    assert blocks.peek(raw(name="PJSIP/b")) is not None
    assert blocks.read(raw())[1]
    assert not blocks.read(raw())[1]
    assert blocks.peek(raw()) is blocks.read(raw())[0]
    assert len(blocks) == 1


@pytest.mark.parametrize(
    "message",
    [raw("none"), raw(""), raw("<unknown>"), b"Event: X\r\nChannel: a", b"Event: X\r\nUniqueid: 1"],
)
def test_no_uniqueid_is_no_channel(message: bytes) -> None:
    assert Blocks().read(message) == (None, False)


def test_a_block_at_the_end_of_a_message_is_whole() -> None:
    channel, _ = Blocks().read(b"Event: X\r\nChannel: a\r\nUniqueid: 1.1")
    assert channel is not None
    assert (channel.uniqueid, channel.linkedid) == ("1.1", "1.1")


def test_what_may_come_late_begins_no_memory_but_goes_on_with_one() -> None:
    blocks = Blocks()
    assert blocks.read(raw(), remember=False)[1]
    assert len(blocks) == 0
    blocks.read(raw())
    blocks.read(raw(name="PJSIP/b"), remember=False)
    assert not blocks.read(raw(name="PJSIP/b"))[1]


def test_what_is_forgotten_is_news_again() -> None:
    blocks = Blocks()
    for uniqueid in ("1.1", "1.2", "1.3"):
        blocks.read(raw(uniqueid))
    blocks.forget(b"1.1")
    blocks.forget(b"1.9")
    assert len(blocks) == 2
    blocks.retain({b"1.3", b"1.1"})
    assert len(blocks) == 1
    assert not blocks.read(raw("1.3"))[1]
    blocks.clear()
    assert len(blocks) == 0
    assert blocks.read(raw("1.3"))[1]


def test_too_many_are_not_kept_and_the_longest_unread_go_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("callstate.ami.blocks._LIMIT", 3)
    blocks = Blocks()
    for number in range(10):
        assert blocks.read(raw(f"1.{number}"))[1]
        assert blocks.read(raw("1.0", name=f"PJSIP/{number}"))[1]
        assert len(blocks) <= 3
    assert not blocks.read(raw("1.0", name="PJSIP/9"))[1]
    assert blocks.read(raw("1.5"))[1]
