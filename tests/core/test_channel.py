"""A channel's own record: what it is in the dialplan, what it was dialled with."""

import pytest

from callstate.core import events as ev
from callstate.core.channel import BridgeRecord, Channel, number_in
from tests.core.scene import UP, Scene
from tests.core.shown import bridge, snapshot


@pytest.mark.parametrize(
    ("dial_string", "number"),
    [
        ("0612345678@trunk", "0612345678"),
        ("trunk/0612345678", "0612345678"),
        ("PJSIP/0612345678@trunk", "0612345678"),
        ("trunk/sip:+31612345678@10.0.0.1:5060", "+31612345678"),
        ("trunk/sips:*31#1;phone-context=x@h", "*31#1"),
        ("g1/0612345678", "0612345678"),
        ("101@cust/n", "101"),
        ("c17-101", ""),
        ("PJSIP/c17-101", ""),
        ("user:4711@host", ""),
        ("user:secret@host/0612345678", "0612345678"),
        ("", ""),
    ],
)
def test_a_number_is_found_in_a_dial_string_and_nothing_else(dial_string: str, number: str) -> None:
    assert number_in(dial_string) == number


@pytest.mark.parametrize(
    ("extens", "first", "last"),
    [
        (("101",), "101", "101"),
        (("31170101", "101", "s", "101", "end-BUSY"), "31170101", "101"),
        (("s", "*8101"), "*8101", "*8101"),
        (("s", "h", ""), "", ""),
        (("alice", "s"), "alice", "alice"),
        (("alice", "bob"), "alice", "alice"),
        (("start", "140", "s"), "140", "140"),
    ],
)
def test_extensions_count_when_somebody_can_dial_them(
    extens: tuple[str, ...], first: str, last: str
) -> None:
    channel = Channel(snapshot(exten=extens[0]), {}, serial=1)
    for exten in extens[1:]:
        channel.note_exten(exten)
    assert (channel.first_exten, channel.last_exten) == (first, last)


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("Local/101@cust-00000001;1", "Local/101@cust-00000001"),
        ("Local/101@cust-00000001;2", "Local/101@cust-00000001"),
        ("Local/odd", ""),
        ("PJSIP/a-00000001", ""),
    ],
)
def test_halves_of_a_local_channel_have_its_name_in_common(name: str, pair: str) -> None:
    channel = Channel(snapshot(channel=name), {}, serial=1)
    assert channel.local_pair == pair
    assert channel.is_local == name.startswith("Local/")
    assert name in repr(channel)


@pytest.mark.parametrize(
    ("kind", "technology", "is_call"),
    [
        ("basic", "simple_bridge", True),
        ("stasis", "softmix", True),
        ("stasis", "holding_bridge", False),
        ("base", "softmix", False),
        ("parking", "holding_bridge", False),
    ],
)
def test_those_who_talk_as_one_call(kind: str, technology: str, is_call: bool) -> None:
    record = BridgeRecord(bridge("b1", kind, technology=technology))
    assert record.is_call is is_call
    assert "b1" in repr(record)


def test_an_application_counts_while_it_runs_and_tells_where_the_caller_is() -> None:
    scene = Scene()
    caller = scene.new("PJSIP/a", exten="130")
    scene.show("PJSIP/a", application="Queue(sales,tT)")
    assert caller.running == "Queue(sales,tT)"
    scene.show("PJSIP/a", application=None)
    assert caller.running == "Queue(sales,tT)"
    scene.show("PJSIP/a", application="Playback")
    assert caller.running == ""


def test_a_call_says_what_it_is() -> None:
    scene = Scene()
    channel = scene.new("PJSIP/a")
    assert repr(channel.call) == f"Call('{channel.uniqueid}', 1)"


def test_who_is_parked_has_a_space_and_who_is_unknown_has_none() -> None:
    scene = Scene()
    parked = scene.new("PJSIP/a")
    scene.apply(ev.ParkedCall(0, parked.uniqueid, "701"), ev.ParkedCall(0, "1.1", "702"))
    assert parked.parking_space == "701"


@pytest.mark.parametrize(
    ("state", "exten", "is_dialled"),
    [(UP, "105", False), (UP, "h", True), (UP, "", True), (4, "105", True)],
)
def test_who_is_sent_elsewhere_in_the_dialplan_goes_its_own_way(
    state: int, exten: str, is_dialled: bool
) -> None:
    scene = Scene()
    scene.call("PJSIP/a", "PJSIP/b", talking=True)
    scene.part("PJSIP/b")
    scene.show("PJSIP/b", channel_state=state, exten=exten)
    callee = scene["PJSIP/b"]
    assert callee.is_dialled is is_dialled
    assert callee.first_exten == ("101" if is_dialled else exten)


def test_a_recording_that_a_list_shows_is_taken_to_run_once() -> None:
    scene = Scene()
    channel = scene.new("PJSIP/a", state=UP)
    shown = (("MIXMONITOR_FILENAME", "/rec/a.wav"),)
    scene.happen(ev.Status, "PJSIP/a", "s", 10, "", shown)
    scene.happen(ev.Status, "PJSIP/a", "s", 10, "", shown)
    assert channel.recordings == ["/rec/a.wav"]
    scene.happen(ev.MixMonitorStop, "PJSIP/a")
    scene.happen(ev.Status, "PJSIP/a", "s", 10, "", shown)
    assert channel.recordings == []
