"""What holds for every order of events, nonsense included: the laws of the mirror."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from callstate.core import events as ev
from callstate.core.mirror import Mirror
from callstate.core.state import CallState
from callstate.core.sync import Sync
from tests.core.shown import (
    AT,
    NAMES,
    ORDINARY,
    bridge,
    bridges,
    channel_events,
    events,
    facts,
    snapshot,
    snapshots,
)

MACHINE = 1

# Always the same examples: what fails here fails everywhere.
lawful = partial(
    settings,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

Step = Callable[[CallState], None]


def _apply(event: ev.Event) -> Step:
    return lambda state: state.apply(MACHINE, event)


def steps() -> st.SearchStrategy[Step]:
    """Give random events, and now and then what happens to the connection."""
    applied = events().map(_apply)
    turns: list[Step] = [
        lambda state: state.opened(MACHINE),
        lambda state: state.released(MACHINE, AT),
        lambda state: state.closed(MACHINE, AT, "lost"),
        lambda state: state.alive(MACHINE, AT + 1),
        lambda state: _discard(state.expire(AT + 100, 60)),
    ]
    return st.one_of(applied, applied, applied, st.sampled_from(turns))


def _discard(_value: object) -> None:
    """Let a step give nothing."""


def _state() -> CallState:
    state = CallState()
    state.add_machine(MACHINE)
    state.opened(MACHINE)
    return state


@lawful(max_examples=300)
@given(st.lists(steps(), min_size=5, max_size=40))
def test_any_order_of_events_is_accepted_and_leaves_everything_in_order(run: list[Step]) -> None:
    state = _state()
    for step in run:
        step(state)
        state.check()


@lawful(max_examples=300)
@given(st.lists(st.tuples(events(), st.booleans()), min_size=5, max_size=40))
def test_legs_are_the_same_however_many_events_they_wait_for(
    run: list[tuple[ev.Event, bool]],
) -> None:
    """Calls and legs are worked out for many events at once: what was between leaves nothing."""
    at_once, late = _state(), _state()
    for event, is_asked in run:
        at_once.apply(MACHINE, event)
        late.take(MACHINE, event)
        if is_asked:
            assert set(late.store) == set(at_once.store)
    assert set(late.store) == set(at_once.store)
    late.check()


@lawful(max_examples=200)
@given(st.lists(events(), max_size=25), events())
def test_repeating_an_event_changes_nothing(before: list[ev.Event], event: ev.Event) -> None:
    """Except where a second one is not a repetition.

    A second MixMonitorStop stops another recording, a second MixMonitorStart without a file
    begins another. And one message cannot show one channel in two ways.
    """
    if isinstance(event, ev.MixMonitorStop | ev.MixMonitorStart) or _contradicts_itself(event):
        return
    state = _state()
    for earlier in before:
        state.apply(MACHINE, earlier)
    state.apply(MACHINE, event)
    once, legs = facts(state.sync_of(MACHINE).served), set(state.store)
    state.apply(MACHINE, event)
    assert facts(state.sync_of(MACHINE).served) == once
    assert set(state.store) == legs
    state.check()


def _contradicts_itself(event: ev.Event) -> bool:
    ends = [getattr(event, name, None) for name in ("caller", "dest", "one", "two")]
    shown = [one.uniqueid for one in ends if one is not None]
    return len(set(shown)) < len(shown)


@lawful(max_examples=200)
@given(st.lists(events(), max_size=15), st.data())
def test_events_of_different_channels_commute(before: list[ev.Event], data: st.DataObject) -> None:
    """Asterisk orders the events of one channel only.

    Not so a bridge's (the linkedid of who comes second shows who came first), a dial's, and
    what one channel says of another by name (BRIDGEPEER); nor the births of chosen ids.
    And they have to be of one time: what is long gone is forgotten.
    """
    one, other = data.draw(st.permutations(ORDINARY))[:2]
    plain = st.sampled_from(("V", "W", "SIPCALLID"))
    first = replace(data.draw(channel_events(_of(one), plain)), at=AT)
    second = replace(data.draw(channel_events(_of(other), plain)), at=AT)
    of_one_time = [replace(event, at=AT) for event in before]
    assert _after([*of_one_time, first, second]) == _after([*of_one_time, second, first])


def _of(uniqueid: str) -> st.SearchStrategy[ev.ChannelSnapshot]:
    """Give blocks of one channel under its own name, in calls with ordinary ids."""
    return snapshots(ORDINARY).map(
        lambda shown: snapshot(
            uniqueid,
            linkedid=shown.linkedid,
            channel_state=shown.channel_state,
            caller_number=shown.caller_number,
            exten=shown.exten,
            variables=shown.variables,
        )
    )


def _after(run: list[ev.Event]) -> dict[str, Any]:
    sync = Sync()
    for event in run:
        sync.apply(event)
    sync.mirror.registry.check()
    return facts(sync.mirror.registry)


class Truth:
    """A state of a machine, and the lists of it."""

    def __init__(self, shown: list[ev.ChannelSnapshot], between: list[ev.Bridge], where: list[int]):
        self.channels = {one.uniqueid: one for one in shown}
        self.bridges = {one.bridge_uniqueid: one for one in between}
        self.members: dict[str, list[ev.ChannelSnapshot]] = {one: [] for one in self.bridges}
        for channel, place in zip(self.channels.values(), where, strict=False):
            if place < len(between):
                self.members[list(self.bridges)[place % len(self.bridges)]].append(channel)

    def lists(self) -> list[ev.Event]:
        shown = self.channels.values()
        told: list[ev.Event] = [ev.ListStart(AT, "1")]
        told += [ev.Status(AT, one, "1", 5, "", ()) for one in shown]
        told += [ev.ListComplete(AT, "StatusComplete", "1", len(shown)), ev.ListStart(AT, "2")]
        told += [ev.CoreShowChannel(AT, one, "2", 5, "") for one in shown]
        told += [ev.ListComplete(AT, "CoreShowChannelsComplete", "2", len(shown))]
        told += [ev.ListStart(AT, "3")]
        told += [ev.BridgeListItem(AT, one, "3") for one in self.bridges.values()]
        told += [ev.ListComplete(AT, "BridgeListComplete", "3", len(self.bridges))]
        for uniqueid, members in self.members.items():
            told += [ev.ListStart(AT, uniqueid)]
            told += [ev.BridgeInfoChannel(AT, one, uniqueid) for one in members]
            told += [
                ev.BridgeInfoComplete(AT, self.bridges[uniqueid], uniqueid, len(members)),
            ]
        return told


def truths() -> st.SearchStrategy[Truth]:
    """Give random true states: each channel once, in one bridge at most."""
    own_name = snapshots().map(
        lambda one: snapshot(
            one.uniqueid,
            linkedid=one.linkedid,
            channel_state=one.channel_state,
            caller_number=one.caller_number,
        )
    )
    return st.builds(
        Truth,
        st.lists(own_name, unique_by=lambda one: one.uniqueid, max_size=len(NAMES)),
        st.lists(bridges(), unique_by=lambda one: one.bridge_uniqueid, max_size=2),
        st.lists(st.integers(0, 2), min_size=len(NAMES), max_size=len(NAMES)),
    )


@lawful(max_examples=200)
@given(st.lists(steps(), max_size=25), truths())
def test_a_sync_after_anything_equals_the_lists(before: list[Step], truth: Truth) -> None:
    state = _state()
    for step in before:
        step(state)
    state.opened(MACHINE)
    _agree(state, truth)


@lawful(max_examples=200)
@given(st.lists(steps(), max_size=25), truths())
def test_an_audit_after_anything_equals_the_lists(before: list[Step], truth: Truth) -> None:
    state = _state()
    for step in before:
        step(state)
    _agree(state, truth)


def _agree(state: CallState, truth: Truth) -> None:
    for event in truth.lists():
        state.apply(MACHINE, event)
    state.released(MACHINE, AT)
    state.check()
    registry = state.sync_of(MACHINE).served
    assert registry.channels.keys() == truth.channels.keys()
    shown = {one.linkedid for one in truth.channels.values()}
    for uniqueid, one in truth.channels.items():
        channel = registry.channels[uniqueid]
        assert channel.snapshot == one
        # A linkedid moves silently: an older one that others show as well is the newer truth.
        assert channel.linkedid == one.linkedid or channel.linkedid in shown
    assert {uniqueid: set(record.members) for uniqueid, record in registry.bridges.items()} == {
        uniqueid: {one.uniqueid for one in members} for uniqueid, members in truth.members.items()
    }


@lawful(max_examples=200)
@given(truths())
def test_a_first_sync_shows_the_calls_of_the_lists(truth: Truth) -> None:
    state = _state()
    _agree(state, truth)
    for uniqueid, channel in state.sync_of(MACHINE).served.channels.items():
        assert channel.linkedid == truth.channels[uniqueid].linkedid


@lawful(max_examples=300)
@given(st.lists(events(), max_size=30))
def test_what_is_gone_leaves_nothing(before: list[ev.Event]) -> None:
    mirror = Mirror()
    for event in before:
        mirror.apply(event)
    for uniqueid in NAMES:
        mirror.apply(ev.Hangup(AT, uniqueid, ""))
    for one in ("b1", "b2"):
        mirror.apply(ev.BridgeDestroy(AT, bridge(one)))
    registry = mirror.registry
    registry.check()
    assert registry.channels == {}
    assert registry.bridges == {}
    assert registry.get("PJSIP/a-00000001") is None
    calls = registry.calls
    assert (calls._by_linkedid, calls._by_pair, calls._births) == ({}, {}, {})
    assert (registry._by_name, registry._superseded, registry.dialling._orphans) == ({}, {}, {})


def test_random_events_are_of_every_kind() -> None:
    """Else a new one would be lawless."""
    seen: set[type[ev.Event]] = set()

    @lawful(max_examples=600)
    @given(events())
    def look(event: ev.Event) -> None:
        seen.add(type(event))

    look()
    assert seen == set(_kinds(ev.Event))


def _kinds(base: type[ev.Event]) -> Iterator[type[ev.Event]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)
