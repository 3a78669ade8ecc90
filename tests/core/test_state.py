"""All that the daemon knows: legs follow the mirrors, freshness follows the connections."""

import pytest

from callstate.core import events as ev
from callstate.core.customers import CustomerRow
from callstate.core.derive import Rules
from callstate.core.directory import LineRow, build
from callstate.core.inference import Endpoint
from callstate.core.model import LegKey
from callstate.core.state import CallState
from tests.core.shown import AT, bridge, snapshot

A, B = "1000000000.1", "1000000000.2"


def _state(*machines: int) -> CallState:
    state = CallState()
    for machine in machines:
        state.add_machine(machine, f"m{machine}")
        state.opened(machine, version="9.0.0")
        state.released(machine, AT)
    return state


def _uniqueids(state: CallState) -> set[tuple[int, str]]:
    return {(leg.machine, leg.uniqueid) for leg in state.store}


def test_a_channel_is_a_leg_as_long_as_it_is_there() -> None:
    state = _state(1)
    state.apply(1, ev.Newchannel(AT, snapshot(A)))
    assert _uniqueids(state) == {(1, A)}
    state.check()
    state.apply(1, ev.Hangup(AT, A, "PJSIP/a"))
    assert _uniqueids(state) == set()
    state.check()


def test_same_uniqueid_on_two_machines_are_two_legs() -> None:
    state = _state(1, 2)
    for machine in (1, 2):
        state.apply(machine, ev.Newchannel(AT, snapshot(A)))
    assert _uniqueids(state) == {(1, A), (2, A)}
    state.apply(1, ev.Hangup(AT, A, "PJSIP/a"))
    assert _uniqueids(state) == {(2, A)}


def test_a_local_half_is_no_leg() -> None:
    state = _state(1)
    state.apply(1, ev.Newchannel(AT, snapshot("1000000000.10")))
    assert len(state.store) == 0
    state.check()


def test_a_channel_that_becomes_a_local_half_is_no_leg_any_more() -> None:
    state = _state(1)
    state.apply(1, ev.Newchannel(AT, snapshot(A)))
    state.apply(1, ev.Rename(AT, A, "PJSIP/a-00000001", "Local/x@y-00000001;1"))
    assert len(state.store) == 0
    state.check()


def test_the_others_of_a_call_change_with_it() -> None:
    state = _state(1)
    state.apply(1, ev.Newchannel(AT, snapshot(A)))
    state.apply(1, ev.Newchannel(AT, snapshot(B)))
    for uniqueid in (A, B):
        state.apply(1, ev.BridgeEnter(AT, bridge(), snapshot(uniqueid, linkedid=A)))
    assert {leg.callid for leg in state.store} == {A}
    state.check()


def test_new_connections_do_not_empty_the_list() -> None:
    state = _state(1)
    state.apply(1, ev.Newchannel(AT, snapshot(A)))
    state.closed(1, AT + 1, "gone")
    state.opened(1)
    assert _uniqueids(state) == {(1, A)}
    state.apply(1, ev.ListStart(AT + 2, "x"))
    state.apply(1, ev.CoreShowChannel(AT + 2, snapshot(B), "x", 1, ""))
    state.apply(1, ev.ListComplete(AT + 2, "CoreShowChannelsComplete", "x", 1))
    assert _uniqueids(state) == {(1, A)}
    state.released(1, AT + 2)
    assert _uniqueids(state) == {(1, B)}
    state.check()


def test_a_restart_ends_the_legs_at_once() -> None:
    state = _state(1)
    state.apply(1, ev.Newchannel(AT, snapshot(A)))
    state.closed(1, AT + 1, "gone")
    state.opened(1)
    state.apply(1, ev.ListRefused(AT + 2))
    assert len(state.store) == 0
    state.check()


def test_a_machine_is_out_of_step_until_its_first_sync() -> None:
    state = CallState()
    state.add_machine(3, "late")
    (status,) = state.statuses()
    assert (status.in_step, status.as_of, status.down_since) == (False, None, None)
    assert state.freshness(frozenset()) == (None, [status])
    state.alive(3, AT)
    assert state.statuses()[0].as_of is None


def test_proof_of_life_counts_while_in_step() -> None:
    state = _state(1)
    state.alive(1, AT + 5)
    assert state.freshness(frozenset()) == (AT + 5, [])
    state.closed(1, AT + 9, "silent")
    state.alive(1, AT + 10)
    as_of, (status,) = state.freshness(frozenset())
    assert as_of == AT + 5
    assert (status.down_since, status.last_error, status.connected) == (AT + 9, "silent", False)


def test_the_oldest_of_the_machines_asked_for_counts() -> None:
    state = _state(2, 1)
    state.alive(1, AT + 5)
    state.alive(2, AT + 3)
    assert [status.machine for status in state.statuses()] == [1, 2]
    assert state.freshness(frozenset())[0] == AT + 3
    assert state.freshness(frozenset({1}))[0] == AT + 5
    assert state.freshness(frozenset({9})) == (None, [])


def test_failing_attempts_do_not_make_the_loss_younger() -> None:
    state = _state(1)
    state.closed(1, AT + 9, "lost")
    state.closed(1, AT + 20, "refused")
    assert state.statuses()[0].down_since == AT + 9
    state.opened(1, version="9.1.0")
    state.released(1, AT + 30)
    status = state.statuses()[0]
    assert (status.down_since, status.last_error, status.version) == (None, "", "9.1.0")


def test_legs_that_are_stale_for_too_long_are_withdrawn_once() -> None:
    state = _state(1, 2)
    for machine in (1, 2):
        state.apply(machine, ev.Newchannel(AT, snapshot(A)))
    state.closed(1, AT, "lost")
    assert state.expire(AT + 59, 60) == []
    assert _uniqueids(state) == {(1, A), (2, A)}
    assert state.expire(AT + 60, 60) == [1]
    assert _uniqueids(state) == {(2, A)}
    assert state.expire(AT + 61, 60) == []


def test_a_first_list_that_takes_its_time_is_not_withdrawn() -> None:
    state = CallState()
    state.add_machine(1)
    state.closed(1, AT, "refused")
    state.opened(1)
    state.apply(1, ev.Newchannel(AT, snapshot(A)))
    assert state.expire(AT + 100, 60) == []
    assert _uniqueids(state) == {(1, A)}


def test_a_new_directory_is_in_force_for_legs_that_are_there() -> None:
    state = CallState(endpoints=(Endpoint(pattern="PJSIP/a-*", type="external", peer=7),))
    state.add_machine(1)
    state.opened(1)
    state.apply(1, ev.Newchannel(AT, snapshot(A, caller_number="5551")))
    leg = state.store.get(LegKey(1, A))
    assert leg is not None
    assert (leg.stype, leg.snumber) == ("external", "5551")

    state.use_directory(
        build(
            customers=[CustomerRow(id=1), CustomerRow(id=17, parent=1)],
            roles=[],
            lines=[LineRow(name="a", customer=17, number="101")],
            users=[],
            names=[],
        )
    )

    leg = state.store.get(LegKey(1, A))
    assert leg is not None
    assert (leg.stype, leg.snumber, leg.scustomer) == ("phone", "101", 17)
    state.check()


def test_configured_variables_make_the_leg() -> None:
    state = CallState(rules=Rules(variables={"callid": "X"}))
    state.add_machine(1)
    state.opened(1)
    state.apply(1, ev.VarSet(AT, snapshot(A), "X", "mine"))
    leg = state.store.get(LegKey(1, A))
    assert leg is not None
    assert leg.callid == "mine"


def test_other_rules_are_in_force_for_legs_that_are_there() -> None:
    state = CallState(rules=Rules(variables={"callid": "X"}))
    state.add_machine(1)
    state.opened(1)
    state.apply(1, ev.VarSet(AT, snapshot(A), "X", "mine"))
    state.apply(1, ev.VarSet(AT, snapshot(A), "Y", "yours"))

    state.use_rules(
        rules=Rules(variables={"callid": "Y"}),
        endpoints=(Endpoint(pattern="PJSIP/*", type="external", peer=7),),
        account_code_is_customer=True,
    )

    leg = state.store.get(LegKey(1, A))
    assert leg is not None
    assert (leg.callid, leg.stype, leg.peer) == ("yours", "external", 7)
    state.check()


def test_a_machine_takes_its_legs_with_it_and_no_others() -> None:
    state = _state(1, 2)
    for machine in (1, 2):
        state.apply(machine, ev.Newchannel(AT, snapshot(A)))
        state.apply(machine, ev.Newchannel(AT, snapshot(B)))
    state.take(1, ev.Hangup(AT, A, "PJSIP/a"))
    state.remove_machine(1)
    assert _uniqueids(state) == {(2, A), (2, B)}
    assert [status.machine for status in state.statuses()] == [2]
    state.check()


def test_a_machine_that_comes_back_begins_with_nothing() -> None:
    state = _state(1)
    state.apply(1, ev.Newchannel(AT, snapshot(A)))
    state.remove_machine(1)
    state.add_machine(1)
    (status,) = state.statuses()
    assert (len(state.store), status.in_step, status.as_of) == (0, False, None)
    state.opened(1)
    state.apply(1, ev.Newchannel(AT, snapshot(B)))
    state.released(1, AT)
    assert _uniqueids(state) == {(1, B)}
    state.check()


def test_a_machine_may_get_another_name() -> None:
    state = _state(1)
    state.rename_machine(1, "east")
    assert [status.name for status in state.statuses()] == ["east"]


def test_a_machine_that_nobody_added_is_a_bug() -> None:
    with pytest.raises(KeyError):
        CallState().apply(1, ev.Shutdown(AT))
