"""The row of a leg: variables where a platform sets them, else what is inferred."""

from typing import Any

import pytest

from callstate.core import events as ev
from callstate.core.access import Line
from callstate.core.derive import Deriver, Rules
from callstate.core.inference import Endpoint, Inference
from callstate.core.model import Leg
from tests.core.scene import DOWN, RING, RINGING, UP, Scene
from tests.core.shown import AT

FIELDS = (
    *("stype", "snumber", "scustomer", "cnumber", "ctype", "dtype", "dnumber", "dcustomer"),
    *("peer", "billing_peer", "ingroup", "outgroup", "overmax", "callid", "spresent", "sip_callid"),
    *("callerid_internal", "callerid_external", "callername_internal", "callername_external"),
)
RULES = Rules(
    variables={field: f"p_{field}" for field in FIELDS},
    peers={"carrier-a": 1, "carrier-b": 2},
    groups={"in-17": 117, "out-17": 217},
)
ENDPOINTS = (Endpoint(pattern="PJSIP/carrier-*", type="external", peer=9, billing_peer=8),)


def _line_of(channel: str) -> Line | None:
    name = channel.rpartition("-")[0]
    number = {"PJSIP/a": "101", "PJSIP/b": "102"}.get(name)
    return Line(name=name, customer=17, number=number, channel=name) if number else None


def row(scene: Scene, name: str, rules: Rules = RULES) -> Leg:
    leg = Deriver(4, rules, Inference(ENDPOINTS, _line_of)).derive(scene[name], scene.registry)
    assert leg is not None
    return leg


def say(scene: Scene, name: str, **variables: Any) -> None:
    """Set a platform's variables on a channel."""
    for field, value in variables.items():
        scene.happen(ev.VarSet, name, f"p_{field}", str(value))


def _call(*, talking: bool = False) -> Scene:
    scene = Scene()
    scene.call("PJSIP/carrier-a", "PJSIP/b", "3117102", talking=talking)
    return scene


@pytest.mark.parametrize(
    "name",
    ["Local/x;1", "Message/ast_msg_queue", "Surrogate/x", "CBAnn/x", "Recorder/x", "AsyncGoto/x"],
)
def test_what_nobody_is_on_the_other_end_of_is_no_leg(name: str) -> None:
    scene = Scene()
    scene.new(name)
    assert Deriver(4, RULES, Inference()).derive(scene[name], scene.registry) is None


def test_a_leg_without_variables_shows_what_is_inferred() -> None:
    scene = Scene()
    scene.new("PJSIP/carrier-a", exten="3117102", caller_number="06", caller_name="Jan")
    scene.new("PJSIP/b", by="PJSIP/carrier-a", state=RINGING, caller_number="102")
    scene.dial("PJSIP/carrier-a", "PJSIP/b", "RINGING")
    caller, callee = scene["PJSIP/carrier-a"], scene["PJSIP/b"]
    wanted = Leg(
        billing_peer=8,
        callerid_external="06",
        callerid_internal="06",
        callername_external="Jan",
        callername_internal="Jan",
        callid=caller.uniqueid,
        channel=callee.channel,
        cnumber="3117102",
        ctype="number",
        dcustomer=17,
        dnumber="102",
        dtype="phone",
        machine=4,
        peer=9,
        snumber="06",
        start=1000000000,
        status="ringing",
        stype="external",
        uniqueid=callee.uniqueid,
        direction="in",
    )
    assert row(scene, "PJSIP/b", Rules()) == wanted
    mine = {"channel": caller.channel, "uniqueid": caller.uniqueid}
    assert row(scene, "PJSIP/carrier-a", Rules()) == type(wanted)(
        **{**{field: getattr(wanted, field) for field in Leg.__struct_fields__}, **mine}
    )


# Variables

SAID = {
    "stype": ("click", "click"),
    "snumber": ("5", "5"),
    "scustomer": ("23", 23),
    "cnumber": ("6", "6"),
    "ctype": ("ivr", "ivr"),
    "dtype": ("queue", "queue"),
    "dnumber": ("7", "7"),
    "dcustomer": (" 24 ", 24),
    "peer": ("carrier-b", 2),
    "billing_peer": ("12", 12),
    "ingroup": ("in-17", 117),
    "outgroup": ("out-17", 217),
    "overmax": ("1", 1),
    "callid": ("c-1", "c-1"),
    "spresent": ("0", 0),
    "sip_callid": ("x@y", "x@y"),
    "callerid_internal": ("8", "8"),
    "callerid_external": ("9", "9"),
    "callername_internal": ("I", "I"),
    "callername_external": ("E", "E"),
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_variable_on_the_leg_wins(field: str) -> None:
    for name in ("PJSIP/carrier-a", "PJSIP/b"):
        scene = _call()
        said, wanted = SAID[field]
        say(scene, name, **{field: said})
        assert getattr(row(scene, name), field) == wanted


OF_THE_CALLER = sorted(set(FIELDS) - {"dtype", "dnumber", "dcustomer", "peer", "sip_callid"})


@pytest.mark.parametrize("field", [*OF_THE_CALLER, "peer"])
def test_what_the_caller_says_holds_for_whom_he_rings(field: str) -> None:
    scene = _call()
    said, wanted = SAID[field]
    say(scene, "PJSIP/carrier-a", **{field: said})
    assert getattr(row(scene, "PJSIP/b"), field) == wanted


@pytest.mark.parametrize("field", ["dtype", "dnumber", "dcustomer"])
def test_what_the_destination_says_of_itself_holds_for_the_caller(field: str) -> None:
    scene = _call()
    said, wanted = SAID[field]
    say(scene, "PJSIP/b", **{field: said})
    assert getattr(row(scene, "PJSIP/carrier-a"), field) == wanted


@pytest.mark.parametrize("field", ["peer", "billing_peer", "scustomer", "ingroup", "overmax"])
def test_a_number_that_is_none_says_nothing(field: str) -> None:
    scene = _call()
    before = getattr(row(scene, "PJSIP/carrier-a"), field)
    for odd in ("elsewhere", "1.5", "-1", "9" * 19, "²"):
        say(scene, "PJSIP/carrier-a", **{field: odd})
        assert getattr(row(scene, "PJSIP/carrier-a"), field) == before
    say(scene, "PJSIP/carrier-a", **{field: "0"})
    assert getattr(row(scene, "PJSIP/carrier-a"), field) == 0


def _forwarded() -> Scene:
    """A call from carrier-a, forwarded outside over carrier-b."""
    scene = Scene()
    scene.new("PJSIP/carrier-a", exten="112")
    scene.local("Local/x", by="PJSIP/carrier-a", exten="0612")
    scene.dial("PJSIP/carrier-a", "Local/x;1")
    scene.new("PJSIP/carrier-b", by="Local/x;2", state=RINGING)
    scene.dial("Local/x;2", "PJSIP/carrier-b", "RINGING", "0612@carrier-b")
    return scene


def test_on_the_way_the_nearest_says_how_the_call_goes_on_and_the_first_who_calls() -> None:
    scene = _forwarded()
    say(scene, "PJSIP/carrier-a", ctype="forward", outgroup="1", scustomer="23")
    say(scene, "Local/x;2", ctype="peer", outgroup="2", scustomer="17", snumber="112")
    leg = row(scene, "PJSIP/carrier-b")
    assert (leg.ctype, leg.outgroup, leg.scustomer, leg.snumber) == ("forward", 2, 17, "112")


def test_the_carrier_that_a_leg_is_counts_before_the_one_the_call_came_from() -> None:
    scene = _forwarded()
    say(scene, "PJSIP/carrier-a", peer="carrier-a", billing_peer="carrier-a")
    leg = row(scene, "PJSIP/carrier-b")
    assert (leg.peer, leg.billing_peer, leg.direction) == (9, 8, "out")


def test_who_picked_up_and_says_who_he_is_stays_the_source_of_his_row() -> None:
    scene = _call()
    say(
        scene, "PJSIP/carrier-a", snumber="06", stype="peer", peer="1", dnumber="102", dtype="phone"
    )
    scene.new("PJSIP/a", exten="*8")
    say(scene, "PJSIP/a", snumber="101", stype="phone")
    scene.answer("PJSIP/carrier-a", "PJSIP/a")
    scene.hang_up("PJSIP/b")
    scene.talk("PJSIP/carrier-a", "PJSIP/a")
    leg = row(scene, "PJSIP/a")
    assert (leg.snumber, leg.cnumber, leg.scustomer, leg.peer) == ("101", "*8", 17, 0)
    # What the caller says of the destination is where his own call went.
    assert leg.dnumber != "102"


@pytest.mark.parametrize(("older", "callid"), [("PJSIP/carrier-a", "first"), ("PJSIP/b", "second")])
def test_a_call_has_the_callid_of_its_oldest_channel_that_has_one(older: str, callid: str) -> None:
    scene = _call(talking=True)
    say(scene, "PJSIP/b", callid="second")
    if older == "PJSIP/carrier-a":
        say(scene, older, callid="first")
    assert {row(scene, name).callid for name in ("PJSIP/carrier-a", "PJSIP/b")} == {callid}
    assert row(scene, "PJSIP/b", Rules()).callid == scene["PJSIP/carrier-a"].uniqueid


# Status, presentation, recording, Call-ID


@pytest.mark.parametrize(
    ("state", "events", "status"),
    [
        (DOWN, (), "new"),
        (RING, (), "new"),
        (RINGING, (), "ringing"),
        (UP, (), "answer"),
        (UP, (ev.Hold,), "hold"),
        (UP, (ev.Hold, ev.Unhold), "answer"),
        (UP, (ev.Hold, ev.HangupRequest), "ending"),
        (RINGING, (ev.HangupRequest,), "ending"),
        (RINGING, (ev.Hold,), "ringing"),
    ],
)
def test_a_status_follows_from_state_hold_and_hangup(
    state: int, events: tuple[Any, ...], status: str
) -> None:
    scene = Scene()
    scene.new("PJSIP/a", state=state)
    for kind in events:
        scene.happen(kind, "PJSIP/a")
    leg = row(scene, "PJSIP/a")
    assert leg.status == status
    assert leg.answered == (int(AT) if state == UP else 0)


def test_who_runs_the_hangup_extension_is_ending() -> None:
    scene = Scene()
    scene.new("PJSIP/a", state=UP)
    scene.show("PJSIP/a", exten="h")
    assert row(scene, "PJSIP/a").status == "ending"


def test_who_is_over_but_held_on_to_is_ending() -> None:
    scene = Scene()
    scene.new("PJSIP/a", state=UP)
    scene["PJSIP/a"].is_over = True
    assert row(scene, "PJSIP/a").status == "ending"


def test_a_caller_rings_with_whom_he_dials_and_is_answered_with_him() -> None:
    scene = _call()
    assert [row(scene, n).status for n in ("PJSIP/carrier-a", "PJSIP/b")] == ["ringing"] * 2
    scene.answer("PJSIP/carrier-a", "PJSIP/b")
    scene.talk("PJSIP/carrier-a", "PJSIP/b")
    assert [row(scene, n).status for n in ("PJSIP/carrier-a", "PJSIP/b")] == ["answer"] * 2


def test_who_was_answered_stays_so_while_another_rings_for_him() -> None:
    scene = Scene()
    scene.new("PJSIP/carrier-a", state=UP)
    scene.new("PJSIP/b", by="PJSIP/carrier-a", state=RINGING)
    scene.dial("PJSIP/carrier-a", "PJSIP/b", "RINGING")
    assert row(scene, "PJSIP/carrier-a").status == "answer"


@pytest.mark.parametrize(
    ("variables", "presentation", "presented"),
    [
        ({}, None, 1),
        ({}, -1, 1),
        ({}, 0, 1),
        ({}, 3, 1),
        ({}, 32, 0),
        ({}, 67, 0),
        ({"p_spresent": "1"}, 32, 1),
        ({"p_spresent": "0"}, 0, 0),
        ({"p_spresent": "prohib_not_screened"}, 0, 0),
        ({"CALLERID(pres)": "allowed_not_screened"}, 32, 1),
        ({"CALLERID(pres)": "prohib"}, 0, 0),
        ({"CALLERID(pres)": "unavailable"}, 0, 0),
        ({"CALLERID(pres)": "prohib", "p_spresent": "1"}, 0, 1),
    ],
)
def test_the_callers_number_is_presented_or_not(
    variables: dict[str, str], presentation: int | None, presented: int
) -> None:
    scene = _call()
    if presentation is not None:
        scene.happen(ev.NewCallerid, "PJSIP/carrier-a", presentation)
    for name, value in variables.items():
        scene.happen(ev.VarSet, "PJSIP/carrier-a", name, value)
    # How the called phone presents itself is not the question.
    scene.happen(ev.NewCallerid, "PJSIP/b", 32)
    assert row(scene, "PJSIP/carrier-a").spresent == presented
    assert row(scene, "PJSIP/b").spresent == presented


def test_the_recording_is_the_one_begun_last_of_those_that_run() -> None:
    scene = Scene()
    scene.new("PJSIP/a", state=UP)
    for path in ("/one.wav", "/two.wav"):
        scene.happen(ev.VarSet, "PJSIP/a", "MIXMONITOR_FILENAME", path)
        assert row(scene, "PJSIP/a").recording != path
        scene.happen(ev.MixMonitorStart, "PJSIP/a")
        assert row(scene, "PJSIP/a").recording == path
    scene.happen(ev.MixMonitorStop, "PJSIP/a")
    assert row(scene, "PJSIP/a").recording == "/one.wav"
    scene.happen(ev.MixMonitorStop, "PJSIP/a")
    assert row(scene, "PJSIP/a").recording == ""


def test_a_call_id_is_told_by_the_peer_or_by_the_leg_itself() -> None:
    scene = _call(talking=True)
    caller, callee = scene["PJSIP/carrier-a"], scene["PJSIP/b"]
    scene.happen(ev.VarSet, "PJSIP/carrier-a", "BRIDGEPVTCALLID", "early@b")
    assert row(scene, "PJSIP/b").sip_callid == ""
    scene.happen(ev.VarSet, "PJSIP/carrier-a", "BRIDGEPEER", callee.channel)
    assert row(scene, "PJSIP/b").sip_callid == "", "the Call-ID is of whom it named before"
    scene.happen(ev.VarSet, "PJSIP/carrier-a", "BRIDGEPVTCALLID", "x@b")
    assert row(scene, "PJSIP/b").sip_callid == "x@b"
    scene.happen(ev.VarSet, "PJSIP/b", "SIPCALLID", "own@b")
    assert row(scene, "PJSIP/b").sip_callid == "own@b"
    assert row(scene, "PJSIP/carrier-a").sip_callid == ""
    listed = (("BRIDGEPVTCALLID", "y@a"), ("BRIDGEPEER", caller.channel))
    scene.happen(ev.Status, "PJSIP/b", "s", 1, "", listed)
    assert row(scene, "PJSIP/carrier-a").sip_callid == "y@a"
