"""The answers of the pretended Asterisk: framed as the real one frames them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from callstate.ami.capture import load_capture
from callstate.ami.decode import Decoder, Message
from callstate.ami.playback.answers import About, Action, Answers, error, success
from callstate.ami.playback.script import Script
from callstate.ami.playback.state import PlayedState

NOW = 1_800_000_000.0


def action(name: str, **headers: str) -> Action:
    sent = {"Action": name, "ActionID": "7", **headers}
    return Action({key.lower(): value for key, value in sent.items()})


@pytest.fixture(params=["asterisk-22", "asterisk-16"])
def capture_path(request: pytest.FixtureRequest, load_capture_path: Callable[[str], Path]) -> Path:
    """The capture in which the recorder asked for lists while calls were up."""
    return load_capture_path(f"{request.param}/join-midcall")


@pytest.fixture
def answers(capture_path: Path) -> Answers:
    """What can be asked at the moment when the recorder asked."""
    state = PlayedState()
    for step in Script(load_capture(capture_path)).steps:
        if step.second == 0.0:
            state.apply(Message(step.raw).headers(), NOW - 3725)
    about = About(ami="11.0.0", asterisk="22.10.1", systemname="east", started=NOW - 60)
    return Answers(state, about=about, clock=lambda: NOW)


def keys(raw: bytes) -> list[str]:
    """The headers' names, without those of which there may be any number."""
    skipped = {"ChanVariable", "Variable"}
    return [key for key, _ in Message(raw).headers() if key not in skipped]


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("CoreShowChannels", {}),
        ("Status", {"AllVariables": "true"}),
        ("BridgeList", {}),
        ("BridgeInfo", {}),
    ],
)
def test_a_list_is_framed_as_asterisk_frames_it(
    capture_path: Path, answers: Answers, name: str, headers: dict[str, str]
) -> None:
    recorded: dict[str, bytes] = {}
    for raw in Decoder().feed(load_capture(capture_path).connections[0].data):
        message = Message(raw)
        if message.get("ActionID").startswith((f"join-{name}", "join-info-0")):
            recorded.setdefault(message.name, raw)
    if name == "BridgeInfo":
        complete = Message(recorded["BridgeInfoComplete"])
        headers = {"BridgeUniqueid": complete.get("BridgeUniqueid")}
    start, *items, end = answers.answer(action(name, **headers))
    response = Message(start)
    assert response.headers()[:3] == [
        ("Response", "Success"),
        ("ActionID", "7"),
        ("EventList", "start"),
    ]
    assert response.get("Message").endswith("will follow")
    assert items
    for raw in [*items, end]:
        assert keys(raw) == keys(recorded[Message(raw).name])
    assert Message(end).get("ListItems") == str(len(items))


def test_the_items_are_what_was_played(answers: Answers) -> None:
    _, *items, _ = answers.answer(action("CoreShowChannels"))
    assert len(items) == 9
    assert {Message(raw).get("Duration") for raw in items} == {"01:02:05"}
    _, *items, _ = answers.answer(action("Status"))
    assert {Message(raw).get("Seconds") for raw in items} == {"3725"}
    assert {Message(raw).get("Type") for raw in items} == {"PJSIP", "Local"}
    assert not any(b"\r\nVariable: " in raw for raw in items)


def test_one_channel_can_be_asked_for(answers: Answers) -> None:
    name = "Local/102@cust-00000000;2"
    _, item, _ = answers.answer(action("Status", Channel=name, Variables="CUSTOMER,nothing"))
    variables = [value for key, value in Message(item).headers() if key == "Variable"]
    assert variables == ["CUSTOMER=23", "nothing=(null)"]
    assert Message(item).headers()[-1] == ("ActionID", "7")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (action("Status", Channel="x"), "No such channel"),
        (action("Getvar", Channel="x", Variable="y"), "No such channel"),
        (action("Getvar"), "No variable specified"),
        (action("BridgeInfo"), "BridgeUniqueid must be provided"),
        (action("BridgeInfo", BridgeUniqueid="x"), "Specified BridgeUniqueid not found"),
        (
            action("Dance"),
            "Invalid/unknown command: Dance. Use Action: ListCommands to show available commands.",
        ),
    ],
)
def test_what_cannot_be_answered_is_an_error(answers: Answers, asked: Action, message: str) -> None:
    [raw] = answers.answer(asked)
    assert Message(raw).headers() == [
        ("Response", "Error"),
        ("ActionID", "7"),
        ("Message", message),
    ]


def test_it_says_what_it_is_and_since_when(answers: Answers) -> None:
    [settings] = answers.answer(action("CoreSettings"))
    assert Message(settings).get("AsteriskVersion") == "22.10.1"
    assert Message(settings).get("SystemName") == "east"
    [status] = answers.answer(action("CoreStatus"))
    assert Message(status).get("CoreCurrentCalls") == "9"
    assert len(Message(status).get("CoreStartupTime")) == 8


def test_a_ping_gives_the_time(answers: Answers) -> None:
    [raw] = answers.answer(action("Ping"))
    assert Message(raw).get("Timestamp") == "1800000000.000000"


def test_a_variable_of_a_channel_can_be_asked_for(answers: Answers) -> None:
    name = "Local/102@cust-00000000;2"
    [raw] = answers.answer(action("Getvar", Channel=name, Variable="CUSTOMER"))
    assert Message(raw).get("Value") == "23"


def test_a_marker_comes_back_as_an_event(answers: Answers) -> None:
    asked = action("Getvar", Variable="SET(X_MARK=a=b)")
    [raw] = answers.answer(asked)
    assert Message(raw).headers()[-2:] == [("Variable", "SET(X_MARK=a=b)"), ("Value", "")]
    event = answers.marker(asked)
    assert event is not None
    assert Message(event).headers() == [
        ("Event", "VarSet"),
        ("Privilege", "dialplan,all"),
        ("Channel", "none"),
        ("Uniqueid", "none"),
        ("Variable", "X_MARK"),
        ("Value", "a=b"),
    ]


@pytest.mark.parametrize(
    "asked",
    [
        action("Ping"),
        action("Getvar", Variable="X"),
        action("Getvar", Variable="SET(X=y)", Channel="Local/102@cust-00000000;2"),
        action("Setvar", Variable="SET(X=y)"),
    ],
)
def test_nothing_else_is_a_marker(answers: Answers, asked: Action) -> None:
    assert answers.marker(asked) is None


def test_an_action_without_an_id_is_answered_without_one() -> None:
    asked = Action({"action": "Ping"})
    assert success(asked) == b"Response: Success"
    assert error(asked, "no") == b"Response: Error\r\nMessage: no"
