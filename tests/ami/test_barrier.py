"""The barrier: passed when the mark comes back, or when none can be expected."""

import asyncio
import logging
from typing import Any

import pytest

from callstate.ami import barrier as barriers
from callstate.ami.barrier import Barrier
from callstate.ami.errors import PermissionDenied


class Machine:
    """In place of a connection: what was asked, and what answers."""

    def __init__(self, barrier: Barrier, *, is_refused: bool = False, comes: bool = True) -> None:
        self.asked: list[str] = []
        self.was_asked = asyncio.Event()
        self._barrier = barrier
        self._is_refused = is_refused
        self._comes = comes

    async def send(self, _action: str, *, Variable: str) -> None:  # noqa: N803  # AMI's own name
        self.asked.append(Variable)
        self.was_asked.set()
        if self._is_refused:
            raise PermissionDenied("Getvar")
        if self._comes:
            token = Variable.rpartition("=")[2].rstrip(")")
            self._barrier.came("of another")
            self._barrier.came(token)


async def _pass(barrier: Barrier, machine: Any) -> None:
    await barrier.passed(machine)
    assert len(barrier) == 0


async def test_each_mark_is_another() -> None:
    barrier = Barrier(7)
    machine = Machine(barrier)
    await _pass(barrier, machine)
    await _pass(barrier, machine)
    assert machine.asked == ["SET(CALLSTATE_MARK=7-1)", "SET(CALLSTATE_MARK=7-2)"]


@pytest.mark.parametrize("is_refused", [True, False])
async def test_marks_that_do_not_come_are_not_asked_for_again_on_that_connection(
    is_refused: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(barriers, "BARRIER_SECONDS", 0.01)
    barrier = Barrier(7)
    machine = Machine(barrier, is_refused=is_refused, comes=False)
    for _ in range(2):
        await _pass(barrier, machine)
        await _pass(barrier, machine)
        barrier.opened()
    assert len(machine.asked) == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_who_is_stopped_waits_no_more() -> None:
    barrier = Barrier(7)
    machine: Any = Machine(barrier, comes=False)
    waiting = asyncio.create_task(barrier.passed(machine))
    await machine.was_asked.wait()
    assert len(barrier) == 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(barrier) == 0
