"""A machine across its connections: filled beside what is served, swapped at once, healed."""

from typing import Any

from callstate.core import events as ev
from callstate.core.sync import DOUBT_SECONDS, Sync
from tests.core.shown import AT, bridge, snapshot

A, B, C = "1000000000.1", "1000000000.2", "1000000000.3"


def _list_channels(sync: Sync, *uniqueids: str, items: int | None = None, at: float = AT) -> None:
    sync.apply(ev.ListStart(at, "channels"))
    for uniqueid in uniqueids:
        sync.apply(ev.CoreShowChannel(at, snapshot(uniqueid), "channels", 9, ""))
    count = len(uniqueids) if items is None else items
    sync.apply(ev.ListComplete(at, "CoreShowChannelsComplete", "channels", count))


def _list_bridges(sync: Sync, *uniqueids: str) -> None:
    sync.apply(ev.ListStart(AT, "bridges"))
    for uniqueid in uniqueids:
        sync.apply(ev.BridgeListItem(AT, bridge(uniqueid), "bridges"))
    sync.apply(ev.ListComplete(AT, "BridgeListComplete", "bridges", len(uniqueids)))


def _list_members(sync: Sync, *uniqueids: str, items: int | None = None) -> None:
    sync.apply(ev.ListStart(AT, "members"))
    for uniqueid in uniqueids:
        sync.apply(ev.BridgeInfoChannel(AT, snapshot(uniqueid), "members"))
    count = len(uniqueids) if items is None else items
    sync.apply(ev.BridgeInfoComplete(AT, bridge("b1"), "members", count))


def _in_step(*uniqueids: str) -> Sync:
    sync = Sync()
    sync.opened()
    for uniqueid in uniqueids:
        sync.apply(ev.Newchannel(AT, snapshot(uniqueid)))
    sync.release()
    return sync


def _served(sync: Sync) -> set[str]:
    return set(sync.served.channels)


def test_a_list_adds_what_no_event_said_and_removes_what_is_gone() -> None:
    sync = _in_step(A, B)
    _list_channels(sync, B, C)
    assert _served(sync) == {B, C}
    assert (sync.reaped, sync.missed) == (1, 1)


def test_a_list_that_lost_an_item_removes_nothing() -> None:
    sync = _in_step(A, B)
    _list_channels(sync, B, items=2)
    assert _served(sync) == {A, B}


def test_a_list_without_a_count_is_believed() -> None:
    sync = _in_step(A, B)
    _list_channels(sync, B, items=-1)
    assert _served(sync) == {B}


def test_what_a_channel_says_of_one_that_is_listed_after_it_is_kept() -> None:
    sync, peer = _in_step(), snapshot(B)
    said = (("BRIDGEPEER", peer.channel), ("BRIDGEPVTCALLID", "x@b"))
    sync.apply(ev.ListStart(AT, "status"))
    sync.apply(ev.Status(AT, snapshot(A), "status", 9, "", said))
    sync.apply(ev.Status(AT, peer, "status", 9, ""))
    sync.apply(ev.ListComplete(AT, "StatusComplete", "status", 2))
    assert sync.mirror.registry.channels[B].sip_callid == "x@b"


def test_a_completion_that_no_list_began_is_nothing() -> None:
    sync = _in_step(A)
    sync.apply(ev.ListComplete(AT, "CoreShowChannelsComplete", "other", 0))
    sync.apply(ev.BridgeInfoComplete(AT, bridge("b1"), "other", 0))
    assert _served(sync) == {A}


def test_a_list_does_not_bring_back_what_was_hung_up() -> None:
    sync = _in_step(A)
    sync.apply(ev.Hangup(AT, A, "PJSIP/a"))
    _list_channels(sync, A)
    assert _served(sync) == set()


def test_the_list_of_live_channels_removes_nothing() -> None:
    sync = _in_step(A, B)
    sync.apply(ev.ListStart(AT, "status"))
    sync.apply(ev.Status(AT, snapshot(A), "status", 9, "", (("v", "1"),)))
    sync.apply(ev.ListComplete(AT, "StatusComplete", "status", 1))
    assert _served(sync) == {A, B}
    assert sync.served.channels[A].variables["v"] == "1"


def test_members_are_those_that_are_listed() -> None:
    sync = _in_step(A, B, C)
    sync.apply(ev.BridgeEnter(AT, bridge("b1"), snapshot(C)))
    _list_members(sync, A, B)
    assert set(sync.served.bridges["b1"].members) == {A, B}
    _list_members(sync, A, items=2)
    assert set(sync.served.bridges["b1"].members) == {A, B}
    sync.served.check()


def test_bridges_that_are_not_listed_are_gone() -> None:
    sync = _in_step(A)
    sync.apply(ev.BridgeEnter(AT, bridge("b1"), snapshot(A)))
    _list_bridges(sync, "b2")
    assert set(sync.served.bridges) == {"b2"}
    assert sync.served.channels[A].bridge is None


def test_what_was_known_is_served_until_the_new_mirror_is_complete() -> None:
    sync = _in_step(A, B)
    sync.opened()
    assert sync.is_held
    _list_channels(sync, B, C)
    assert _served(sync) == {A, B}
    sync.release()
    assert _served(sync) == {B, C}
    assert not sync.is_held


def test_at_the_first_connection_there_is_nothing_to_hold() -> None:
    sync = Sync()
    sync.opened()
    assert not sync.is_held
    sync.apply(ev.Newchannel(AT, snapshot(A)))
    assert _served(sync) == {A}
    assert sync.missed == 0


def test_a_connection_that_broke_before_its_sync_changes_nothing_of_what_is_served() -> None:
    sync = _in_step(A)
    sync.opened()
    sync.apply(ev.Newchannel(AT, snapshot(B)))
    sync.opened()
    assert _served(sync) == {A}
    _list_channels(sync, A)
    sync.release()
    assert _served(sync) == {A}


def test_an_answer_seen_before_is_kept_across_connections() -> None:
    sync = _in_step(A)
    sync.apply(ev.ChannelUpdate(AT + 5, snapshot(A, channel_state=6), creates=True))
    sync.opened()
    sync.apply(ev.ListStart(AT, "channels"))
    shown = snapshot(A, channel_state=6)
    sync.apply(ev.CoreShowChannel(AT + 60, shown, "channels", 60, ""))
    sync.release()
    assert sync.served.channels[A].answered == int(AT + 5)


def test_what_held_its_peer_while_we_were_away_is_not_known_of_a_new_channel() -> None:
    sync = _in_step()
    sync.opened()
    _list_channels(sync, A)
    assert sync.mirror.registry.channels[A].answered == 0


def test_a_boot_after_the_lists_ends_all_that_was_before() -> None:
    sync = _in_step(A)
    sync.opened()
    sync.apply(ev.ListStart(AT, "channels"))
    sync.apply(ev.FullyBooted(AT, -1))
    assert _served(sync) == set()
    sync.apply(ev.Newchannel(AT, snapshot(B)))
    assert _served(sync) == {B}


def test_an_uptime_shorter_than_a_channels_age_ends_all_that_was_before() -> None:
    sync = _in_step(A)
    sync.opened()
    sync.apply(ev.FullyBooted(1000000100.0, 50))
    assert _served(sync) == set()


def test_an_uptime_longer_than_any_channels_age_ends_nothing() -> None:
    sync = _in_step(A)
    sync.opened()
    sync.apply(ev.FullyBooted(1000000100.0, 5000))
    assert _served(sync) == {A}


def test_a_machine_that_does_not_know_the_lists_yet_began_anew() -> None:
    sync = _in_step(A)
    sync.opened()
    sync.apply(ev.ListRefused(AT))
    assert _served(sync) == set()


def test_a_boot_said_twice_on_one_connection_ends_nothing() -> None:
    sync = _in_step(A)
    sync.apply(ev.FullyBooted(AT, 0))
    sync.apply(ev.ListRefused(AT))
    assert _served(sync) == {A}


def test_a_shutdown_ends_every_channel() -> None:
    sync = _in_step(A, B)
    sync.apply(ev.BridgeEnter(AT, bridge("b1"), snapshot(A)))
    sync.apply(ev.Shutdown(AT))
    assert _served(sync) == set()
    assert sync.served.bridges == {}


def test_what_is_withdrawn_is_not_served_any_more() -> None:
    sync = _in_step(A)
    sync.withdraw()
    assert _served(sync) == set()

    sync = _in_step(A)
    sync.opened()
    sync.apply(ev.Newchannel(AT, snapshot(B)))
    sync.withdraw()
    assert _served(sync) == {B}


def _list_live(sync: Sync, *uniqueids: str, at: float, items: int | None = None) -> None:
    sync.apply(ev.ListStart(at, "status"))
    for uniqueid in uniqueids:
        sync.apply(ev.Status(at, snapshot(uniqueid), "status", 9, "", ()))
    count = len(uniqueids) if items is None else items
    sync.apply(ev.ListComplete(at, "StatusComplete", "status", count))


def test_what_two_lists_of_live_channels_leave_out_is_over() -> None:
    sync = _in_step(A, B)
    _list_live(sync, A, at=AT)
    assert set(sync.doubts) == {B}
    assert not sync.served.channels[B].is_over
    _list_live(sync, A, at=AT + 1)
    assert not sync.served.channels[B].is_over
    sync.served.changed.clear()
    _list_live(sync, A, at=AT + DOUBT_SECONDS)
    assert sync.served.channels[B].is_over
    assert sync.served.changed == {B}
    assert not sync.served.channels[A].is_over


def test_a_channel_that_is_back_is_in_doubt_no_more() -> None:
    sync = _in_step(A)
    _list_live(sync, at=AT)
    _list_live(sync, at=AT + DOUBT_SECONDS)
    assert sync.served.channels[A].is_over
    _list_live(sync, A, at=AT + 2 * DOUBT_SECONDS)
    assert not sync.served.channels[A].is_over
    assert sync.doubts == {}


def test_a_list_of_live_channels_that_is_not_whole_raises_no_doubt() -> None:
    sync = _in_step(A, B)
    _list_live(sync, A, at=AT, items=2)
    assert sync.doubts == {}


def test_a_new_connection_begins_without_doubts() -> None:
    sync = _in_step(A)
    _list_live(sync, at=AT)
    sync.opened()
    assert sync.doubts == {}


def test_what_comes_together_is_taken_in_but_for_what_the_session_notes_and_a_bug_costs_one() -> (
    None
):
    sync, noted = Sync(), list[ev.Event]()
    marker, malformed = ev.Marker(AT, "1"), ev.Malformed(AT, "cut")
    first, second = snapshot(uniqueid="1.1"), snapshot(uniqueid="1.2", channel="PJSIP/b-2")
    broken: Any = ev.Newchannel(AT, None)  # type: ignore[arg-type]

    def note(event: ev.Event) -> None:
        noted.append(event)
        if event is malformed:
            raise ValueError("second")

    events = [ev.Newchannel(AT, first), marker, broken, malformed, ev.Newchannel(AT, second)]
    failure = sync.apply_all(events, note)
    assert isinstance(failure, AttributeError), "the first"
    assert noted == [marker, malformed]
    assert set(sync.mirror.registry.channels) == {"1.1", "1.2"}
    assert sync.apply_all([], note) is None
