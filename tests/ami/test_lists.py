"""The lists that a machine gives: their beginnings, items and ends."""

import pytest

from callstate.ami.translate import Translator
from callstate.core import events as ev

RECEIVED = 1000000501.0

Header = tuple[str, str]

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


def block(
    uniqueid: str = "1000000000.1", *more: Header, prefix: str = "", **changed: str
) -> list[Header]:
    values = dict(BLOCK) | {"Uniqueid": uniqueid} | changed
    return [(prefix + key, value) for key, value in (*values.items(), *more)]


def item(name: str, *headers: Header) -> bytes:
    return raw(("Event", name), ("ActionID", "x/1"), *headers)


def raw(*headers: Header) -> bytes:
    return "\r\n".join(f"{key}: {value}" for key, value in headers).encode()


def translate(message: bytes, variables: frozenset[str] | None = None) -> ev.Event | None:
    return Translator(variables).translate(message, RECEIVED)


def shown() -> ev.ChannelSnapshot:
    """Return what the block shows."""
    told = translate(raw(("Event", "Newchannel"), *block()))
    assert isinstance(told, ev.Newchannel)
    return told.snapshot


OF_BRIDGE = ev.Bridge(
    bridge_uniqueid="b-1", bridge_type="basic", technology="simple_bridge", num_channels=1
)


def test_a_list_begins_with_its_response() -> None:
    answer = [("Response", "Success"), ("ActionID", "x/1"), ("EventList", "start")]
    assert translate(raw(*answer)) == ev.ListStart(RECEIVED, "x/1")
    assert translate(raw(*answer[:2], ("Message", "Pong"))) is None


@pytest.mark.parametrize("action", ["Status", "CoreShowChannels", "BridgeList"])
def test_a_machine_that_does_not_know_its_lists_is_starting(action: str) -> None:
    text = (
        f"Invalid/unknown command: {action}. Use Action: ListCommands to show available commands."
    )
    answer = raw(("Response", "Error"), ("ActionID", "x/1"), ("Message", text))
    assert translate(answer) == ev.ListRefused(RECEIVED)


@pytest.mark.parametrize(
    "text", ["No such channel", "Invalid/unknown command: BridgeInf", "Permission denied", ""]
)
def test_any_other_error_says_nothing_of_the_machine(text: str) -> None:
    assert translate(raw(("Response", "Error"), ("Message", text))) is None


@pytest.mark.parametrize("name", ["CoreShowChannels", "Status", "BridgeList"])
def test_a_list_ends_with_its_count(name: str) -> None:
    end = [("EventList", "Complete"), ("ListItems", "3")]
    complete = f"{name}Complete"
    assert translate(item(complete, *end)) == ev.ListComplete(RECEIVED, complete, "x/1", 3)
    assert translate(item(complete)) == ev.ListComplete(RECEIVED, complete, "x/1", -1)


def test_a_cached_channel_is_listed() -> None:
    more = [("Application", "Dial"), ("ApplicationData", "x"), ("Duration", "01:00:01")]
    told = translate(item("CoreShowChannel", *block(), *more, ("BridgeId", "b")))
    assert isinstance(told, ev.CoreShowChannel)
    assert (told.at, told.snapshot, told.action_id) == (RECEIVED, shown(), "x/1")
    assert (told.seconds, told.application) == (3601, "Dial")
    assert translate(item("CoreShowChannel", *block("none"))) is None


def test_a_live_channel_is_listed_with_raw_variables() -> None:
    variables = [("Variable", 'V="x\\n"'), ("Variable", "W=a=b"), ("Variable", "Z=(null)")]
    more = [("Application", "Echo"), ("Seconds", "9"), *variables]
    told = translate(raw(("Event", "Status"), *block(), *more, ("ActionID", "x/1")))
    assert isinstance(told, ev.Status)
    assert (told.at, told.snapshot, told.action_id) == (RECEIVED, shown(), "x/1")
    assert (told.seconds, told.application) == (9, "Echo")
    assert told.variables == (("V", '"x\\n"'), ("W", "a=b"), ("Z", ""))
    assert translate(item("Status", *block("none"))) is None


def test_of_a_live_channels_variables_only_those_that_matter_are_told() -> None:
    message = raw(("Event", "Status"), *block(), ("Variable", "V=1"), ("Variable", "W=2"))
    told = translate(message, frozenset({"W"}))
    assert isinstance(told, ev.Status)
    assert told.variables == (("W", "2"),)


def test_bridges_and_their_members_are_listed() -> None:
    told = translate(item("BridgeListItem", *BRIDGE))
    assert told == ev.BridgeListItem(RECEIVED, OF_BRIDGE, "x/1")
    told = translate(item("BridgeInfoChannel", *block()))
    assert told == ev.BridgeInfoChannel(RECEIVED, shown(), "x/1")
    told = translate(item("BridgeInfoComplete", ("ListItems", "1"), *BRIDGE))
    assert told == ev.BridgeInfoComplete(RECEIVED, OF_BRIDGE, "x/1", 1)
    assert translate(item("BridgeListItem")) is None
    assert translate(item("BridgeInfoChannel")) is None
    assert translate(item("BridgeInfoComplete")) is None
