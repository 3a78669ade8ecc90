"""The machines that are followed, and what a changed configuration does to their connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from callstate.ami import session as sessions
from callstate.ami.playback import Playback
from callstate.config import Config, parse
from callstate.core.state import CallState
from callstate.machines import Changes, Machines
from tests.processes import until

PATIENT: dict[str, Any] = {
    "connect_seconds": 60,
    "action_seconds": 60,
    "ping_seconds": 3600,
    "silence_seconds": 7200,
    "retry_seconds": 0.001,
    "retry_limit_seconds": 0.001,
}


def _config(*machines: dict[str, Any], **tables: Any) -> Config:
    return parse({"machine": list(machines), "ami": PATIENT, **tables})


def _entry(machine: Playback, number: int = 1, **more: Any) -> dict[str, Any]:
    way = {"port": machine.port, "username": "callstate", "secret": machine.secret}
    return {"id": number, **way, **more}


class Counted(Playback):
    """A machine that knows how often it was connected to, and what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.connections = 0
        self.asked: list[tuple[str, str]] = []

    def _joined(self, client: Any, is_there: bool) -> None:
        self.connections += is_there
        super()._joined(client, is_there)

    def carry_out(self, action: Any) -> Any:
        self.asked.append((action.name, action.get("Variables")))
        return super().carry_out(action)

    def count(self, name: str) -> int:
        return sum(asked == name for asked, _ in self.asked)


@pytest.fixture
async def one() -> AsyncIterator[Counted]:
    async with Counted() as playback:
        yield playback


@pytest.fixture
async def two() -> AsyncIterator[Counted]:
    async with Counted() as playback:
        yield playback


@asynccontextmanager
async def _following(config: Config, state: CallState) -> AsyncIterator[Machines]:
    machines = Machines(config, state, clock=lambda: 1_800_000_000.0)
    async with asyncio.TaskGroup() as group:
        machines.start(group)
        try:
            await until(lambda: all(each.in_step for each in state.statuses()))
            yield machines
        finally:
            machines.stop()
    state.check()


def _ids(state: CallState) -> list[int]:
    return [status.machine for status in state.statuses()]


async def test_before_the_start_they_are_known_and_not_connected(
    one: Counted, two: Counted
) -> None:
    state = CallState()
    machines = Machines(_config(_entry(one)), state, clock=lambda: 0.0)
    changes = await machines.use(_config(_entry(two, 2)))
    assert changes == Changes(added=[2], removed=[1])
    assert _ids(state) == [2]
    assert machines.counts() == []
    machines.stop()
    assert (one.connections, two.connections) == (0, 0)


async def test_the_same_again_touches_nothing(one: Counted) -> None:
    state = CallState()
    async with _following(_config(_entry(one)), state) as machines:
        asked = list(one.asked)
        assert await machines.use(_config(_entry(one))) == Changes()
        assert (one.connections, one.asked) == (1, asked)


async def test_another_name_is_no_other_machine(one: Counted) -> None:
    state = CallState()
    async with _following(_config(_entry(one)), state) as machines:
        assert await machines.use(_config(_entry(one, name="east"))) == Changes()
        assert state.statuses()[0].name == "east"
        assert one.connections == 1


async def test_a_removed_machine_is_let_go_before_it_is_forgotten(
    one: Counted, two: Counted
) -> None:
    state = CallState()
    async with _following(_config(_entry(one), _entry(two, 2)), state) as machines:
        assert await machines.use(_config(_entry(two, 2))) == Changes(removed=[1])
        assert _ids(state) == [2]
        await until(lambda: one.clients == 0)
        assert (one.connections, two.connections, two.clients) == (1, 1, 1)


async def test_all_that_belongs_to_the_way_in_makes_a_new_connection(
    one: Counted, two: Counted
) -> None:
    state = CallState()
    async with _following(_config(_entry(one)), state) as machines:
        one.username, one.secret = "second", "another"
        for entry in (
            _entry(one, username="second"),
            _entry(two),
            _entry(two, host="localhost"),
        ):
            assert await machines.use(_config(entry)) == Changes(reconnected=[1])
            assert not state.statuses()[0].in_step
            await until(lambda: state.statuses()[0].in_step)
        assert (one.connections, two.connections) == (2, 2)
        assert [counts.machine for counts in machines.counts()] == [1]
        assert sum(machines.counts()[0].syncs.counts) == 4  # counted on, across the connections


async def test_new_variables_are_asked_for_on_the_same_connection(
    one: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_AUDIT_PAUSE_SECONDS", 0.001)
    state = CallState()
    async with _following(_config(_entry(one)), state) as machines:
        await machines.use(_config(_entry(one), variables={"callid": "X_CALL"}))
        await until(lambda: any("X_CALL" in variables for _, variables in one.asked))
        assert one.connections == 1


async def test_another_period_of_audits_counts_at_once(
    one: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_AUDIT_PAUSE_SECONDS", 0.001)
    state = CallState()
    config = _config(_entry(one), sync={"audit_seconds": 3600})
    async with _following(config, state) as machines:
        await machines.use(_config(_entry(one), sync={"audit_seconds": 0.01}))
        await until(lambda: one.count("coreshowchannels") >= 4)
        assert one.connections == 1


async def test_another_patience_counts_on_the_same_connection(one: Counted) -> None:
    state = CallState()
    async with _following(_config(_entry(one)), state) as machines:
        hurry = PATIENT | {"ping_seconds": 0.01, "silence_seconds": 3600}
        await machines.use(_config(_entry(one), ami=hurry))
        await until(lambda: one.count("ping") >= 3)
        assert one.connections == 1
