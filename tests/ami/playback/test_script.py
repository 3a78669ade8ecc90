"""Captures as scripts: what is played of them, and when."""

from collections.abc import Callable
from pathlib import Path

import pytest

from callstate.ami.capture import load_capture
from callstate.ami.decode import Message
from callstate.ami.playback.script import Script, to_raw
from callstate.ami.playback.state import PlayedState
from tests.captures import Capture


@pytest.fixture
def load(load_capture_path: Callable[[str], Path]) -> Callable[[str], Script]:
    return lambda name: Script(load_capture(load_capture_path(name)))


def names(script: Script) -> set[str]:
    return {Message(step.raw).name for step in script.steps}


def test_only_events_of_the_server_are_played(capture: Capture) -> None:
    script = Script(load_capture(capture.path))
    for step in script.steps:
        assert step.raw.startswith(b"Event: ")
        assert b"\r\nPrivilege: security" not in step.raw
        is_broadcast = step.raw.startswith(b"Event: OriginateResponse\r\n")
        assert is_broadcast or b"\r\nActionID: " not in step.raw
    assert not names(script) & {"FullyBooted", "Shutdown", "TestEvent", "StatusComplete", "Status"}


def test_time_does_not_go_back(capture: Capture) -> None:
    script = Script(load_capture(capture.path))
    seconds = [step.second for step in script.steps]
    assert seconds == sorted(seconds)
    assert seconds[0] == 0.0
    assert script.seconds == seconds[-1]


def test_a_message_comes_with_its_last_byte(tmp_path: Path) -> None:
    data = b"Asterisk Call Manager/11.0.0\r\nEvent: A\r\n\r\nEvent: B\r\n\r\n\r\nEvent: C\r\n\r\n"
    (tmp_path / "ami.log").write_bytes(data)
    cut = data.rfind(b"C")
    (tmp_path / "timing.tsv").write_text(f"0\t1.0\n{cut}\t3.0\n")
    steps = Script(load_capture(tmp_path)).steps
    assert [(second, raw) for second, raw in steps] == [
        (0.0, b"Event: A"),
        (0.0, b"Event: B"),
        (2.0, b"Event: C"),
    ]


def test_a_capture_without_events_is_an_empty_script(tmp_path: Path) -> None:
    (tmp_path / "ami.log").write_bytes(b"Asterisk Call Manager/11.0.0\r\nEvent: torn")
    script = Script(load_capture(tmp_path))
    assert (script.steps, script.seconds) == ([], 0.0)


def test_the_broadcast_answer_to_an_originate_is_played(load: Callable[[str], Script]) -> None:
    assert "OriginateResponse" in names(load("asterisk-22/click-to-call"))


@pytest.mark.parametrize(
    ("release", "channels", "bridges"), [("asterisk-22", 9, 3), ("asterisk-16", 9, 3)]
)
def test_what_was_up_before_the_recording_comes_first(
    load: Callable[[str], Script], release: str, channels: int, bridges: int
) -> None:
    script = load(f"{release}/join-midcall")
    state = PlayedState()
    first = [step for step in script.steps if step.second == 0.0]
    for step in first:
        state.apply(Message(step.raw).headers(), 0.0)
    assert {Message(step.raw).name for step in first[:channels]} == {"Newchannel"}
    assert len(state.channels) == channels
    assert [len(bridge.members) for bridge in state.bridges.values()] == [2] * bridges


def test_a_message_is_made_of_its_headers() -> None:
    raw = to_raw([("Event", "A"), ("Name", "Zoë \udce9"), ("Last", "")])
    assert raw == b"Event: A\r\nName: Zo\xc3\xab \xe9\r\nLast: "
