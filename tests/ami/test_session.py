"""What is asked on a connection: the first sync with its barrier, and audits that heal."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from callstate.ami import barrier
from callstate.ami import session as sessions
from callstate.ami.capture import load_capture
from callstate.ami.connection import AmiConnection
from callstate.ami.decode import END, Message
from callstate.ami.playback import Playback
from callstate.ami.session import Session
from callstate.config import Machine, Sync
from callstate.core.state import CallState
from tests.ami.doubles import PATIENT
from tests.captures import FIXTURES

NEWCHANNEL = Message(
    b"Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/a-00000001\r\nChannelState: 4\r\n"
    b"ChannelStateDesc: Ring\r\nCallerIDNum: 101\r\nCallerIDName: A\r\n"
    b"ConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\nLanguage: en\r\n"
    b"AccountCode: \r\nContext: c\r\nExten: 1\r\nPriority: 1\r\n"
    b"Uniqueid: 1795479320.1\r\nLinkedid: 1795479320.1"
).headers()

PICKUP = b"Event: Pickup\r\nPrivilege: call,all\r\nChannel: PJSIP/a-00000001\r\n\r\n"


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # nothing tells us but looking
            await asyncio.sleep(0.005)


class Joined:
    """callstate on one pretended machine."""

    def __init__(self, machine: Playback, audit_seconds: float) -> None:
        self.state = CallState()
        self.state.add_machine(1)
        sync = msgspec.structs.replace(Sync(), audit_seconds=audit_seconds)
        self.session = Session(1, self.state, sync=sync, variables=["cs_callid"])
        self.connection = AmiConnection(
            Machine(id=1, port=machine.port, username="callstate", secret="callstate"),
            PATIENT,
            sink=self.session,
            session=self.session.run,
        )

    @property
    def in_step(self) -> bool:
        return self.state.statuses()[0].in_step

    @property
    def channels(self) -> set[str]:
        return set(self.state.sync_of(1).served.channels)


@asynccontextmanager
async def _join(machine: Playback, audit_seconds: float = 3600) -> AsyncIterator[Joined]:
    joined = Joined(machine, audit_seconds)
    task = asyncio.create_task(joined.connection.run())
    try:
        yield joined
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def machine() -> AsyncIterator[Playback]:
    """A machine with nothing up, and nothing to play."""
    async with Playback() as playback:
        yield playback


async def test_calls_that_were_up_before_are_there_when_it_is_in_step() -> None:
    capture = load_capture(FIXTURES / "asterisk-22" / "join-midcall")
    async with Playback([[capture]]) as machine:
        playing = asyncio.create_task(machine.play(rounds=1))
        await _until(lambda: len(machine.state.channels) >= 8)
        playing.cancel()
        async with _join(machine) as joined:
            await _until(lambda: joined.in_step)
            assert joined.channels == set(machine.state.channels)
            registry = joined.state.sync_of(1).served
            assert {uid for uid, record in registry.bridges.items() if record.members}
            joined.state.check()


async def test_an_audit_finds_what_no_event_said(
    machine: Playback, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_AUDIT_PAUSE_SECONDS", 0.001)
    async with _join(machine, audit_seconds=0.05) as joined:
        await _until(lambda: joined.in_step)
        machine.state.apply(NEWCHANNEL, 1795479320.0)  # behind the clients' backs
        await _until(lambda: joined.channels == {"1795479320.1"})
        machine.state.clear()
        await _until(lambda: not joined.channels)
        assert joined.state.sync_of(1).missed >= 1
        assert joined.state.sync_of(1).reaped == 1
    assert "audit found differences" in caplog.text


async def test_a_torn_message_is_a_reason_to_ask_at_once(machine: Playback) -> None:
    async with _join(machine) as joined:
        await _until(lambda: joined.in_step)
        machine.state.apply(NEWCHANNEL, 1795479320.0)
        machine.send_garbage(b"Event: Newstate\r\nChannel: PJ\r\nEvent: Hangup\r\n\r\n")
        await _until(lambda: joined.channels == {"1795479320.1"})


async def test_what_came_is_counted_by_name_and_timed_over_all_connections(
    machine: Playback,
) -> None:
    async with _join(machine) as joined:
        measures = joined.session.measures
        for number in (1, 2):
            await _until(lambda: joined.in_step)
            before = sum(measures.lag_seconds.counts)
            # One after the other: a torn message is a reason to ask, and the answers are no events.
            machine.send_garbage(b"Event: Made%d\r\nTimestamp: 1795479320.5\r\n\r\n" % number)
            await _until(lambda: sum(measures.lag_seconds.counts) > before)  # noqa: B023
            machine.send_garbage(b"Event: Hold\r\nPrivilege: call,all\r\nEvent: Hangup\r\n\r\n")
            await _until(lambda: joined.session.ignored["malformed"] == number)  # noqa: B023
            machine.drop_clients()
            await _until(lambda: joined.connection.attempts > number)  # noqa: B023
    events = measures.events()
    assert (events["Hold"], events["Hangup"], events["other"]) == (2, 0, 2)
    assert events["FullyBooted"] >= 2
    assert joined.session.ignored["malformed"] == 2
    assert joined.session.ignored["irrelevant"] >= 2
    assert sum(measures.apply_seconds.counts) >= sum(measures.lag_seconds.counts)
    assert measures.syncs >= 2


async def test_without_its_mark_it_gets_in_step_all_the_same(
    machine: Playback, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(barrier, "BARRIER_SECONDS", 0.05)
    monkeypatch.setattr(sessions, "_AUDIT_PAUSE_SECONDS", 0.001)
    machine.denied = set()
    monkeypatch.setattr(machine._answers, "marker", lambda _action: None)
    async with _join(machine, audit_seconds=0.05) as joined:
        await _until(lambda: joined.in_step and joined.session.measures.syncs >= 3)
        machine.drop_clients()
        await _until(lambda: not joined.in_step)
        await _until(lambda: joined.in_step)
    assert caplog.text.count("no barrier") == 1


async def test_without_the_right_to_ask_for_its_mark_it_gets_in_step_all_the_same(
    machine: Playback, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(barrier, "BARRIER_SECONDS", 0.05)
    machine.denied = {"Getvar"}
    async with _join(machine) as joined:
        await _until(lambda: joined.in_step)
    assert caplog.text.count("no barrier") == 1
    assert "access refused" not in caplog.text


async def test_a_missing_permission_is_said(
    machine: Playback, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    machine.denied = {"corESHOWchannels".lower()}
    async with _join(machine) as joined:
        await _until(lambda: "access refused" in caplog.text)
        assert not joined.in_step
        assert "permission denied" in joined.state.statuses()[0].last_error.lower()


async def test_nothing_is_left_of_a_session_that_ended(machine: Playback) -> None:
    before = asyncio.all_tasks()
    async with _join(machine) as joined:
        for _ in range(3):
            await _until(lambda: joined.in_step)
            attempts = joined.connection.attempts
            machine.drop_clients()
            await _until(lambda known=attempts: joined.connection.attempts > known)  # type: ignore[misc]
    assert len(joined.session._barrier) == 0
    # The machine's own side of the last connection ends when it reads that it is closed.
    await _until(lambda: asyncio.all_tasks() == before)


async def test_a_channel_in_doubt_is_looked_at_again_soon(
    machine: Playback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_AUDIT_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(sessions, "DOUBT_SECONDS", 0.01)
    monkeypatch.setattr("callstate.core.sync.DOUBT_SECONDS", 0.01)
    machine.state.apply(NEWCHANNEL, 1795479320.0)
    status = machine._answers._status
    monkeypatch.setitem(
        machine._answers._by_name,
        "status",
        lambda action: [status(action)[0], re.sub(rb"Items: 1", b"Items: 0", status(action)[-1])],
    )
    async with _join(machine, audit_seconds=0.05) as joined:
        await _until(lambda: joined.in_step and bool(joined.channels))
        leg = next(iter(joined.state.sync_of(1).served.channels.values()))
        await _until(lambda: leg.is_over)


async def test_what_a_masquerade_moved_in_silence_is_asked_for_soon(
    machine: Playback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MASQUERADE_SECONDS", 0.01)
    monkeypatch.setattr(sessions, "_MASQUERADE_SHARE", 1.0)
    machine.state.apply(NEWCHANNEL, 1795479320.0)
    async with _join(machine) as joined:
        await _until(lambda: joined.in_step and bool(joined.channels))
        moved = [("Event", "VarSet"), *NEWCHANNEL[1:], ("Variable", "cs_callid"), ("Value", "7")]
        machine.state.apply(moved, 1795479320.0)  # behind the clients' backs
        machine.emit(PICKUP.removesuffix(b"\r\n\r\n"))
        channel = joined.state.sync_of(1).served.channels["1795479320.1"]
        await _until(lambda: channel.variables.get("cs_callid") == "7")
        assert joined.session.measures.events()["Pickup"] == 1


async def test_masquerades_are_looked_at_together_and_none_after_the_connection(
    machine: Playback,
) -> None:
    async with _join(machine) as joined:
        await _until(lambda: joined.in_step)
        joined.session.received(PICKUP + END, 1795479320.0)
        first = joined.session._soon
        assert first is not None
        joined.session.received(PICKUP + END, 1795479321.0)
        assert joined.session._soon is first
        machine.drop_clients()
        await _until(first.cancelled)


async def test_much_that_is_up_is_not_asked_for_all_the_time(machine: Playback) -> None:
    async with _join(machine) as joined:
        await _until(lambda: joined.in_step)
        joined.session._lists_took = 2.0
        now = asyncio.get_running_loop().time()
        joined.session.received(PICKUP + END, 1795479320.0)
        assert joined.session._soon is not None
        assert joined.session._soon.when() >= now + 40.0
