"""Messages into events: each kind, what is refused, and whom an event may make."""

import pytest

from callstate.ami.decode import END
from callstate.ami.translate import Translator
from callstate.core import events as ev

AT = 1000000500.5
RECEIVED = 1000000501.0

BLOCK = (
    ("Channel", "PJSIP/a-00000001"),
    ("ChannelState", "6"),
    ("ChannelStateDesc", "Up"),
    ("CallerIDNum", "101"),
    ("CallerIDName", "Alice"),
    ("ConnectedLineNum", "<unknown>"),
    ("ConnectedLineName", "<unknown>"),
    ("Language", "en"),
    ("AccountCode", ""),
    ("Context", "cust"),
    ("Exten", "102"),
    ("Priority", "2"),
    ("Uniqueid", "1000000000.1"),
    ("Linkedid", "1000000000.1"),
)
BRIDGE = (
    ("BridgeUniqueid", "b-1"),
    ("BridgeType", "basic"),
    ("BridgeTechnology", "simple_bridge"),
    ("BridgeCreator", "<unknown>"),
    ("BridgeName", "<unknown>"),
    ("BridgeNumChannels", "1"),
    ("BridgeVideoSourceMode", "none"),
)
Header = tuple[str, str]


def block(
    uniqueid: str = "1000000000.1", *more: Header, prefix: str = "", **changed: str
) -> list[Header]:
    values = dict(BLOCK) | {"Uniqueid": uniqueid} | changed
    return [(prefix + key, value) for key, value in (*values.items(), *more)]


def whole(*messages: bytes) -> bytes:
    """Return a piece of a stream with these messages."""
    return b"".join(message + END for message in messages)


def event(name: str, *headers: Header, timed: bool = True) -> bytes:
    prologue = [("Event", name), ("Privilege", "call,all")]
    prologue += [("Timestamp", f"{AT:.6f}")] if timed else []
    return raw(*prologue, *headers)


def item(name: str, *headers: Header) -> bytes:
    return raw(("Event", name), ("ActionID", "x/1"), *headers)


def raw(*headers: Header) -> bytes:
    return "\r\n".join(f"{key}: {value}" for key, value in headers).encode()


def translate(message: bytes, variables: frozenset[str] | None = None) -> ev.Event | None:
    return Translator(variables).translate(message, RECEIVED)


def shown(uniqueid: str = "1000000000.1", **changed: str) -> ev.ChannelSnapshot:
    """Return what a block with these headers shows."""
    told = translate(event("Newchannel", *block(uniqueid, **changed)))
    assert isinstance(told, ev.Newchannel)
    return told.snapshot


# Events of one channel

OF_ONE_CHANNEL = {
    "Newchannel": ev.Newchannel(AT, shown()),
    "Newstate": ev.ChannelUpdate(AT, shown(), creates=True),
    "NewConnectedLine": ev.ChannelUpdate(AT, shown(), creates=True),
    "NewAccountCode": ev.ChannelUpdate(AT, shown(), creates=True),
    "SoftHangupRequest": ev.ChannelUpdate(AT, shown()),
    "HangupHandlerRun": ev.ChannelUpdate(AT, shown()),
    "MusicOnHoldStart": ev.ChannelUpdate(AT, shown()),
    "MusicOnHoldStop": ev.ChannelUpdate(AT, shown()),
    "DTMFEnd": ev.ChannelUpdate(AT, shown()),
    "MixMonitorMute": ev.ChannelUpdate(AT, shown()),
    "NewCallerid": ev.NewCallerid(AT, shown(), -1),
    "HangupRequest": ev.HangupRequest(AT, shown()),
    "Hold": ev.Hold(AT, shown()),
    "Unhold": ev.Unhold(AT, shown()),
    "MixMonitorStart": ev.MixMonitorStart(AT, shown()),
    "MixMonitorStop": ev.MixMonitorStop(AT, shown()),
    "Hangup": ev.Hangup(AT, "1000000000.1", "PJSIP/a-00000001", 0),
    "QueueCallerJoin": ev.QueueCallerJoin(AT, shown(), ""),
    "QueueCallerLeave": ev.QueueCallerLeave(AT, shown(), ""),
}
each_of_one = pytest.mark.parametrize("name", OF_ONE_CHANNEL)


@each_of_one
def test_an_event_of_one_channel_is_what_it_says(name: str) -> None:
    assert translate(event(name, *block())) == OF_ONE_CHANNEL[name]


@each_of_one
@pytest.mark.parametrize("uniqueid", ["none", ""])
def test_a_uniqueid_that_is_none_is_no_channel(name: str, uniqueid: str) -> None:
    assert translate(event(name, *block(uniqueid, Channel="none"))) is None


@each_of_one
def test_without_a_uniqueid_there_is_no_channel(name: str) -> None:
    headers = [(key, value) for key, value in block() if key != "Uniqueid"]
    assert translate(event(name, *headers)) is None


@each_of_one
def test_without_a_timestamp_the_time_of_arrival_counts(name: str) -> None:
    told = translate(event(name, *block(), timed=False))
    assert told is not None
    assert told.at == RECEIVED


def test_a_uniqueid_can_be_any_text() -> None:
    assert shown("click chan; 1: x").uniqueid == "click chan; 1: x"


def test_a_hangup_says_why() -> None:
    told = translate(event("Hangup", *block(), ("Cause", "16"), ("Cause-txt", "Normal Clearing")))
    assert told == ev.Hangup(AT, "1000000000.1", "PJSIP/a-00000001", 16)


@pytest.mark.parametrize(
    ("sent", "presentation"),
    [
        ("0 (Presentation Allowed, Not Screened)", 0),
        ("67 (Number Unavailable)", 67),
        ("32 (Presentation Prohibited, Not Screened)", 32),
        ("", -1),
        ("allowed", -1),
    ],
)
def test_presentation_is_the_number_in_front(sent: str, presentation: int) -> None:
    told = translate(event("NewCallerid", *block(), ("CID-CallingPres", sent)))
    assert told == ev.NewCallerid(AT, shown(), presentation)


def test_a_queue_is_named() -> None:
    told = translate(event("QueueCallerJoin", *block(), ("Queue", "support"), ("Position", "1")))
    assert told == ev.QueueCallerJoin(AT, shown(), "support")


@pytest.mark.parametrize(
    "name",
    [
        "AgentComplete",
        "ConfbridgeLeave",
        "Cdr",
        "BlindTransfer",
        "AttendedTransfer",
        "ChanSpyStop",
        "UnParkedCall",
        "OriginateResponse",
        "UserEvent",
        "DeviceStateChange",
        "RTCPSent",
        "TestEvent",
        "newchannel",
        "",
    ],
)
def test_what_comes_from_elsewhere_or_is_unknown_is_ignored(name: str) -> None:
    translator = Translator()
    assert translator.translate(event(name, *block()), RECEIVED) is None


# Two channels


def test_a_dial_has_two_ends() -> None:
    both = [*block(), *block("1000000000.2", prefix="Dest"), ("DialString", "b,30")]
    other = shown("1000000000.2")
    assert translate(event("DialBegin", *both)) == ev.DialBegin(AT, shown(), other, "b,30")
    status = ("DialStatus", "RINGING")
    assert translate(event("DialState", *both, status)) == ev.DialState(
        AT, shown(), other, "RINGING"
    )
    status = ("DialStatus", "BUSY")
    assert translate(event("DialEnd", *both, status)) == ev.DialEnd(AT, shown(), other, "BUSY")


@pytest.mark.parametrize("name", ["DialBegin", "DialState", "DialEnd"])
def test_an_originated_dial_has_no_caller(name: str) -> None:
    """And the search for one must not run on into what follows."""
    translator = Translator()
    translator.translate(event("Newchannel", *block()), RECEIVED)
    told = translator.translate(event(name, *block("1000000000.2", prefix="Dest")), RECEIVED)
    assert isinstance(told, ev.DialBegin | ev.DialState | ev.DialEnd)
    assert (told.caller, told.dest) == (None, shown("1000000000.2"))


@pytest.mark.parametrize("name", ["DialBegin", "DialState", "DialEnd"])
def test_a_dial_of_nobody_is_none(name: str) -> None:
    assert translate(event(name, *block())) is None


def test_variables_of_the_two_ends_are_kept_apart() -> None:
    both = [
        *block("1000000000.1", ("ChanVariable", "v=1")),
        *block("1000000000.2", ("ChanVariable", "v=2"), prefix="Dest"),
    ]
    told = translate(event("DialBegin", *both))
    assert isinstance(told, ev.DialBegin)
    assert told.caller is not None
    assert (told.caller.variables, told.dest.variables) == ((("v", "1"),), (("v", "2"),))


def test_a_local_bridge_pairs_its_halves() -> None:
    one, two = block("1000000000.1", prefix="LocalOne"), block("1000000000.2", prefix="LocalTwo")
    told = translate(event("LocalBridge", *one, *two, ("Context", "c"), ("Exten", "e")))
    assert told == ev.LocalBridge(AT, shown(), shown("1000000000.2"))
    assert translate(event("LocalBridge", *one)) is None
    assert translate(event("LocalBridge", *two)) is None


# Bridges

OF_BRIDGE = ev.Bridge(
    bridge_uniqueid="b-1", bridge_type="basic", technology="simple_bridge", num_channels=1
)


def test_bridges_come_and_go() -> None:
    assert translate(event("BridgeCreate", *BRIDGE)) == ev.BridgeCreate(AT, OF_BRIDGE)
    assert translate(event("BridgeDestroy", *BRIDGE)) == ev.BridgeDestroy(AT, OF_BRIDGE)


def test_channels_enter_and_leave() -> None:
    told = translate(event("BridgeEnter", *BRIDGE, *block()))
    assert told == ev.BridgeEnter(AT, OF_BRIDGE, shown(), "")
    told = translate(event("BridgeEnter", *BRIDGE, *block(), ("SwapUniqueid", "1000000000.3")))
    assert told == ev.BridgeEnter(AT, OF_BRIDGE, shown(), "1000000000.3")
    told = translate(event("BridgeLeave", *BRIDGE, *block()))
    assert told == ev.BridgeLeave(AT, OF_BRIDGE, shown())


@pytest.mark.parametrize("name", ["BridgeCreate", "BridgeDestroy", "BridgeEnter", "BridgeLeave"])
def test_a_bridge_event_without_a_bridge_is_none(name: str) -> None:
    assert translate(event(name, *block())) is None


@pytest.mark.parametrize("name", ["BridgeEnter", "BridgeLeave"])
def test_nobody_enters_or_leaves_without_a_channel(name: str) -> None:
    assert translate(event(name, *BRIDGE)) is None


# The machine


def test_a_rename_has_both_names() -> None:
    told = [("Channel", "PJSIP/a"), ("Newname", "PJSIP/b"), ("Uniqueid", "1.1")]
    assert translate(event("Rename", *told)) == ev.Rename(AT, "1.1", "PJSIP/a", "PJSIP/b")
    assert translate(event("Rename", *told[:2])) is None
    assert translate(event("Rename", *told[::2])) is None


@pytest.mark.parametrize(("headers", "uptime"), [([("Uptime", "77")], 77), ([], -1)])
def test_a_boot_says_for_how_long(headers: list[Header], uptime: int) -> None:
    assert translate(event("FullyBooted", *headers)) == ev.FullyBooted(AT, uptime)


def test_a_shutdown_is_told() -> None:
    assert translate(event("Shutdown", ("Shutdown", "Cleanly"))) == ev.Shutdown(AT)


def test_a_pickup_is_a_masquerade() -> None:
    assert translate(event("Pickup", *block(), *block(prefix="Target"))) == ev.Masquerade(AT)


@pytest.mark.parametrize("to", ["App", "Bridge", "Link", "Threeway", "Fail"])
def test_an_attended_transfer_is_a_masquerade_if_one_call_had_no_bridge(to: str) -> None:
    told = translate(event("AttendedTransfer", ("Result", "Success"), ("DestType", to)))
    assert told == (ev.Masquerade(AT) if to == "App" else None)


# What was lost on the way

FIRST = event("Newstate", *block())
SECOND = event("Hangup", *block("1000000000.2"))


@pytest.mark.parametrize("cut", range(len("Event: Newstate\r\nP"), len(FIRST)))
def test_a_message_that_runs_into_the_next_event_is_refused(cut: int) -> None:
    translator = Translator()
    told = translator.translate(FIRST[:cut] + SECOND, RECEIVED)
    assert isinstance(told, ev.Malformed)
    assert translator.malformed == 1


@pytest.mark.parametrize("cut", range(1, len("Event: Newstate\r\nP")))
def test_one_torn_in_its_first_line_tells_nothing(cut: int) -> None:
    told = translate(FIRST[:cut] + SECOND)
    assert told is None or isinstance(told, ev.Malformed)


@pytest.mark.parametrize(
    "more", ["Event: Hangup", "Response: Success", "Privilege: call,all"], ids=str
)
def test_a_line_that_begins_a_message_is_no_header(more: str) -> None:
    assert isinstance(translate(FIRST + b"\r\n" + more.encode()), ev.Malformed)
    answer = b"Response: Success\r\nActionID: 1\r\nEventList: start\r\n" + more.encode()
    assert isinstance(translate(answer), ev.Malformed)


def test_what_is_of_no_use_may_hold_anything() -> None:
    """OriginateResponse has a header called Response."""
    told = [*block(), ("Response", "Failure")]
    assert translate(event("OriginateResponse", *told)) is None


@pytest.mark.parametrize(
    "message", [b"", b"\r\n", b"Event:", b"Event: ", b"Event: Newchannel", b"\xff\x00", b":", b"x"]
)
def test_scraps_are_ignored(message: bytes) -> None:
    translator = Translator()
    assert translator.translate(message, RECEIVED) is None


# What is remembered


def test_what_shows_nothing_new_is_not_told_again() -> None:
    translator = Translator()
    assert translator.translate(FIRST, RECEIVED) is not None
    assert translator.translate(event("MusicOnHoldStart", *block()), RECEIVED) is None
    changed = event("Newstate", *block(ChannelState="5"))
    assert translator.translate(changed, RECEIVED) is not None
    assert translator.translate(FIRST, RECEIVED) is not None


def test_what_happens_is_told_again_with_the_same_snapshot() -> None:
    translator = Translator()
    first = translator.translate(event("Hold", *block()), RECEIVED)
    second = translator.translate(event("Hold", *block()), RECEIVED)
    assert isinstance(first, ev.Hold)
    assert isinstance(second, ev.Hold)
    assert first.snapshot is second.snapshot


@pytest.mark.parametrize("name", ["Hangup", "FullyBooted", "Shutdown"])
def test_what_ends_a_channel_makes_its_block_news_again(name: str) -> None:
    translator = Translator()
    translator.translate(FIRST, RECEIVED)
    translator.translate(event(name, *block()), RECEIVED)
    assert translator.translate(FIRST, RECEIVED) is not None


def test_of_who_is_gone_nothing_is_remembered() -> None:
    """NewCallerid can come after the Hangup; for a lost Hangup the next list will do."""
    translator = Translator()
    for message in (
        FIRST,
        event("Hangup", *block()),
        event("NewCallerid", *block()),
        event("BridgeLeave", *BRIDGE, *block()),
        event("MusicOnHoldStop", *block()),
    ):
        translator.translate(message, RECEIVED)
    assert len(translator.blocks) == 0
    translator.translate(FIRST, RECEIVED)
    translator.translate(item("CoreShowChannel", *block("1000000000.2")), RECEIVED)
    translator.translate(item("CoreShowChannelsComplete", ("ListItems", "1")), RECEIVED)
    assert len(translator.blocks) == 1


@pytest.mark.parametrize("first", ["DialBegin", "DialState", "DialEnd", "BridgeInfoChannel"])
def test_what_was_shown_but_not_taken_over_is_still_news(first: str) -> None:
    """The mirror need not take these blocks over, so the channel's own event must come."""
    translator = Translator()
    translator.translate(event("Newstate", *block(ChannelState="5")), RECEIVED)
    newer = block(ChannelState="6")
    shows = event(first, *newer, *block("1000000000.2", prefix="Dest"))
    assert translator.translate(shows, RECEIVED) is not None

    told = translator.translate(event("Newstate", *newer), RECEIVED)

    assert isinstance(told, ev.ChannelUpdate)
    assert told.snapshot.channel_state == 6


@pytest.mark.parametrize("prefix", ["Dest", "LocalOne"])
def test_a_block_that_came_back_after_another_is_news_again(prefix: str) -> None:
    translator = Translator()
    own = event("Newstate", *block(Priority="2"))
    translator.translate(own, RECEIVED)
    other = block("1000000000.2", prefix="LocalTwo")
    name = "DialBegin" if prefix == "Dest" else "LocalBridge"
    translator.translate(event(name, *block(prefix=prefix, Priority="3"), *other), RECEIVED)

    assert isinstance(translator.translate(own, RECEIVED), ev.ChannelUpdate)
