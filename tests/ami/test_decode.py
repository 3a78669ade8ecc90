"""The decoder: any stream, in any pieces, gives the same messages, in bounded memory and time."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callstate.ami.decode import MESSAGE_LIMIT, Decoder, Message
from tests.captures import Capture

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
END = b"\r\n\r\n"

# Everything that framing could trip over, and little else.
streams = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", END, b"A: b", b": ", b"Event: X", b"\xc3", BANNER]),
    max_size=30,
).map(b"".join)
cuts = st.lists(st.integers(min_value=0, max_value=150), max_size=12)


def in_pieces(data: bytes, size: int, *, decoder: Decoder | None = None) -> list[bytes]:
    decoder = decoder or Decoder()
    return [
        message
        for start in range(0, len(data), size)
        for message in decoder.feed(data[start : start + size])
    ]


@given(streams, cuts, st.sampled_from([3, 8, 20, MESSAGE_LIMIT]))
def test_the_pieces_of_a_stream_do_not_matter(stream: bytes, at: list[int], limit: int) -> None:
    whole, cut = Decoder(limit), Decoder(limit)
    messages = whole.feed(stream)
    places = [0, *sorted(min(one, len(stream)) for one in at), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert [message for piece in pieces for message in cut.feed(piece)] == messages
    assert (cut.version, cut.greeted) == (whole.version, whole.greeted)
    # One that has no end yet is known to be too long in both, or in neither.
    assert cut.oversized == whole.oversized


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1448, 65536])
def test_a_real_stream_gives_the_same_messages_in_any_pieces(
    load_capture: Callable[[str], Capture], size: int
) -> None:
    data = load_capture("asterisk-22/busy").log()
    decoder = Decoder()
    messages = in_pieces(data, size, decoder=decoder)
    assert messages == Decoder().feed(data)
    assert decoder.version == "11.0.0"
    assert decoder.oversized == 0
    assert len(messages) > 100


def test_nothing_of_a_real_stream_is_lost(capture: Capture) -> None:
    data = capture.log()
    messages = Decoder().feed(data)
    assert all(message.startswith((b"Event: ", b"Response: ")) for message in messages)
    kept = sum(len(message) + len(END) for message in messages)
    extra_blank_lines = data.count(b"\r\n\r\n\r\n")
    assert kept == len(data) - data.find(b"\r\n") - 2 - 2 * extra_blank_lines


def test_the_banner_gives_the_version_and_is_no_message() -> None:
    decoder = Decoder()
    greeted = [decoder.greeted]
    for piece in (BANNER[:10], BANNER[10:]):
        assert decoder.feed(piece) == []
        greeted.append(decoder.greeted)
    assert greeted == [False, False, True]
    assert decoder.version == "11.0.0"
    assert decoder.feed(b"Event: A" + END) == [b"Event: A"]


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"Asterisk Call Moderator/1\r\n",
        b"Asterisk Call Manager/" + b"9" * 300 + b"\r\n",
        b"Asterisk Call Manager/" + b"9" * 300,
        b"\r\n",
    ],
)
def test_something_else_than_a_banner_is_known_at_once(data: bytes) -> None:
    decoder = Decoder()
    in_pieces(data, 1, decoder=decoder)
    assert decoder.greeted
    assert not decoder.version


def test_a_stream_without_a_banner_is_decoded_from_its_first_byte() -> None:
    assert Decoder().feed(b"Event: A" + END) == [b"Event: A"]


def test_empty_messages_are_skipped() -> None:
    assert Decoder().feed(BANNER + b"Event: A" + END + b"\r\n" + b"Event: B" + END + END) == [
        b"Event: A",
        b"Event: B",
    ]


def test_a_bare_line_feed_is_part_of_a_value() -> None:
    message = Message(b"Event: VarSet\r\nValue: one\ntwo\n\nthree\r\nVariable: x")
    assert message.get("Value") == "one\ntwo\n\nthree"
    assert message.get("Variable") == "x"


@pytest.mark.parametrize(
    ("line", "header"),
    [
        (b"Key: value", ("Key", "value")),
        (b"Key: a: b", ("Key", "a: b")),
        (b"Key: ", ("Key", "")),
        (b"Key:", ("Key", "")),
        (b"Key:value", ("Key", "value")),
        (b"Key:  two spaces ", ("Key", " two spaces ")),
        (
            b"ChanVariable(IAX2/10.0.0.1:4569-77): X=1",
            ("ChanVariable(IAX2/10.0.0.1:4569-77)", "X=1"),
        ),
        (b"no colon", ("", "no colon")),
        (b": value", ("", "value")),
    ],
)
def test_key_and_value_part_at_the_first_colon_and_space(
    line: bytes, header: tuple[str, str]
) -> None:
    assert Message(line).headers() == [header]


def test_repeated_headers_are_all_kept_in_order() -> None:
    raw = b"Event: Status\r\nVariable: a=1\r\nVariable: b=2\r\nVariable: a=3"
    values = [value for key, value in Message(raw).headers() if key == "Variable"]
    assert values == ["a=1", "b=2", "a=3"]


def test_an_empty_last_header_is_kept() -> None:
    [raw] = Decoder().feed(b"Event: VarSet\r\nVariable: x\r\nValue: " + END)
    assert Message(raw).headers()[-1] == ("Value", "")


def test_a_character_split_between_two_pieces_survives() -> None:
    data = "Event: A\r\nCallerIDName: Zoë 会议室\r\n\r\n".encode()
    for cut in range(len(data)):
        decoder = Decoder()
        [raw] = decoder.feed(data[:cut]) + decoder.feed(data[cut:])
        assert Message(raw).get("CallerIDName") == "Zoë 会议室"


def test_bytes_that_are_not_utf8_survive() -> None:
    name = b"caf\xe9 \xff\xfe"
    value = Message(b"CallerIDName: " + name).get("CallerIDName")
    assert value.encode("utf-8", "surrogateescape") == name


def test_headers_are_found_in_any_case() -> None:
    message = Message(b"event: Hangup\r\nUNIQUEID: 1.2")
    assert message.name == "Hangup"
    assert message.get("Uniqueid") == "1.2"
    assert message.get("Channel", "none") == "none"


def test_a_message_knows_what_it_is() -> None:
    event, response = Message(b"Event: Hangup\r\nX: y"), Message(b"Response: Error")
    assert (event.is_response, event.name) == (False, "Hangup")
    assert (response.is_response, response.name) == (True, "Error")
    assert repr(event) == "Message('Hangup', 19 bytes)"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_a_message_that_is_too_long_is_dropped_alone(size: int) -> None:
    decoder = Decoder(limit=20)
    data = b"Event: A" + END + b"Event: " + b"x" * 80 + END + b"Event: B" + END
    assert in_pieces(data, size, decoder=decoder) == [b"Event: A", b"Event: B"]
    assert decoder.oversized == 1


@pytest.mark.parametrize("size", [1, 7, 20, 24])
def test_a_message_of_exactly_the_limit_is_kept(size: int) -> None:
    decoder = Decoder(limit=20)
    assert in_pieces(b"x" * 20 + END, size, decoder=decoder) == [b"x" * 20]
    assert decoder.oversized == 0


def test_a_message_without_end_takes_bounded_memory() -> None:
    decoder = Decoder(limit=1000)
    for _ in range(100):
        assert decoder.feed(b"x" * 500) == []
        assert sum(map(len, decoder._rest)) <= 1000 + 3
    assert decoder.oversized == 1
    assert decoder.feed(END + b"Event: A" + END) == [b"Event: A"]


def test_a_message_that_comes_byte_by_byte_is_not_joined_for_every_byte() -> None:
    decoder = Decoder()
    decoder.feed(b"Event: A\r\nX: ")
    before = decoder._rest[0]
    for _ in range(50):
        decoder.feed(b"x")
    assert decoder._rest[0] is before
    assert decoder.feed(END) == [b"Event: A\r\nX: " + b"x" * 50]
