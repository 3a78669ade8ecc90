"""Events counted by name, however they are named."""

from callstate.ami.tally import OTHER, Tally
from callstate.ami.translate import NAMES


def event(name: str, rest: str = "Privilege: call,all\r\nChannel: PJSIP/a-00000001") -> bytes:
    return f"Event: {name}\r\n{rest}".encode()


def test_known_names_are_counted_and_those_that_did_not_come_are_0() -> None:
    tally = Tally(["Newchannel", "Hangup"])
    tally.add([event("Newchannel"), event("Newchannel", "ActionID: 1")])
    tally.add([])
    tally.add([event("Newchannel")])
    assert tally.counts() == {"Newchannel": 3, "Hangup": 0, OTHER: 0}


def test_every_other_name_is_other() -> None:
    tally = Tally(["Hangup"])
    names = ["Hangups", "hangup", "Hangup ", "", "Hang", "\xff", "x" * 100, OTHER]
    tally.add(event(name) for name in names)
    assert tally.counts() == {"Hangup": 0, OTHER: len(names)}


def test_a_message_of_one_line_is_an_event_too() -> None:
    tally = Tally(["Hangup"])
    tally.add([b"Event: Hangup", b"Event: "])
    assert tally.counts() == {"Hangup": 1, OTHER: 1}


def test_responses_are_no_events() -> None:
    tally = Tally(["Hangup"])
    tally.add([b"Response: Success\r\nActionID: 1", b"", b"Event", b"event: Hangup"])
    assert tally.counts() == {"Hangup": 0, OTHER: 0}


def test_names_without_end_take_no_memory_without_end() -> None:
    tally = Tally(["Hangup"])
    for number in range(2000):
        tally.add([event(f"Made{number}"), event("Hangup", f"ActionID: {number}")])
    assert len(tally._heads) <= 257
    assert tally.counts() == {"Hangup": 2000, OTHER: 2000}


def test_each_event_that_the_translator_knows_is_told_from_the_others() -> None:
    assert {"Newchannel", "CoreShowChannelsComplete", "ParkedCall"} <= NAMES
    tally = Tally(NAMES)
    tally.add(event(name) for name in NAMES)
    assert tally.counts() == dict.fromkeys(NAMES, 1) | {OTHER: 0}


def test_those_that_were_looked_at_together_are_counted_together() -> None:
    tally = Tally(["Hangup"])
    tally.add_some("Hangup", 3)
    tally.add_some(OTHER, 2)
    assert tally.counts() == {"Hangup": 3, OTHER: 2}
