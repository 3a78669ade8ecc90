"""The mirror, rule by rule: what makes a channel, what ends it, who is where and with whom."""

import pytest

from callstate.core import events as ev
from callstate.core.mirror import Mirror
from callstate.core.registry import Registry
from tests.core.shown import (
    AT,
    bridge,
    channel_list,
    enter,
    hangup,
    leave,
    listed,
    newchannel,
    snapshot,
    status,
    update,
)

A, B, C = "1000000000.1", "1000000000.2", "1000000000.3"
ONE, TWO = "1000000000.10", "1000000000.11"


def after(*events: ev.Event, carried: Registry | None = None) -> Registry:
    """Return what is known after these events; in order after each of them."""
    mirror = Mirror(carried)
    for event in events:
        mirror.apply(event)
        mirror.registry.check()
    return mirror.registry


def members(registry: Registry) -> dict[str, list[str]]:
    return {one: list(record.members) for one, record in registry.bridges.items()}


def calls(registry: Registry) -> set[frozenset[str]]:
    return {
        frozenset(member.uniqueid for member in channel.call.members)
        for channel in registry.channels.values()
        if channel.call is not None
    }


# What makes a channel

CREATING = {
    "Newchannel": newchannel(A),
    "an update of a live channel": update(A),
    "NewCallerid": ev.NewCallerid(AT, snapshot(A), 0),
    "VarSet": ev.VarSet(AT, snapshot(A), "V", "1"),
    "Hold": ev.Hold(AT, snapshot(A)),
    "Unhold": ev.Unhold(AT, snapshot(A)),
    "MixMonitorStart": ev.MixMonitorStart(AT, snapshot(A)),
    "DialBegin, the one that dials": ev.DialBegin(AT, snapshot(A), snapshot(B)),
    "DialBegin, the one that is dialled": ev.DialBegin(AT, None, snapshot(A)),
    "DialState": ev.DialState(AT, None, snapshot(A), "RINGING"),
    "BridgeEnter": enter(A),
    "CoreShowChannel": listed(A),
    "Status": status(A),
}
NOT_CREATING = {
    "an event from a stored snapshot": ev.ChannelUpdate(AT, snapshot(A)),
    "HangupRequest": ev.HangupRequest(AT, snapshot(A)),
    "Hangup": hangup(A),
    "MixMonitorStop": ev.MixMonitorStop(AT, snapshot(A)),
    "DialEnd": ev.DialEnd(AT, None, snapshot(A), "ANSWER"),
    "DialEnd, of both": ev.DialEnd(AT, snapshot(B), snapshot(A), "ANSWER"),
    "BridgeLeave": leave(A),
    "Rename": ev.Rename(AT, A, "PJSIP/a", "PJSIP/b"),
    "LocalBridge": ev.LocalBridge(AT, snapshot(A), snapshot(B)),
    "QueueCallerJoin": ev.QueueCallerJoin(AT, snapshot(A), "q"),
    "QueueCallerLeave": ev.QueueCallerLeave(AT, snapshot(A), "q"),
    "BridgeCreate": ev.BridgeCreate(AT, bridge()),
    "Marker": ev.Marker(AT, "1-1"),
    "Malformed": ev.Malformed(AT, "x"),
    "Masquerade": ev.Masquerade(AT),
}


@pytest.mark.parametrize("event", CREATING.values(), ids=CREATING)
def test_an_unknown_channel_is_taken_from(event: ev.Event) -> None:
    assert A in after(event).channels


@pytest.mark.parametrize("event", NOT_CREATING.values(), ids=NOT_CREATING)
def test_no_channel_is_made_of(event: ev.Event) -> None:
    assert not after(event).channels


@pytest.mark.parametrize(
    "event",
    [event for name, event in CREATING.items() if name not in ("Newchannel", "Status")],
    ids=[name for name in CREATING if name not in ("Newchannel", "Status")],
)
def test_after_its_hangup_a_channel_is_not_made_again_by(event: ev.Event) -> None:
    assert A not in after(newchannel(A), hangup(A), event).channels


def test_a_hangup_of_an_unknown_channel_is_remembered() -> None:
    registry = after(hangup(A), update(A))
    assert A in registry._tombstones
    assert not registry.channels


def test_an_id_that_somebody_chose_can_be_used_again() -> None:
    registry = after(newchannel("click-1"), hangup("click-1"), newchannel("click-1"))
    assert "click-1" in registry.channels
    assert "click-1" not in registry._tombstones


def test_a_live_channel_in_a_list_was_not_hung_up() -> None:
    """Status holds a reference: the Hangup that was seen was another's, or bytes were lost."""
    assert A in after(hangup(A), status(A)).channels


def test_a_second_newchannel_is_an_update() -> None:
    registry = after(newchannel(A), newchannel(A, caller_number="101"))
    assert registry.channels[A].snapshot.caller_number == "101"


def test_a_channel_seen_late_is_as_it_was_shown() -> None:
    channel = after(update(A, channel_state=5, caller_number="101", exten="7")).channels[A]
    assert (channel.snapshot.channel_state, channel.snapshot.caller_number) == (5, "101")
    assert channel.first_exten == "7"


# What each event of a channel tells


def test_each_event_of_a_known_channel_refreshes_it() -> None:
    shown = snapshot(A, account_code="17", connected_number="102")
    for event in (
        ev.ChannelUpdate(AT, shown),
        ev.HangupRequest(AT, shown),
        ev.DialEnd(AT, shown, snapshot(B), "BUSY"),
        ev.DialEnd(AT, None, shown, "BUSY"),
        ev.LocalBridge(AT, shown, snapshot(B)),
        ev.LocalBridge(AT, snapshot(B), shown),
        ev.QueueCallerJoin(AT, shown, "q"),
        leave(A, account_code="17", connected_number="102"),
    ):
        registry = after(newchannel(A), ev.BridgeCreate(AT, bridge()), event)
        assert registry.channels[A].snapshot == shown, event


def test_answered_is_the_first_second_in_which_it_was_seen_up() -> None:
    registry = after(newchannel(A), update(A, channel_state=6, at=AT + 7))
    assert registry.channels[A].answered == AT + 7 // 1
    registry = after(
        newchannel(A),
        update(A, channel_state=6, at=AT + 7),
        update(A, channel_state=6, exten="9", at=AT + 9),
    )
    assert registry.channels[A].answered == int(AT + 7)


def test_a_channel_can_begin_answered() -> None:
    assert after(newchannel(A, channel_state=6)).channels[A].answered == int(AT)


def test_when_a_listed_channel_was_answered_is_not_known() -> None:
    assert after(status(A, channel_state=6)).channels[A].answered == 0


def test_it_began_when_its_uniqueid_says() -> None:
    assert after(newchannel(A)).channels[A].start == 1000000000


def test_one_with_a_chosen_id_began_when_it_was_first_seen_or_as_its_age_says() -> None:
    assert after(newchannel("click-1")).channels["click-1"].start == int(AT)
    assert after(listed("click-1")).channels["click-1"].start == int(AT) - 10


def test_presentation_is_what_newcallerid_last_said() -> None:
    registry = after(newchannel(A))
    assert registry.channels[A].presentation == -1
    said = ev.NewCallerid(AT, snapshot(A), 32)
    unsaid = ev.NewCallerid(AT, snapshot(A), -1)
    assert after(newchannel(A), said, unsaid).channels[A].presentation == 32


def test_hold_lasts_until_unhold() -> None:
    held = after(newchannel(A), ev.Hold(AT, snapshot(A)))
    assert held.channels[A].holding
    assert not after(ev.Hold(AT, snapshot(A)), ev.Unhold(AT, snapshot(A))).channels[A].holding


def test_a_requested_hangup_is_not_one_yet_and_forgotten_in_a_bridge() -> None:
    request = ev.HangupRequest(AT, snapshot(A))
    assert after(newchannel(A), request).channels[A].hangup_requested
    assert not after(newchannel(A), request, enter(A)).channels[A].hangup_requested


def test_a_queue_is_where_the_caller_waits() -> None:
    joined = ev.QueueCallerJoin(AT, snapshot(A), "support")
    left = ev.QueueCallerLeave(AT, snapshot(A), "support")
    assert after(newchannel(A), joined).channels[A].queue == "support"
    assert after(newchannel(A), joined, left).channels[A].queue == ""


def test_a_rename_changes_the_name_only() -> None:
    registry = after(newchannel(A), ev.Rename(AT, A, "PJSIP/a-00000001", "PJSIP/z"))
    assert registry.channels[A].channel == "PJSIP/z"
    assert registry.get("PJSIP/z") is registry.channels[A]
    assert registry.get("PJSIP/a-00000001") is None


@pytest.mark.parametrize("event", [update(A, exten="9"), listed(A), status(A)])
def test_a_name_that_was_taken_away_does_not_come_back(event: ev.Event) -> None:
    """Rename is sent ahead of the others."""
    renamed = ev.Rename(AT, A, "PJSIP/a-00000001", "PJSIP/z")
    assert after(newchannel(A), renamed, event).channels[A].channel == "PJSIP/z"


@pytest.mark.parametrize("event", [listed(A), status(A)])
def test_a_list_corrects_a_name(event: ev.Event) -> None:
    registry = after(newchannel(A, channel="PJSIP/a-000"), event)
    assert registry.channels[A].channel == "PJSIP/a-00000001"


# Variables


def test_a_variable_is_what_varset_last_said() -> None:
    registry = after(
        ev.VarSet(AT, snapshot(A), "V", "1"),
        ev.VarSet(AT, snapshot(A), "V", "2"),
        ev.VarSet(AT, snapshot(A), "W", ""),
    )
    assert registry.channels[A].variables == {"V": "2", "W": ""}


def test_a_block_that_still_shows_the_old_value_does_not_undo_a_varset() -> None:
    old = (("V", "1"),)
    registry = after(
        newchannel(A, variables=old),
        ev.VarSet(AT, snapshot(A, variables=old), "V", "2"),
        update(A, variables=old, exten="9"),
    )
    assert registry.channels[A].variables["V"] == "2"


def test_a_block_that_shows_another_value_says_what_no_varset_said() -> None:
    """A masquerade copies variables onto another channel, and tells nobody."""
    registry = after(newchannel(A, variables=(("V", "1"),)), update(A, variables=(("V", "2"),)))
    assert registry.channels[A].variables["V"] == "2"


def test_a_live_list_says_what_variables_are() -> None:
    registry = after(
        ev.VarSet(AT, snapshot(A), "V", "1"), status(A, variables=(("V", "2"), ("W", "3")))
    )
    assert registry.channels[A].variables == {"V": "2", "W": "3"}


# Recordings


def test_recordings_are_counted_the_last_one_first_to_go() -> None:
    def record(name: str) -> list[ev.Event]:
        named = ev.VarSet(AT, snapshot(A), "MIXMONITOR_FILENAME", name)
        return [named, ev.MixMonitorStart(AT, snapshot(A))]

    stop = ev.MixMonitorStop(AT, snapshot(A))
    assert after(*record("/1"), *record("/2")).channels[A].recordings == ["/1", "/2"]
    assert after(*record("/1"), *record("/2"), stop).channels[A].recordings == ["/1"]
    assert after(*record("/1"), stop, stop).channels[A].recordings == []


def test_one_recording_said_twice_is_one() -> None:
    named = ev.VarSet(AT, snapshot(A), "MIXMONITOR_FILENAME", "/1")
    start = ev.MixMonitorStart(AT, snapshot(A))
    assert after(named, start, start).channels[A].recordings == ["/1"]


def test_a_recording_without_a_file_is_one_all_the_same() -> None:
    start = ev.MixMonitorStart(AT, snapshot(A))
    assert after(newchannel(A), start).channels[A].recordings == [""]


# Dials


def test_a_dial_lasts_from_its_begin_to_its_end() -> None:
    begin = ev.DialBegin(AT, snapshot(A), snapshot(B))
    heard = ev.DialState(AT, snapshot(A), snapshot(B), "RINGING")
    end = ev.DialEnd(AT, snapshot(A), snapshot(B), "ANSWER")
    registry = after(newchannel(A), newchannel(B), begin)
    assert registry.channels[A].dialling == {B: ""}
    assert registry.channels[B].dialled_by == A
    assert after(begin, heard).channels[A].dialling == {B: "RINGING"}
    assert after(begin, heard, begin).channels[A].dialling == {B: "RINGING"}
    registry = after(begin, heard, end)
    assert registry.channels[A].dialling == {}
    assert registry.channels[B].dialled_by == A


@pytest.mark.parametrize("status", ["CANCEL", "NOANSWER", "BUSY", "ANSWER"])
def test_a_dial_can_end_twice(status: str) -> None:
    begin = ev.DialBegin(AT, snapshot(A), snapshot(B))
    end = ev.DialEnd(AT, snapshot(A), snapshot(B), "CANCEL")
    second = ev.DialEnd(AT, snapshot(A), snapshot(B), status)
    assert after(begin, end, second).channels[A].dialling == {}


def test_who_picks_up_is_dialled_by_whom_its_answer_names() -> None:
    answered = ev.DialEnd(AT, snapshot(A), snapshot(C), "ANSWER")
    begin = ev.DialBegin(AT, snapshot(A), snapshot(B))
    registry = after(begin, newchannel(C), answered)
    assert registry.channels[C].dialled_by == A
    assert registry.channels[A].dialled == {B, C}


@pytest.mark.parametrize("gone", [A, B])
def test_a_hangup_of_either_side_ends_the_dial(gone: str) -> None:
    registry = after(ev.DialBegin(AT, snapshot(A), snapshot(B)), hangup(gone))
    for channel in registry.channels.values():
        assert not channel.dialling


def test_who_is_dialled_by_another_is_dialled_by_nobody_else() -> None:
    """A blonde transfer: the old caller's dial ends late or never."""
    registry = after(
        ev.DialBegin(AT, snapshot(A), snapshot(B)), ev.DialBegin(AT, snapshot(C), snapshot(B))
    )
    assert registry.channels[A].dialling == {}
    assert registry.channels[C].dialling == {B: ""}


# Bridges


def test_bridges_are_entered_and_left() -> None:
    registry = after(ev.BridgeCreate(AT, bridge()), enter(A), enter(B))
    assert members(registry) == {"b1": [A, B]}
    assert members(after(enter(A), enter(B), leave(A))) == {"b1": [B]}


def test_entering_leaves_any_other_bridge() -> None:
    assert members(after(enter(A), enter(A, bridge("b2")))) == {"b1": [], "b2": [A]}


def test_leaving_counts_only_for_the_bridge_one_is_in() -> None:
    registry = after(enter(A), ev.BridgeCreate(AT, bridge("b2")), leave(A, bridge("b2")))
    assert members(registry) == {"b1": [A], "b2": []}
    assert registry.channels[A].bridge is registry.bridges["b1"]


def test_who_is_swapped_out_is_no_member() -> None:
    assert members(after(enter(A), enter(B), enter(C, swap=B))) == {"b1": [A, C]}


def test_swapping_out_who_is_not_there_is_entering() -> None:
    assert members(after(enter(A), enter(C, swap=B))) == {"b1": [A, C]}


def test_who_is_in_another_bridge_is_not_swapped_out_of_it() -> None:
    registry = after(enter(A), enter(B, bridge("b2")), enter(C, swap=B))
    assert members(registry) == {"b1": [A, C], "b2": [B]}


def test_a_bridge_that_is_gone_has_no_members() -> None:
    registry = after(enter(A), enter(B), ev.BridgeDestroy(AT, bridge()))
    assert members(registry) == {}
    assert registry.channels[A].bridge is None


def test_leaving_does_not_bring_a_bridge_back() -> None:
    assert members(after(enter(A), ev.BridgeDestroy(AT, bridge()), leave(A))) == {}


def test_a_hangup_leaves_the_bridge() -> None:
    assert members(after(enter(A), enter(B), hangup(A))) == {"b1": [B]}


def test_who_enters_after_its_hangup_leaves_a_bridge_without_it() -> None:
    assert members(after(newchannel(A), hangup(A), enter(A))) == {"b1": []}


def test_a_shutdown_ends_everything() -> None:
    registry = after(enter(A), enter(B), ev.Shutdown(AT))
    assert (registry.channels, registry.bridges) == ({}, {})
    assert A in registry._tombstones


# Linkedids and calls


@pytest.mark.parametrize(
    "joined", [bridge(), bridge(kind="stasis")], ids=["basic", "stasis that mixes"]
)
def test_the_linkedid_of_who_enters_holds_for_all_who_talk(joined: ev.Bridge) -> None:
    registry = after(enter(B, joined), enter(A, joined, linkedid="999999999.7"))
    assert {channel.linkedid for channel in registry.channels.values()} == {"999999999.7"}


@pytest.mark.parametrize(
    "joined",
    [
        bridge(kind="base"),
        bridge(kind="parking"),
        bridge(kind="stasis", technology="holding_bridge"),
        bridge(kind="agent_hold"),
    ],
    ids=lambda joined: joined.bridge_type,
)
def test_a_conference_or_a_place_to_wait_joins_nobody(joined: ev.Bridge) -> None:
    registry = after(enter(B, joined), enter(A, joined))
    assert registry.channels[B].linkedid == B
    assert calls(registry) == {frozenset({A}), frozenset({B})}


def test_who_is_swapped_out_keeps_its_linkedid() -> None:
    registry = after(enter(B), enter(C), enter(A, swap=C, linkedid=A))
    assert (registry.channels[B].linkedid, registry.channels[C].linkedid) == (A, C)


def test_a_linkedid_moves_to_an_older_one_only() -> None:
    older = after(newchannel(B), update(B, linkedid=A))
    assert older.channels[B].linkedid == A
    younger = after(newchannel(B, linkedid=A), update(B, linkedid=B))
    assert younger.channels[B].linkedid == A


def test_a_counter_tells_which_of_one_second_is_older() -> None:
    registry = after(newchannel(TWO, linkedid=ONE), update(TWO, linkedid="1000000000.2"))
    assert registry.channels[TWO].linkedid == "1000000000.2"


@pytest.mark.parametrize("late", [update("click-1", exten="9"), listed("click-1")])
def test_a_chosen_id_does_not_come_back_once_it_met_an_older_one(late: ev.Event) -> None:
    registry = after(newchannel(A), newchannel("click-1"), enter("click-1", linkedid=A), late)
    assert registry.channels["click-1"].linkedid == A


def test_a_chosen_id_is_older_than_who_came_later() -> None:
    younger = f"{int(AT) + 9}.1"
    joined = enter(younger, linkedid="click-1")
    assert after(newchannel("click-1"), newchannel(younger), joined).channels[younger].linkedid == (
        "click-1"
    )
    before = after(listed("click-1"), newchannel(younger, linkedid="click-1"))
    assert before.channels[younger].linkedid == "click-1"


def test_a_linkedid_shows_in_any_event() -> None:
    registry = after(newchannel(A), newchannel(B), ev.VarSet(AT, snapshot(B, linkedid=A), "V", ""))
    assert calls(registry) == {frozenset({A, B})}


def test_a_local_channel_that_stays_joins_the_two_calls() -> None:
    """A linkedid does not pass through it: each side keeps its own."""
    registry = after(
        newchannel(A),
        newchannel(ONE, linkedid=A),
        newchannel(TWO, linkedid=TWO),
        enter(TWO, bridge("b2"), linkedid=TWO),
        enter(B, bridge("b2"), linkedid=TWO),
    )
    assert calls(registry) == {frozenset({A, ONE, TWO, B})}
    assert registry.channels[B].call is registry.channels[A].call


def test_a_call_parts_when_what_joined_it_is_gone() -> None:
    registry = after(
        newchannel(A),
        newchannel(ONE, linkedid=A),
        newchannel(TWO),
        newchannel(B, linkedid=TWO),
        hangup(ONE),
    )
    assert calls(registry) == {frozenset({A}), frozenset({TWO, B})}


def test_a_callid_is_the_oldest_linkedid_of_the_call() -> None:
    registry = after(newchannel(ONE, linkedid="999999999.7"), newchannel(TWO))
    call = registry.channels[TWO].call
    assert call is not None
    assert call.callid == "999999999.7"


# Lists


@pytest.mark.parametrize("event", [listed(A, caller_number="7"), status(A, caller_number="7")])
def test_a_listed_channel_is_as_listed(event: ev.Event) -> None:
    assert after(newchannel(A), event).channels[A].snapshot.caller_number == "7"


def test_a_list_does_not_move_a_linkedid_back() -> None:
    """Asterisk's cache may still hold what was before a bridge."""
    registry = after(enter(B), enter(A, linkedid=A), listed(B, linkedid=B))
    assert registry.channels[B].linkedid == A


def test_a_listed_channel_that_runs_a_dialled_line_was_requested() -> None:
    shown = snapshot(A)
    dialled = ev.Status(AT, shown, "s", 5, "AppDial")
    assert after(dialled).channels[A].requested
    assert not after(ev.Status(AT, shown, "s", 5, "Dial")).channels[A].requested


def test_a_list_alone_removes_nothing() -> None:
    """That is for who sees the whole of it, `core.sync`."""
    assert after(newchannel(A), *channel_list(listed(B))).channels.keys() == {A, B}


def test_a_channel_that_a_list_found_up_has_no_time_of_its_answer() -> None:
    mirror = Mirror()
    mirror.apply(listed("1000000000.1", channel_state=6))
    mirror.apply(update("1000000000.1", channel_state=6, exten="2"))
    assert mirror.registry.channels["1000000000.1"].answered == 0


def test_a_channel_that_comes_up_after_a_list_has_one() -> None:
    mirror = Mirror()
    mirror.apply(listed("1000000000.1", channel_state=5))
    mirror.apply(update("1000000000.1", channel_state=6))
    assert mirror.registry.channels["1000000000.1"].answered == int(AT)


def test_who_was_dialled_by_an_id_is_so_by_its_next_channel() -> None:
    """One that was hung up by mistake, or whose id somebody chose again."""
    begin = ev.DialBegin(AT, snapshot(A), snapshot(B))
    assert after(begin, hangup(A)).channels[B].is_dialled
    assert after(begin, hangup(A), status(A)).channels[A].dialled == {B}
    assert after(begin, hangup(A), hangup(B), status(A)).channels[A].dialled == set()


def test_a_dial_event_does_not_take_a_newer_state_back() -> None:
    """Seen live: DialState with state 0 after a Newstate with 5."""
    ringing = update(B, channel_state=5)
    for late in (
        ev.DialBegin(AT, snapshot(A), snapshot(B)),
        ev.DialState(AT, snapshot(A), snapshot(B), "RINGING"),
        ev.DialEnd(AT, snapshot(A), snapshot(B), "BUSY"),
    ):
        channel = after(newchannel(A), newchannel(B), ringing, late).channels[B]
        assert channel.snapshot.channel_state == 5
