"""What the channels alone tell: source, called number and destination, as a person sees them."""

from typing import Any

import msgspec
import pytest

from callstate.core import events as ev
from callstate.core import inference
from callstate.core.access import Line
from callstate.core.inference import Endpoint, Inference, Party, View
from tests.core.scene import DOWN, RINGING, UP, Scene

LINES = {
    f"PJSIP/{name}": Line(name=name, customer=17, number=number, channel=f"PJSIP/{name}")
    for name, number in (("a", "101"), ("b", "102"), ("c", "103"))
}
ENDPOINTS = (
    Endpoint(pattern="PJSIP/in-*", type="external", peer=1, ingroup=5),
    Endpoint(pattern="PJSIP/out-*", type="peer", peer=2, billing_peer=3, outgroup=6),
    Endpoint(pattern="PJSIP/door-*", type="phone", customer=23, number="900"),
    Endpoint(pattern="PJSIP/out-late-*", type="phone"),
)


def _line_of(channel: str) -> Line | None:
    return LINES.get(channel.rpartition("-")[0])


def view(scene: Scene, name: str, **more: Any) -> View:
    return Inference(ENDPOINTS, _line_of).view(scene[name], scene.registry, **more)


def shown(scene: Scene, name: str) -> str:
    """Return source, called number and destination in words."""
    seen = view(scene, name)
    ends = [_words(seen.source), f"{seen.called_type} {seen.called}", _words(seen.destination)]
    return " > ".join(end.strip() for end in ends)


def _words(party: Party) -> str:
    owner = f" @{party.customer}" if party.customer else ""
    return f"{party.type} {party.number}{owner}".strip()


# What a channel is


@pytest.mark.parametrize(
    ("name", "party"),
    [
        ("PJSIP/a", Party(type="phone", number="101", customer=17)),
        ("PJSIP/in", Party(type="external", number="7", peer=1, billing_peer=1, ingroup=5)),
        ("PJSIP/out", Party(type="peer", number="7", peer=2, billing_peer=3, outgroup=6)),
        ("PJSIP/door", Party(type="phone", number="900", customer=23)),
        ("PJSIP/out-late", Party(type="peer", number="7", peer=2, billing_peer=3, outgroup=6)),
        ("PJSIP/else", Party(number="7")),
    ],
)
def test_a_channel_is_a_line_or_what_the_first_rule_says(name: str, party: Party) -> None:
    scene = Scene()
    channel = scene.new(name, caller_number="7")
    known = Inference(ENDPOINTS, _line_of)
    assert known.party(channel) == party
    assert known.party(channel) == party, "the second time from memory"


@pytest.mark.parametrize(
    ("code", "is_customer", "customer"),
    [("23", True, 23), ("23", False, 0), ("x23", True, 0), ("", True, 0), ("²", True, 0)],
)
def test_an_account_code_is_a_customer_where_configured(
    code: str, is_customer: bool, customer: int
) -> None:
    scene = Scene()
    for name in ("PJSIP/else", "PJSIP/in"):
        channel = scene.new(name, account_code=code)
        known = Inference(ENDPOINTS, _line_of, account_code_is_customer=is_customer)
        assert known.party(channel).customer == customer
    assert known.party(scene.new("PJSIP/a", account_code=code)).customer == 17


def test_what_a_channel_is_follows_its_name_its_number_and_the_rules() -> None:
    scene = Scene()
    channel = scene.new("PJSIP/else", caller_number="7")
    known = Inference(ENDPOINTS, _line_of)
    assert known.party(channel) == Party(number="7")
    channel.snapshot = msgspec.structs.replace(channel.snapshot, caller_number="8")
    assert known.party(channel) == Party(number="8")
    scene.registry.rename(channel, "PJSIP/a-1")
    assert known.party(channel) == Party(type="phone", number="101", customer=17)
    assert Inference().party(channel) == Party(number="8"), "by other rules"
    assert known.party(channel).number == "101"


def test_names_are_forgotten_rather_than_kept_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "_CACHE_LIMIT", 2)
    scene = Scene()
    known = Inference(ENDPOINTS, _line_of)
    for name in ("PJSIP/a", "PJSIP/in", "PJSIP/x", "PJSIP/a"):
        scene.new(name)
        known.party(scene[name])
    assert known.party(scene["PJSIP/a"]).number == "101"


# Two legs


@pytest.mark.parametrize("talking", [False, True])
@pytest.mark.parametrize(
    ("caller", "dest", "number", "words"),
    [
        ("PJSIP/a", "PJSIP/b", "102", "phone 101 @17 > phone 102 > phone 102 @17"),
        ("PJSIP/a", "PJSIP/b", "191", "phone 101 @17 > extension 191 > phone 102 @17"),
        ("PJSIP/in", "PJSIP/b", "3117", "external 06 > number 3117 > phone 102 @17"),
        ("PJSIP/in", "PJSIP/x", "3117", "external 06 > number 3117 > 06"),
        ("PJSIP/x", "PJSIP/y", "06", "06 > extension 06 > 06"),
    ],
)
def test_both_legs_of_a_call_say_the_same(
    caller: str, dest: str, number: str, words: str, talking: bool
) -> None:
    scene = Scene()
    scene.new(caller, exten=number, caller_number="06")
    scene.new(dest, by=caller, state=RINGING, exten=number, caller_number="06")
    scene.dial(caller, dest, "RINGING")
    if talking:
        scene.answer(caller, dest)
        scene.talk(caller, dest)
    assert shown(scene, caller) == words
    assert shown(scene, dest) == words


@pytest.mark.parametrize(
    ("string", "number", "words"),
    [
        ("0612@out", "00612", "phone 101 @17 > peer 00612 > peer 0612"),
        ("out", "00612", "phone 101 @17 > peer 00612 > peer 00612"),
        ("0999@out", "00612", "phone 101 @17 > extension 00612 > peer 0999"),
    ],
)
def test_outside_is_the_number_that_was_dialled(string: str, number: str, words: str) -> None:
    scene = Scene()
    scene.new("PJSIP/a", exten=number)
    scene.new("PJSIP/out", by="PJSIP/a", exten=number, caller_number=number)
    scene.dial("PJSIP/a", "PJSIP/out", string=string)
    assert shown(scene, "PJSIP/a") == words
    assert shown(scene, "PJSIP/out") == words
    end = view(scene, "PJSIP/a").destination
    assert (end.peer, end.billing_peer, end.outgroup) == (2, 3, 6)


def test_a_call_is_sent_to_no_carrier_that_it_came_from() -> None:
    scene = Scene()
    scene.new("PJSIP/a", exten="700")
    scene.new("PJSIP/in", exten="701", caller_number="06")
    scene.talk("PJSIP/a", "PJSIP/in")
    end = view(scene, "PJSIP/a").destination
    assert (end.type, end.number, end.peer, end.billing_peer) == ("external", "06", 0, 0)


def test_who_says_that_he_called_is_his_own_source() -> None:
    scene = Scene()
    scene.new("PJSIP/in", exten="3117", caller_number="06")
    scene.new("PJSIP/b", exten="701")
    scene.talk("PJSIP/in", "PJSIP/b")
    assert shown(scene, "PJSIP/b") == "external 06 > number 3117 > phone 102 @17"
    mine = view(scene, "PJSIP/b", is_caller=True)
    assert (mine.source.number, mine.called, mine.destination.number) == ("102", "701", "06")
    assert mine.called_type == "extension"
    assert mine.reached is scene["PJSIP/in"]


# Several legs


def _ringing(*phones: str, by: str = "PJSIP/in", exten: str = "120") -> Scene:
    scene = Scene()
    scene.new(by, exten=exten, caller_number="06")
    for phone in phones:
        scene.new(phone, by=by, state=RINGING)
        scene.dial(by, phone, "RINGING")
    return scene


def test_of_several_that_ring_none_is_the_destination_yet() -> None:
    scene = _ringing("PJSIP/a", "PJSIP/b", "PJSIP/door")
    assert shown(scene, "PJSIP/in") == "external 06 > extension 120 > extension 120"
    assert shown(scene, "PJSIP/b") == "external 06 > number 120 > phone 102 @17"
    scene.hang_up("PJSIP/door")
    assert shown(scene, "PJSIP/in") == "external 06 > extension 120 > extension 120 @17"
    scene.hang_up("PJSIP/a")
    assert shown(scene, "PJSIP/in") == "external 06 > number 120 > phone 102 @17"


def test_those_who_ring_behind_a_forward_are_the_group_that_it_leads_to() -> None:
    scene = Scene()
    scene.new("PJSIP/c", exten="110")
    scene.local("Local/x", by="PJSIP/c", exten="120")
    scene.dial("PJSIP/c", "Local/x;1")
    assert shown(scene, "PJSIP/c") == "phone 103 @17 > extension 110 > extension 120 @17"
    for phone in ("PJSIP/a", "PJSIP/b"):
        scene.new(phone, by="Local/x;2", state=RINGING)
        scene.dial("Local/x;2", phone)
    assert shown(scene, "PJSIP/c") == "phone 103 @17 > extension 110 > extension 120 @17"
    scene.hang_up("PJSIP/a")
    assert shown(scene, "PJSIP/c") == "phone 103 @17 > extension 110 > phone 102 @17"


def test_of_three_who_talk_none_is_the_destination() -> None:
    scene = Scene()
    scene.call("PJSIP/a", "PJSIP/b", "102", talking=True)
    scene.new("PJSIP/c", by="PJSIP/a")
    scene.dial("PJSIP/a", "PJSIP/c")
    scene.talk("PJSIP/c")
    assert shown(scene, "PJSIP/a") == "phone 101 @17 > extension 102 > extension 102 @17"


def test_who_is_alone_where_he_talked_is_held_by_whom_he_reached() -> None:
    scene = Scene()
    scene.call("PJSIP/a", "PJSIP/b", "102", talking=True)
    scene.part("PJSIP/b")
    scene.talk("PJSIP/b", into="b2")
    assert shown(scene, "PJSIP/a") == "phone 101 @17 > phone 102 > phone 102 @17"
    scene.hang_up("PJSIP/b")
    assert shown(scene, "PJSIP/a") == "phone 101 @17 > extension 102 > extension 102 @17"


def test_a_local_channel_that_leads_nowhere_is_no_destination() -> None:
    scene = Scene()
    scene.new("PJSIP/a", exten="110")
    scene.local("Local/x", by="PJSIP/a", exten="102")
    scene.dial("PJSIP/a", "Local/x;1")
    scene.hang_up("Local/x;2")
    assert shown(scene, "PJSIP/a") == "phone 101 @17 > extension 110 > extension 110 @17"


def test_a_ring_of_local_channels_ends() -> None:
    scene = Scene()
    scene.new("PJSIP/a", exten="110")
    scene.local("Local/x", by="PJSIP/a", exten="111")
    scene.local("Local/y", by="PJSIP/a", exten="112")
    scene.dial("PJSIP/a", "Local/x;1")
    scene.dial("Local/x;2", "Local/y;1")
    scene.talk("Local/y;2", "Local/x;2")
    assert shown(scene, "PJSIP/a").startswith("phone 101 @17 > extension 110 > ")


# One leg, and the place where it is


@pytest.mark.parametrize(
    ("application", "place"),
    [
        ("Queue(sales,tT,,,60)", "queue sales @17"),
        ("Queue()", "queue 130 @17"),
        ("VoiceMail(102@default&103,u)", "mailbox 102 @17"),
        ("VoiceMailMain()", "mailbox 130 @17"),
        ("ConfBridge(room)", "conference room @17"),
        ("BackGround(hello)", "ivr 130 @17"),
        ("Playback", "extension 130 @17"),
    ],
)
def test_a_caller_is_where_his_application_says(application: str, place: str) -> None:
    scene = Scene()
    scene.new("PJSIP/a", exten="130", state=UP)
    scene.show("PJSIP/a", application=application)
    assert _words(view(scene, "PJSIP/a").destination) == place


def test_who_waits_in_a_queue_reaches_nobody_until_one_answers() -> None:
    scene = Scene()
    scene.new("PJSIP/in", exten="130", caller_number="06", state=UP)
    scene.happen(ev.QueueCallerJoin, "PJSIP/in", "sales")
    assert shown(scene, "PJSIP/in") == "external 06 > number 130 > queue sales"
    scene.new("PJSIP/b", by="PJSIP/in", state=RINGING)
    scene.dial("PJSIP/in", "PJSIP/b", "RINGING")
    assert shown(scene, "PJSIP/in") == "external 06 > number 130 > queue sales @17"
    assert shown(scene, "PJSIP/b") == "external 06 > number 130 > phone 102 @17"
    scene.answer("PJSIP/in", "PJSIP/b")
    scene.show("PJSIP/in", application="Queue(sales)")
    scene.talk("PJSIP/in", "PJSIP/b")
    assert shown(scene, "PJSIP/in") == "external 06 > number 130 > phone 102 @17"
    scene.part("PJSIP/b")
    assert _words(view(scene, "PJSIP/in").destination) == "phone 102 @17"


@pytest.mark.parametrize(
    ("kind", "name", "place"),
    [
        ("parking", "", "parking 701 @17"),
        ("base", "room", "conference room @17"),
        ("base", "", "extension 170 @17"),
        ("agent_hold", "", "extension 170 @17"),
    ],
)
def test_a_bridge_that_is_no_call_is_a_place(kind: str, name: str, place: str) -> None:
    scene = Scene()
    scene.call("PJSIP/a", "PJSIP/b", "170")
    scene.apply(ev.ParkedCall(0, scene["PJSIP/a"].uniqueid, "701"))
    scene.talk("PJSIP/a", kind=kind, name=name)
    assert _words(view(scene, "PJSIP/a").destination) == place


def test_an_originated_leg_has_dialled_nothing_until_it_is_answered() -> None:
    scene = Scene()
    scene.new("PJSIP/a", state=DOWN, exten="s")
    scene.dial("", "PJSIP/a")
    assert shown(scene, "PJSIP/a") == "phone 101 @17 >  > "
    scene.show("PJSIP/a", channel_state=UP, exten="104")
    assert shown(scene, "PJSIP/a") == "phone 101 @17 > extension 104 > extension 104 @17"


def test_a_first_phone_behind_a_local_channel_has_dialled_nothing_either() -> None:
    scene = Scene()
    scene.local("Local/x", exten="101")
    scene.new("PJSIP/a", by="Local/x;2", state=RINGING, exten="101")
    scene.dial("Local/x;2", "PJSIP/a")
    seen = view(scene, "PJSIP/a")
    assert (seen.source.number, seen.called, seen.destination) == ("101", "", inference.NOBODY)
    scene.talk("PJSIP/a", "Local/x;2")
    scene.new("PJSIP/b", by="Local/x;1", state=RINGING, exten="102")
    scene.dial("Local/x;1", "PJSIP/b")
    assert shown(scene, "PJSIP/a") == "phone 101 @17 > phone 102 > phone 102 @17"
    assert shown(scene, "PJSIP/b") == "phone 101 @17 > phone 102 > phone 102 @17"


def test_both_halves_of_a_local_channel_in_one_bridge_lead_nowhere() -> None:
    scene = Scene()
    scene.new("PJSIP/a", exten="110")
    scene.local("Local/x", by="PJSIP/a", exten="111")
    scene.talk("PJSIP/a", "Local/x;1", "Local/x;2")
    assert shown(scene, "PJSIP/a") == "phone 101 @17 > extension 110 > extension 111 @17"
