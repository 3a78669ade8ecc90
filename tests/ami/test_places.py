"""Where in a message a channel's block is, and that no other message is in it.

What is asked is what this build uses, in Python or in C; both have to say the same.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callstate.ami import blocks, places, translate
from tests.ami.test_translate import block, event

SHOWN = (("ChanVariable", "V=1"), ("ChanVariable", "W="))

# All that a block could be mistaken for, and little else.
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


@pytest.mark.parametrize("prefix", ["", "Dest", "LocalOne", "LocalTwo"])
@pytest.mark.parametrize("variables", [(), SHOWN])
def test_a_block_ends_with_its_last_variable(
    prefix: str, variables: tuple[tuple[str, str], ...]
) -> None:
    headers = block("1.2", *variables, prefix=prefix)
    raw = event("X", *headers, ("Variable", "x"), ("Value", "1"))
    found = blocks.place(raw, prefix.encode())
    assert found is not None
    uniqueid, start, end = found
    assert uniqueid == b"1.2"
    wanted = "\r\n".join(f"{key}: {value}" for key, value in headers)
    assert raw[start:end] == wanted.encode()


@pytest.mark.parametrize("uniqueid", ["", "none", "<unknown>"])
def test_of_no_channel_there_is_no_block(uniqueid: str) -> None:
    assert blocks.place(event("X", *block(uniqueid)), b"") is None


def test_without_a_name_or_a_uniqueid_there_is_no_block() -> None:
    assert blocks.place(b"Event: X\r\nUniqueid: 1.2", b"") is None
    assert blocks.place(b"Event: X\r\nChannel: PJSIP/a-1", b"") is None


@given(scraps, st.sampled_from(list(places.KEYS)))
def test_whatever_a_message_holds_a_block_is_found_in_one_place(raw: bytes, prefix: bytes) -> None:
    assert blocks.place(raw, prefix) == places.place(raw, prefix)


@pytest.mark.parametrize("line", [b"Event: X", b"Response: Success", b"Privilege: call,all"])
def test_a_line_that_begins_a_message_is_another(line: bytes) -> None:
    raw = b"Event: A\r\nX: 1\r\n" + line + b"\r\nY: 2"
    begin, size = raw.index(b"X"), len(raw)
    assert translate.has_another(raw, begin, size)
    assert not translate.has_another(raw, raw.index(b"Y") - 1, size)
    assert not translate.has_another(raw, begin, begin + 6)


@given(scraps, st.integers(0, 60), st.integers(0, 300))
def test_whatever_a_message_holds_another_is_seen(raw: bytes, begin: int, end: int) -> None:
    wanted = places.has_another(raw, begin, end)
    assert translate.has_another(raw, begin, end) == wanted
