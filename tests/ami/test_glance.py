"""VarSet and Newexten: what is passed over, what is told at a glance, what is read in full."""

import pytest

from callstate.ami.glance import VARSET
from callstate.ami.intake import Intake
from callstate.core import events as ev
from tests.ami.test_translate import RECEIVED, Header, block, event, whole

VARIABLES = frozenset({"V", "BRIDGEPEER", "BRIDGEPVTCALLID"})
SHOWN = (("ChanVariable", "V=old"), ("ChanVariable", "W=1"))


def varset(name: str, value: str, *headers: Header, timed: bool = True, **changed: str) -> bytes:
    shown = headers or SHOWN
    raw = event(
        "VarSet", *block(**changed), *shown, ("Variable", name), ("Value", value), timed=timed
    )
    return raw.replace(b"call,all", b"dialplan,all")


def newexten(application: str, data: str = "", *, timed: bool = True, **changed: str) -> bytes:
    more = (("Extension", "102"), ("Application", application), ("AppData", data))
    raw = event("Newexten", *block(**changed), *SHOWN, *more, timed=timed)
    return raw.replace(b"call,all", b"dialplan,all")


def told(*messages: bytes, variables: frozenset[str] | None = VARIABLES) -> list[ev.Event]:
    """Return what is told of messages that follow a channel's first, in one piece."""
    intake = Intake(variables)
    intake.events(whole(event("Newchannel", *block(), *SHOWN)), RECEIVED)
    return intake.events(whole(*messages), RECEIVED)


@pytest.mark.parametrize("timed", [True, False])
def test_steps_of_a_dialplan_are_told_once(timed: bool) -> None:
    steps = [newexten("NoOp", Priority=str(number), timed=timed) for number in range(3, 9)]
    steps += [varset("x", str(number), Priority="9", timed=timed) for number in range(5)]
    (update,) = told(*steps)
    assert isinstance(update, ev.ChannelUpdate)
    assert (update.snapshot.priority, update.creates, update.application) == (9, True, None)


def test_a_variable_that_the_block_shows_is_told_with_it() -> None:
    changed = (("ChanVariable", "V=new"), ("ChanVariable", "W=1"))
    (update,) = told(varset("V", "new", *changed), varset("x", "1", *changed))
    assert isinstance(update, ev.ChannelUpdate)
    assert update.snapshot.variables == (("V", "new"), ("W", "1"))


def test_a_variable_newer_than_the_block_is_told_by_itself() -> None:
    first, last = told(varset("V", "new"), varset("x", "1", Priority="3"))
    assert isinstance(first, ev.VarSet)
    assert (first.variable, first.value) == ("V", "new")
    assert isinstance(last, ev.ChannelUpdate)


@pytest.mark.parametrize("marks", ["", "_", "__"])
def test_how_a_variable_is_inherited_is_no_part_of_its_name(marks: str) -> None:
    (only,) = told(varset(f"{marks}V", "a\\nb"))
    assert isinstance(only, ev.VarSet)
    assert (only.variable, only.value) == ("V", "a\nb")


def test_a_value_that_was_told_is_not_told_again() -> None:
    peer, call_id = varset("BRIDGEPEER", "PJSIP/b-1"), varset("BRIDGEPVTCALLID", "x@y")
    assert len(told(peer, call_id, peer, call_id)) == 2


def test_of_another_peer_the_same_call_id_is_told_again() -> None:
    call_id = varset("BRIDGEPVTCALLID", "x@y")
    names = [varset("BRIDGEPEER", name) for name in ("PJSIP/b-1", "PJSIP/b-2")]
    assert len(told(names[0], call_id, names[1], call_id)) == 4


def test_a_value_is_told_again_after_the_block_showed_another() -> None:
    changed = (("ChanVariable", "V=other"), ("ChanVariable", "W=1"))
    stale = varset("V", "new", *changed)
    found = told(varset("V", "new"), varset("V", "other", *changed), stale)
    assert [each.value for each in found if isinstance(each, ev.VarSet)] == ["new", "new"]


def test_a_value_newer_than_a_block_that_is_told_later_stays() -> None:
    """What is told last of a variable is what it is."""
    seen = (("ChanVariable", "V=seen"), ("ChanVariable", "W=1"))
    found = told(varset("V", "seen", *seen), varset("V", "new", *seen))
    assert isinstance(found[-1], ev.VarSet)
    assert (found[-1].value, found[-1].snapshot.variables[0]) == ("new", ("V", "seen"))


def test_a_block_that_turns_back_undoes_what_was_told() -> None:
    seen = (("ChanVariable", "V=seen"), ("ChanVariable", "W=1"))
    found = told(varset("V", "new"), varset("V", "seen", *seen), varset("V", "old"))
    last = [each for each in found if isinstance(each, ev.VarSet)][-1]
    assert last.value == "old"


def test_a_line_break_in_a_value_does_not_hide_another() -> None:
    found = told(varset("V", "a\nBRIDGEPEER=b"), varset("BRIDGEPEER", "b"))
    assert [each.variable for each in found if isinstance(each, ev.VarSet)] == ["V", "BRIDGEPEER"]


def test_a_channel_that_begins_once_more_may_be_anywhere() -> None:
    begin = event("Newchannel", *block(), *SHOWN)
    found = told(newexten("Queue", "sales"), begin, newexten("NoOp"))
    updates = [each for each in found if isinstance(each, ev.ChannelUpdate)]
    assert [each.application for each in updates] == ["Queue(sales)", "NoOp"]


@pytest.mark.parametrize(
    "message",
    [
        varset("x", "1").replace(b"Value: 1", b"Event: X"),
        newexten("NoOp").replace(b"AppData: ", b"Response: X"),
        newexten("NoOp").replace(b"Extension: 102", b"Privilege: X"),
        varset("x", "1", timed=False).replace(
            b"all\r\n", b"all\r\nTimestamp: \r\nResponse: 12345\r\n"
        ),
    ],
)
def test_another_message_in_place_of_a_header_is_seen(message: bytes) -> None:
    found = told(varset("x", "1"), newexten("NoOp"), message)
    assert any(isinstance(each, ev.Malformed) for each in found)


def test_where_a_caller_is_is_told_without_the_rest() -> None:
    place = newexten("Queue").replace(b"Extension: 102", b"X: 1").removesuffix(b"\r\nAppData: ")
    (update,) = told(newexten("NoOp"), place)
    assert isinstance(update, ev.ChannelUpdate)
    assert update.application == "Queue()"


def test_an_end_within_a_timestamp_is_an_end() -> None:
    """Two messages that are as long as one are two."""
    _, _, rest = varset("x", "1", timed=False).partition(b"all\r\n")
    intake = Intake(VARIABLES)
    intake.events(whole(event("Newchannel", *block(), *SHOWN), varset("x", "1")), RECEIVED)
    before = intake.ignored
    intake.events(whole(VARSET + b"Timestamp: ", b"Event: VarSet\r\n" + rest), RECEIVED)
    assert intake.ignored - before == 2


def test_a_list_makes_what_was_told_doubtful() -> None:
    peer = varset("BRIDGEPEER", "PJSIP/b-1")
    item = event("CoreShowChannel", *block(), *SHOWN, ("ActionID", "1"), ("Duration", "00:00:01"))
    kinds = [type(each) for each in told(peer, peer, item, peer)]
    assert kinds.count(ev.VarSet) == 2


def test_all_variables_matter_where_none_is_named() -> None:
    assert len(told(varset("x", "1"), varset("y", "1"), variables=None)) == 2


@pytest.mark.parametrize("application", ["Queue", "ConfBridge", "Ringing"])
def test_where_a_caller_is_is_told_and_that_it_left(application: str) -> None:
    steps = [newexten(name, "sales") for name in ("NoOp", application, "NoOp", "NoOp")]
    found = [each.application for each in told(*steps) if isinstance(each, ev.ChannelUpdate)]
    assert found == [f"{application}(sales)", "NoOp"]


def test_each_extension_of_interest_is_told() -> None:
    steps = [newexten("NoOp", Exten=exten) for exten in ("200", "s", "201", "s")]
    found = [each.snapshot.exten for each in told(*steps) if isinstance(each, ev.ChannelUpdate)]
    assert found == ["200", "201", "s"]


def test_another_state_is_told_wherever_it_is_shown() -> None:
    found = told(varset("x", "1", ChannelState="5"), varset("x", "1", ChannelState="6"))
    states = [each.snapshot.channel_state for each in found if isinstance(each, ev.ChannelUpdate)]
    assert states == [5, 6]


@pytest.mark.parametrize("cut", range(0, 330, 7))
def test_a_torn_message_is_never_passed_over(cut: int) -> None:
    """Wherever the stream lost bytes, the two messages that became one are noticed."""
    whole = varset("x", "1")
    assert not any(isinstance(each, ev.Malformed) for each in told(whole, whole))
    for second in (whole, newexten("NoOp"), event("Hangup", *block(), ("Cause", "16"))):
        found = told(whole, whole[: len(whole) - cut] + second)
        assert any(isinstance(each, ev.Malformed) for each in found), cut
