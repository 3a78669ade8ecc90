"""Where in a message a channel's block is, a value, its time, another message.

What is asked is what this build uses, in Python or in C.
"""

import pytest

from callstate.ami import twins
from tests.ami.test_translate import block, event

SHOWN = (("ChanVariable", "V=1"), ("ChanVariable", "W="))


@pytest.mark.parametrize("prefix", ["", "Dest", "LocalOne", "LocalTwo"])
@pytest.mark.parametrize("variables", [(), SHOWN])
def test_a_block_ends_with_its_last_variable(
    prefix: str, variables: tuple[tuple[str, str], ...]
) -> None:
    headers = block("1.2", *variables, prefix=prefix)
    raw = event("X", *headers, ("Variable", "x"), ("Value", "1"))
    found = twins.place(raw, prefix.encode())
    assert found is not None
    uniqueid, start, end = found
    assert uniqueid == b"1.2"
    wanted = "\r\n".join(f"{key}: {value}" for key, value in headers)
    assert raw[start:end] == wanted.encode()


@pytest.mark.parametrize("uniqueid", ["", "none", "<unknown>"])
def test_of_no_channel_there_is_no_block(uniqueid: str) -> None:
    assert twins.place(event("X", *block(uniqueid)), b"") is None


def test_without_a_name_or_a_uniqueid_there_is_no_block() -> None:
    assert twins.place(b"Event: X\r\nUniqueid: 1.2", b"") is None
    assert twins.place(b"Event: X\r\nChannel: PJSIP/a-1", b"") is None


@pytest.mark.parametrize("line", [b"Event: X", b"Response: Success", b"Privilege: call,all"])
def test_a_line_that_begins_a_message_is_another(line: bytes) -> None:
    raw = b"Event: A\r\nX: 1\r\n" + line + b"\r\nY: 2"
    begin, end = raw.index(b"X"), raw.index(b"Y")
    assert twins.has_another(raw, begin, (0, 0))
    assert twins.has_another(raw, begin, (end, len(raw)))
    assert twins.has_another(raw, begin, (begin, begin + 4))
    assert not twins.has_another(raw, end - 1, (0, 0))
    assert not twins.has_another(raw, begin, (begin + 6, end))


@pytest.mark.parametrize(
    ("raw", "key", "value"),
    [
        (b"Event: X\r\nKey: v\r\nMore: w", b"Key", b"v"),
        (b"Event: X\r\nKey: v", b"Key", b"v"),
        (b"Event: X\r\nKey: ", b"Key", b""),
        (b"Event: X\r\nKey:", b"Key", b""),
        (b"Event: X\r\nDestKey: v", b"Key", b""),
        (b"Event: X\r\nKeys: v", b"Key", b""),
        (b"Event: X\r\nA: Key: v", b"Key", b""),
        (b"Key: v\r\nEvent: X", b"Key", b""),
        (b"Event: X\r\nKey: v\r\nKey: w", b"Key", b"v"),
    ],
)
def test_a_value_is_found_by_its_whole_key(raw: bytes, key: bytes, value: bytes) -> None:
    assert twins.value(raw, key) == value


@pytest.mark.parametrize(
    ("raw", "at"),
    [
        (
            b"Event: X\r\nPrivilege: call,all\r\nTimestamp: 1795479390.123456\r\nA: b",
            1795479390.123456,
        ),
        (b"Event: X\r\nPrivilege: call,all\r\nTimestamp: 1795479390\r\nA: b", 1795479390.0),
        (b"Event: X\r\nPrivilege: call,all\r\nTimestamp: 1795479390.5", 1795479390.5),
        (b"Event: X\r\nPrivilege: call,all", 7.5),
        (b"Event: X\r\nTimestamp: soon", 7.5),
        (b"Event: X\r\nTimestamp: -1795479390", 7.5),
        (b"Event: X\r\nTimestamp: 12", 7.5),
        (b"Event: X\r\nTimestamp: inf", 7.5),
        (b"Event: X\r\nAppData: " + b"x" * 160 + b"\r\nTimestamp: 1795479390.1", 7.5),
    ],
)
def test_the_time_is_asterisks_own_or_that_of_arrival(raw: bytes, at: float) -> None:
    assert twins.time_of(raw, 7.5) == at
