"""Messages of one piece into events: as one by one, but what is repeated once."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from callstate.ami.decode import Decoder, messages
from callstate.ami.intake import Intake
from callstate.ami.translate import Translator
from callstate.core import events as ev
from callstate.core.derive import Rules
from callstate.core.mirror import VARIABLES
from callstate.core.state import CallState
from tests.ami.steps import VARIABLES as SET
from tests.ami.steps import Dialplans
from tests.ami.test_translate import FIRST, RECEIVED, block, event, whole
from tests.captures import Capture

FIELDS = {
    "callid": "cs_callid",
    "dnumber": "cs_dnumber",
    "dtype": "cs_dtype",
    "peer": "cs_peer",
    "scustomer": "cs_scustomer",
    "snumber": "cs_snumber",
}
MACHINE = 1


def make_state() -> CallState:
    state = CallState(rules=Rules(variables=FIELDS))
    state.add_machine(MACHINE)
    state.opened(MACHINE)
    return state


def known_of(state: CallState) -> dict[str, Any]:
    """Return all that the mirror and the store hold, whatever it is derived from."""
    known: dict[str, Any] = {"legs": {leg.key: leg for leg in state.store}}
    for channel in state.sync_of(MACHINE).served.channels.values():
        values = {name: getattr(channel, name) for name in channel.__slots__}
        values["bridge"] = repr(values["bridge"])
        values["call"] = values["call"].callid
        del values["said"], values["serial"], values["party"]
        known[channel.uniqueid] = values
    return known


def pieces(data: bytes, dice: random.Random) -> Iterator[bytes]:
    decoder, position = Decoder(), 0
    while position < len(data):
        size = dice.choice((1, 300, 3000, 30_000, 65_536))
        yield decoder.complete(data[position : position + size])
        position += size


@pytest.mark.captures("asterisk-22/*[!m]", "asterisk-16/mixed-traffic*", "asterisk-16/*transfer*")
def test_the_pieces_do_not_matter(capture: Capture) -> None:
    """At each piece's end all is known that is known when each message is read in full."""
    variables = frozenset(FIELDS.values()) | VARIABLES
    singly, together = make_state(), make_state()
    translator, intake = Translator(variables), Intake(variables)
    for piece in pieces(capture.log(), random.Random(capture.name)):
        for raw in messages(piece):
            told = translator.translate(raw, RECEIVED)
            if told is not None:
                singly.take(MACHINE, told)
        for told in intake.events(piece, RECEIVED):
            together.take(MACHINE, told)
        if piece:
            assert known_of(together) == known_of(singly)


@pytest.mark.parametrize("seed", range(100))
def test_nothing_is_lost_of_what_dialplans_do(seed: int) -> None:
    """However often they turn back within a piece, which recordings hardly show."""
    singly, together = make_state(), make_state()
    dice = random.Random(seed)
    variables = dice.choice((SET, None))
    translator, intake = Translator(variables), Intake(variables)
    left = Dialplans(dice).messages(120)
    while left:
        size = dice.randint(1, 40)
        piece, left = left[:size], left[size:]
        for raw in piece:
            told = translator.translate(raw, RECEIVED)
            if told is not None:
                singly.take(MACHINE, told)
        for told in intake.events(whole(*piece), RECEIVED):
            together.take(MACHINE, told)
        assert known_of(together) == known_of(singly)


def test_what_was_passed_over_is_told_before_a_dial() -> None:
    """A Dial event's block may be older: what it shows must not be undone by what came before."""
    intake = Intake(frozenset({"V"}))
    intake.events(whole(FIRST), RECEIVED)
    moved = event("VarSet", *block(Priority="9"), ("Variable", "x"), ("Value", ""))
    dial = event("DialEnd", *block("1000000000.2", prefix="Dest"), ("DialStatus", "BUSY"))
    told = intake.events(whole(moved.replace(b"call,all", b"dialplan,all"), dial), RECEIVED)
    assert [type(each) for each in told] == [ev.ChannelUpdate, ev.DialEnd]


def test_what_was_passed_over_is_told_before_a_list_that_lacks_its_channel_ends() -> None:
    """A channel can begin after Asterisk counted them and before it said that these are all."""
    intake = Intake(frozenset({"V"}))
    intake.events(whole(FIRST), RECEIVED)
    moved = event("VarSet", *block(Priority="9"), ("Variable", "x"), ("Value", ""))
    end = b"Event: CoreShowChannelsComplete\r\nActionID: x/1\r\nListItems: 0"
    told = intake.events(whole(moved.replace(b"call,all", b"dialplan,all"), end), RECEIVED)
    assert [type(each) for each in told] == [ev.ChannelUpdate, ev.ListComplete]


@pytest.mark.parametrize("rest", [b"Event: X", b"Event: VarSet", b"\r\n", b"x\r\n\r", b"\r"])
def test_what_has_no_end_is_no_message(rest: bytes) -> None:
    intake = Intake()
    assert intake.events(rest, RECEIVED) == []
    (only,) = intake.events(whole(FIRST) + rest, RECEIVED)
    assert isinstance(only, ev.ChannelUpdate)
    assert intake.ignored == 0


def test_unknown_events_and_those_that_tell_nothing_are_counted() -> None:
    intake = Intake()
    told = intake.events(
        whole(event("TestEvent", *block()), b"Event: X", b"", b"Response: Pong"), 0.0
    )
    assert (told, intake.ignored, intake.malformed) == ([], 3, 0)


def test_two_messages_in_one_are_refused() -> None:
    intake = Intake()
    (only,) = intake.events(whole(FIRST + b"\r\n" + FIRST), 0.0)
    assert isinstance(only, ev.Malformed)
    assert (intake.ignored, intake.malformed) == (0, 1)
