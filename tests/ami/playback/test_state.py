"""The state of the pretended Asterisk: equal to what the real one answered."""

import pytest

from callstate.ami.capture import Checkpoint, load_capture
from callstate.ami.decode import Decoder, Message
from callstate.ami.playback.state import Headers, PlayedState, unescape
from tests.captures import Capture, all_captures

# The recorder did not see everything, or came late.
PARTIAL = {"event-mask", "join-midcall", "join-under-light-load"}
WHOLE = [one for one in all_captures() if not one.is_load and one.path.name not in PARTIAL]


def block(uniqueid: str, *, prefix: str = "", **more: str) -> Headers:
    headers = {
        "Channel": f"PJSIP/x-{uniqueid}",
        "ChannelState": "6",
        "Uniqueid": uniqueid,
        "Linkedid": uniqueid,
        **more,
    }
    return [(prefix + key, value) for key, value in headers.items()]


def event(name: str, *headers: tuple[str, str]) -> Headers:
    return [("Event", name), *headers]


def bridge(name: str, *headers: tuple[str, str], kind: str = "basic") -> Headers:
    return event(name, ("BridgeUniqueid", "b1"), ("BridgeType", kind), *headers)


def after(*events: Headers) -> PlayedState:
    state = PlayedState()
    for headers in events:
        state.apply(headers, 5.0)
    return state


def _differences(state: PlayedState, truth: Checkpoint) -> list[object]:
    channels = {str(item["Uniqueid"]): item for item in truth.channels}
    found: list[object] = [*sorted(set(channels) ^ set(state.channels))]
    for uniqueid in set(channels) & set(state.channels):
        played, item = state.channels[uniqueid], channels[uniqueid]
        for key, value in played.block.items():
            if item.get(key) != value:
                found.append((uniqueid, key, value, item.get(key)))
        variables = [f"{name}={value}" for name, value in played.chan_variables]
        if variables != item.get("ChanVariable", []):
            found.append((uniqueid, variables, item.get("ChanVariable")))
    members = {
        str(one.bridge["BridgeUniqueid"]): {str(member["Uniqueid"]) for member in one.members}
        for one in truth.bridges
    }
    played_members = {name: set(one.members) for name, one in state.bridges.items()}
    return found if members == played_members else [*found, members, played_members]


@pytest.mark.parametrize("whole", WHOLE, ids=[whole.name for whole in WHOLE])
def test_it_equals_the_truth_at_every_checkpoint(whole: Capture) -> None:
    loaded = load_capture(whole.path)
    checkpoints = [one for one in loaded.checkpoints if one.conn == 1 and one.quiet]
    state, decoder, done = PlayedState(), Decoder(), 0
    for truth in sorted(checkpoints, key=lambda one: one.offset or 0):
        for raw in decoder.feed(loaded.connections[0].data[done : truth.offset]):
            state.apply(Message(raw).headers(), 0.0)
        done = truth.offset or 0
        assert _differences(state, truth) == [], truth.label


def test_a_channel_is_its_last_block() -> None:
    state = after(
        event("Newchannel", *block("1.1", Exten="s")),
        event("DialBegin", *block("1.2"), *block("1.1", prefix="Dest", Exten="100")),
    )
    assert state.channels["1.1"].block["Exten"] == "100"
    assert state.channels["1.1"].application == "AppDial"
    assert state.channels["1.1"].created == 5.0
    assert state.by_name("PJSIP/x-1.2") is state.channels["1.2"]
    assert state.by_name("PJSIP/x-1.3") is None


@pytest.mark.parametrize("late", ["NewCallerid", "VarSet", "ConfbridgeLeave", "DialEnd"])
def test_nothing_comes_back_after_its_hangup(late: str) -> None:
    state = after(
        event("Newchannel", *block("1.1")),
        event("Hangup", *block("1.1")),
        event("Hangup", *block("1.1")),
        event(late, *block("1.1")),
    )
    assert state.channels == {}
    assert state.ended == 1


def test_an_assigned_uniqueid_can_be_used_again() -> None:
    state = after(
        event("Newchannel", *block("click-1")),
        event("Hangup", *block("click-1")),
        event("Newchannel", *block("click-1")),
    )
    assert list(state.channels) == ["click-1"]


def test_a_bridge_shares_the_linkedid_with_all_but_the_one_swapped_out() -> None:
    state = after(
        *(event("Newchannel", *block(name)) for name in ("1.1", "1.2", "1.3")),
        bridge("BridgeCreate"),
        bridge("BridgeEnter", *block("1.1")),
        bridge("BridgeEnter", *block("1.2", Linkedid="1.1")),
        bridge("BridgeEnter", *block("1.3", Linkedid="0.9"), ("SwapUniqueid", "1.2")),
    )
    linked = {name: one.block["Linkedid"] for name, one in state.channels.items()}
    assert linked == {"1.1": "0.9", "1.2": "1.1", "1.3": "0.9"}


def test_a_conference_does_not_share_the_linkedid() -> None:
    state = after(
        *(event("Newchannel", *block(name)) for name in ("1.1", "1.2")),
        bridge("BridgeEnter", *block("1.2"), kind="base"),
        bridge("BridgeEnter", *block("1.1"), kind="base"),
    )
    assert state.channels["1.2"].block["Linkedid"] == "1.2"


def test_who_enters_another_bridge_left_the_one_before() -> None:
    state = after(
        event("Newchannel", *block("1.1")),
        bridge("BridgeEnter", *block("1.1")),
        event("BridgeEnter", ("BridgeUniqueid", "b2"), ("BridgeType", "basic"), *block("1.1")),
        bridge("BridgeLeave", *block("1.1")),
    )
    assert state.channels["1.1"].bridge == "b2"
    assert {name: one.members for name, one in state.bridges.items()} == {"b1": [], "b2": ["1.1"]}


def test_a_bridge_that_is_gone_has_nobody_in_it() -> None:
    state = after(
        event("Newchannel", *block("1.1")),
        bridge("BridgeEnter", *block("1.1")),
        bridge("BridgeDestroy"),
        bridge("BridgeDestroy"),
    )
    assert state.channels["1.1"].bridge == ""
    assert state.bridges == {}


def test_a_variable_is_what_was_set_last() -> None:
    before = block("1.1", ChanVariable="cs_x=")
    state = after(
        event("Newchannel", *before),
        event(
            "VarSet", *block("1.1", ChanVariable="cs_x="), ("Variable", "__cs_x"), ("Value", "7")
        ),
        event(
            "VarSet", *block("1.1", ChanVariable="cs_x=7"), ("Variable", "y"), ("Value", r"a\"b")
        ),
        event("VarSet", ("Channel", "none"), ("Uniqueid", "none"), ("Variable", "z")),
    )
    channel = state.channels["1.1"]
    assert channel.variables == {"cs_x": "7", "y": 'a"b'}
    assert channel.chan_variables == [("cs_x", "7")]


def test_a_restart_forgets_everything() -> None:
    state = after(event("Newchannel", *block("1.1")), bridge("BridgeEnter", *block("1.1")))
    state.clear()
    assert (state.channels, state.bridges) == ({}, {})


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        ("plain", "plain"),
        (r"O\'Hara \"Dee\"", 'O\'Hara "Dee"'),
        (r"a\\nb", r"a\nb"),
        (r"a\nb\tc", "a\nb\tc"),
        ("\\\\\\\\", "\\\\"),
        ("end\\", "end\\"),
    ],
)
def test_escapes_are_undone(escaped: str, plain: str) -> None:
    assert unescape(escaped) == plain
