"""Events are values: named as Asterisk names them, equal when they say the same, unchanging."""

import inspect

import pytest

from callstate.core import events as ev
from tests.core.shown import AT, bridge, snapshot

KINDS = [
    kind
    for _, kind in inspect.getmembers(ev, inspect.isclass)
    if issubclass(kind, ev.Event) and kind is not ev.Event
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_has_its_time_first(kind: type[ev.Event]) -> None:
    assert kind.__struct_fields__[0] == "at"


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_says_what_it_is(kind: type[ev.Event]) -> None:
    assert kind.__doc__


def test_events_that_say_the_same_are_equal() -> None:
    assert ev.Newchannel(AT, snapshot()) == ev.Newchannel(AT, snapshot())
    assert ev.BridgeCreate(AT, bridge()) != ev.BridgeCreate(AT, bridge("b2"))


def test_an_event_does_not_change() -> None:
    event = ev.Newchannel(AT, snapshot())
    with pytest.raises(AttributeError):
        event.at = 0.0  # type: ignore[misc]


def test_channel_states_are_asterisks_numbers() -> None:
    assert (ev.ChannelState.DOWN, ev.ChannelState.RINGING, ev.ChannelState.UP) == (0, 5, 6)
