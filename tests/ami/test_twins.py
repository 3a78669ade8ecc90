"""Of two twins it does not matter which a build has: each says the same of whatever comes.

In the build that is not compiled they are one.
"""

import sys
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callstate.ami import blocks, glance, intake, known, places, twins
from callstate.ami.decode import Decoder
from callstate.ami.known import Known
from tests.ami.steps import VARIABLES, Dialplans
from tests.ami.test_translate import RECEIVED

# All that a message's parts could be mistaken for, and little else.
scraps = st.lists(
    st.sampled_from(
        [
            *(
                b"%b%b: " % (prefix, key)
                for prefix in places.KEYS
                for key in (b"Channel", b"Uniqueid")
            ),
            *(b"%bChanVariable: V=" % prefix for prefix in places.KEYS),
            *(b"Linkedid: ", b"DestLinkedid: ", b"Event: ", b"Response: ", b"Privilege: "),
            *(b"\r\n", b"\r\n", b"\r\n", b"\r", b"\n", b"none", b"x", b"\xff", b"1.2"),
        ]
    ),
    max_size=40,
).map(b"".join)


# A block, with something else in place of some of its lines.
LINES = (
    *(b"Channel: PJSIP/a-1", b"ChannelState: 6", b"ChannelStateDesc: Up", b"CallerIDNum: 101"),
    *(b"CallerIDName: A", b"ConnectedLineNum: <unknown>", b"ConnectedLineName: <unknown>"),
    *(b"Language: en", b"AccountCode: ", b"Context: cust", b"Exten: 102", b"Priority: 2"),
    *(b"Uniqueid: 1.1", b"Linkedid: 1.1", b"ChanVariable: V=1", b"ChanVariable: W=a\\nb"),
)
others = st.sampled_from(
    [
        *(
            b"",
            b"X",
            b"Priority: 99",
            b"Priority: x",
            b"Priority: 1234567890",
            b"ChannelState: 131072",
        ),
        *(b"ChannelState: -1", b'CallerIDName: a\\"b', b"CallerIDName: \xff", b"CallerIDNum: \r"),
        *(b"Linkedid: ", b"Linkedid: 1.0", b"Tenantid: t", b"ChanVariable: V=2", b"ChanVariable: "),
        *(b"ChanVariable: W=\xc3\xa9", b"Exten: ", b"Context: <unknown>", b"Channel: PJSIP/b-1"),
    ]
)


def _changed(changes: list[tuple[int, bytes, bool]]) -> bytes:
    lines = list(LINES)
    for at, line, is_more in changes:
        lines[at : at + (not is_more)] = [line]
    return b"\r\n".join(lines)


blocks_of_a_channel = st.lists(
    st.tuples(st.integers(0, len(LINES)), others, st.booleans()), max_size=3
).map(_changed)


def _said(block: Known) -> tuple[object, ...]:
    parts = (block.who, block.head, block.ids, block.shown, block.tail) if block.name else ()
    return block.uniqueid, block.block, block.name, block.channel, parts


@given(scraps, st.sampled_from(list(places.KEYS)))
def test_a_block_is_in_one_place(raw: bytes, prefix: bytes) -> None:
    assert twins.place(raw, prefix) == places.place(raw, prefix)


@given(scraps, st.sampled_from(list(places.KEYS)), st.integers(0, 30), st.integers(0, 300))
def test_a_block_without_its_prefix_is_the_same(
    raw: bytes, prefix: bytes, start: int, end: int
) -> None:
    wanted = places.unprefixed(raw, prefix, start, end)
    assert twins.unprefixed(raw, prefix, start, end) == wanted


@given(scraps, st.integers(-3, 60), st.tuples(st.integers(0, 300), st.integers(0, 300)))
def test_another_message_is_seen(raw: bytes, begin: int, span: tuple[int, int]) -> None:
    assert twins.has_another(raw, begin, span) == places.has_another(raw, begin, span)


@given(scraps, st.sampled_from([b"Uniqueid", b"Channel", b"", b"x"]), st.integers(-5, 60))
def test_a_value_is_the_same(raw: bytes, key: bytes, start: int) -> None:
    assert twins.value(raw, key, start) == places.value(raw, key, start)


@given(
    st.integers(0, 165), st.text("0123456789.x", max_size=20), st.sampled_from(["", "\r\n", "1"])
)
def test_a_time_is_the_same(before: int, stamp: str, after: str) -> None:
    raw = b"x" * before + f"\r\nTimestamp: {stamp}{after}".encode()
    assert twins.time_of(raw, 7.5) == places.time_of(raw, 7.5)


@given(st.integers(10**9, 10**10 - 1), st.integers(0, 10**6 - 1))
def test_a_time_is_the_same_to_the_last_bit(seconds: int, fraction: int) -> None:
    raw = b"Event: X\r\nTimestamp: %d.%06d\r\n" % (seconds, fraction)
    assert twins.time_of(raw, 7.5) == places.time_of(raw, 7.5)


@given(blocks_of_a_channel, blocks_of_a_channel, st.booleans())
def test_a_block_says_the_same_whatever_was_before(
    before: bytes, block: bytes, is_first: bool
) -> None:
    earlier = None if is_first else known.read_block(b"1.1", before, None)
    wanted = known.read_block(b"1.1", block, earlier)
    assert _said(blocks.read_block(b"1.1", block, earlier)) == _said(wanted)


@pytest.mark.parametrize(
    "line",
    [b"Priority: 1234567890", b"Priority: 9999999999999999999", b"Exten: a\rb", b"Context: \r"],
)
def test_what_is_unusual_is_so_whatever_was_before(line: bytes) -> None:
    lines = list(LINES)
    lines[[each.partition(b" ")[0] for each in LINES].index(line.partition(b" ")[0])] = line
    earlier = blocks.read_block(b"1.1", b"\r\n".join(LINES), None)
    assert blocks.read_block(b"1.1", b"\r\n".join(LINES), earlier).name
    found = blocks.read_block(b"1.1", b"\r\n".join(lines), earlier)
    assert _said(found) == _said(blocks.read_block(b"1.1", b"\r\n".join(lines), None))
    assert not found.name


@pytest.mark.parametrize("seed", range(150))
def test_a_wrong_stream_tells_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = list(_told(seed))
    twins_in_python = {"Glance": glance.Glance, "read_block": known.read_block}
    for name in ("has_another", "place", "time_of", "unprefixed", "value"):
        twins_in_python[name] = getattr(places, name)
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith("callstate.ami.") and ".fast_" not in module_name:
            for name in twins_in_python.keys() & vars(module).keys():
                monkeypatch.setattr(module, name, twins_in_python[name])
    assert list(_told(seed)) == found


def _told(seed: int) -> Iterator[tuple[object, ...]]:
    """Give what is told of a wrong stream, piece by piece, and what is counted and remembered."""
    dice = Random(seed)
    data = Dialplans(dice).wrong(60)
    taken, decoder = intake.Intake(dice.choice((VARIABLES, None))), Decoder()
    # Whoever feeds it may also fail to cut behind a message.
    is_cut, most = dice.random() < 0.8, dice.choice((100, 3000, len(data)))
    while data:
        size = dice.randint(1, most)
        piece, data = data[:size], data[size:]
        events = taken.events(decoder.complete(piece) if is_cut else piece, RECEIVED)
        yield events, taken.ignored, taken.malformed, len(taken._translator.blocks)
