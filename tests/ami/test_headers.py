"""Headers into values: what is escaped, what is absent, what is no number."""

import pytest

from callstate.ami import headers
from callstate.ami.blocks import Blocks
from callstate.core.events import Bridge

BLOCK = {
    "Channel": "PJSIP/a-00000001",
    "ChannelState": "6",
    "ChannelStateDesc": "Up",
    "CallerIDNum": "101",
    "CallerIDName": "Alice",
    "ConnectedLineNum": "102",
    "ConnectedLineName": "Bob",
    "Language": "en",
    "AccountCode": "17",
    "Context": "cust",
    "Exten": "102",
    "Priority": "2",
    "Uniqueid": "1000000000.1",
    "Linkedid": "1000000000.0",
}
# Asterisk's own list (main/utils.c, escape_sequences) and what stands for each.
ESCAPES = [
    ("\\a", "\a"),
    ("\\b", "\b"),
    ("\\f", "\f"),
    ("\\n", "\n"),
    ("\\r", "\r"),
    ("\\t", "\t"),
    ("\\v", "\v"),
    ("\\\\", "\\"),
    ("\\'", "'"),
    ('\\"', '"'),
    ("\\?", "?"),
]


def block(*more: tuple[str, str], prefix: str = "", **changed: str) -> bytes:
    lines = [*(BLOCK | changed).items(), *more]
    return "\r\n".join(f"{prefix}{key}: {value}" for key, value in lines).encode()


def test_a_block_is_read_field_by_field() -> None:
    shown = headers.snapshot(block())
    assert (shown.uniqueid, shown.linkedid) == ("1000000000.1", "1000000000.0")
    assert (shown.channel, shown.channel_state) == ("PJSIP/a-00000001", 6)
    assert (shown.caller_number, shown.caller_name) == ("101", "Alice")
    assert (shown.connected_number, shown.connected_name) == ("102", "Bob")
    assert (shown.account_code, shown.context) == ("17", "cust")
    assert (shown.exten, shown.priority, shown.variables) == ("102", 2, ())


@pytest.mark.parametrize("prefix", ["", "Dest", "LocalOne", "LocalTwo"])
def test_a_prefix_changes_nothing_of_the_values(prefix: str) -> None:
    data = block(("ChanVariable", "a=b"), prefix=prefix)
    peeked = Blocks().peek(b"Event: X\r\n" + data, prefix.encode())
    assert peeked == headers.snapshot(block(("ChanVariable", "a=b")))


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("CallerIDNum", "caller_number"),
        ("CallerIDName", "caller_name"),
        ("ConnectedLineNum", "connected_number"),
        ("ConnectedLineName", "connected_name"),
    ],
)
def test_unknown_is_empty(header: str, field: str) -> None:
    assert getattr(headers.snapshot(block(**{header: "<unknown>"})), field) == ""


@pytest.mark.parametrize(("escaped", "plain"), ESCAPES)
def test_names_and_variables_are_unescaped(escaped: str, plain: str) -> None:
    data = block(
        ("ChanVariable", f"v=x{escaped}y"), CallerIDName=escaped, ConnectedLineName=escaped
    )
    shown = headers.snapshot(data)
    assert (shown.caller_name, shown.connected_name) == (plain, plain)
    assert shown.variables == (("v", f"x{plain}y"),)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Channel", "channel"),
        ("CallerIDNum", "caller_number"),
        ("ConnectedLineNum", "connected_number"),
        ("AccountCode", "account_code"),
        ("Context", "context"),
        ("Exten", "exten"),
        ("Uniqueid", "uniqueid"),
        ("Linkedid", "linkedid"),
    ],
)
def test_nothing_else_is_unescaped(header: str, field: str) -> None:
    assert getattr(headers.snapshot(block(**{header: "a\\nb\\\\c"})), field) == "a\\nb\\\\c"


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a\\\\nb", "a\\nb"),
        ("\\\\\\n", "\\\n"),
        ("ends with \\", "ends with \\"),
        ("\\x", "x"),
        ("\\\\\\\\", "\\\\"),
    ],
)
def test_each_backslash_is_undone_once(escaped: str, plain: str) -> None:
    assert headers.unescape(escaped) == plain


@pytest.mark.parametrize(
    ("sent", "name", "value"),
    [
        ("v=", "v", ""),
        ("v", "v", ""),
        ("v=a=b=c", "v", "a=b=c"),
        ("v=sip:a@b: c", "v", "sip:a@b: c"),
        ('v=\\"quoted\\"', "v", '"quoted"'),
        ("CALLERID(pres)=allowed", "CALLERID(pres)", "allowed"),
        ("v=<unknown>", "v", "<unknown>"),
    ],
)
def test_a_variable_ends_its_name_at_the_first_equals_sign(
    sent: str, name: str, value: str
) -> None:
    shown = headers.snapshot(block(("ChanVariable", sent)))
    assert shown.variables == ((name, value),)


def test_variables_keep_their_order_and_number() -> None:
    more = [("ChanVariable", "b=2"), ("ChanVariable", "a=1"), ("ChanVariable", "b=3")]
    assert headers.snapshot(block(*more)).variables == (("b", "2"), ("a", "1"), ("b", "3"))


def test_text_that_is_not_utf_8_survives() -> None:
    data = block().replace(b"Alice", b"Andr\xe9").replace(b": 101", b": 1\xff1")
    shown = headers.snapshot(data)
    assert shown.caller_name.encode("utf-8", "surrogateescape") == b"Andr\xe9"
    assert shown.caller_number.encode("utf-8", "surrogateescape") == b"1\xff1"


def test_text_in_utf_8_is_read_as_such() -> None:
    assert headers.snapshot(block(CallerIDName="Zoë “Ops” Ünal")).caller_name == "Zoë “Ops” Ünal"


def test_a_bare_line_feed_is_part_of_the_value() -> None:
    assert headers.snapshot(block(Exten="a\nUniqueid: evil")).exten == "a\nUniqueid: evil"
    assert headers.snapshot(block(Exten="a\nUniqueid: evil")).uniqueid == "1000000000.1"


def test_of_a_repeated_field_the_first_counts() -> None:
    assert headers.snapshot(block(("Uniqueid", "evil"))).uniqueid == "1000000000.1"


def test_without_linkedid_a_channel_is_its_own() -> None:
    data = block().replace(b"\r\nLinkedid: 1000000000.0", b"")
    assert headers.snapshot(data).linkedid == "1000000000.1"


def test_the_account_code_has_two_spellings() -> None:
    data = block().replace(b"AccountCode", b"Accountcode")
    assert headers.snapshot(data).account_code == "17"


@pytest.mark.parametrize(
    ("sent", "state"), [("6", 6), ("65542", 6), ("", 0), ("Up", 0), ("-1", 0), ("9" * 30, 0)]
)
def test_a_state_is_a_number_without_its_mute_bit(sent: str, state: int) -> None:
    assert headers.snapshot(block(ChannelState=sent)).channel_state == state


def test_an_empty_block_is_a_channel_without_anything() -> None:
    shown = headers.snapshot(b"")
    assert (shown.uniqueid, shown.channel, shown.priority) == ("", "", 0)


def test_a_bridge_is_read_from_its_headers() -> None:
    raw = (
        b"Event: BridgeCreate\r\nPrivilege: call,all\r\nBridgeUniqueid: b-1\r\n"
        b"BridgeType: basic\r\n"
        b"BridgeTechnology: simple_bridge\r\nBridgeCreator: <unknown>\r\nBridgeName: conf\r\n"
        b"BridgeNumChannels: 3\r\nBridgeVideoSourceMode: none"
    )
    assert headers.bridge(raw) == Bridge(
        bridge_uniqueid="b-1",
        bridge_type="basic",
        technology="simple_bridge",
        num_channels=3,
        name="conf",
    )
    unnamed = headers.bridge(raw.replace(b": conf", b": <unknown>"))
    assert unnamed is not None
    assert unnamed.name == ""


@pytest.mark.parametrize(
    "raw", [b"", b"Event: X", b"Event: X\r\nBridgeUniqueid: \r\nBridgeType: b"]
)
def test_without_a_bridge_uniqueid_there_is_no_bridge(raw: bytes) -> None:
    assert headers.bridge(raw) is None


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        (b"0", 0),
        (b"17", 17),
        (b"007", 7),
        (b"", -1),
        (b"-3", -1),
        (b"+3", -1),
        (b"1.5", -1),
        (b" 1", -1),
        (b"9" * 18, int("9" * 18)),
        (b"9" * 19, -1),
        ("\u0663".encode(), -1),
    ],
)
def test_a_number_is_digits_and_not_too_many(sent: bytes, number: int) -> None:
    assert headers.number(sent, -1) == number


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [(b"00:00:07", 7), (b"01:02:03", 3723), (b"100:00:00", 360000), (b"", 0), (b"?:1:1", 61)],
)
def test_a_duration_is_in_seconds(sent: bytes, seconds: int) -> None:
    assert headers.duration(sent) == seconds
