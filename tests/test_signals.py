"""Signals to this very process. What a second one does to a process: see test_lifecycle."""

import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from callstate import signals
from callstate.signals import Signals
from tests.processes import until


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """How the process would have ended."""
    ends: list[object] = []
    monkeypatch.setattr(signals, "_die", ends.append)
    monkeypatch.setattr(signals, "_give_up", ends.append)
    return ends


def _signals(said: list[str], limit_seconds: float = 3600) -> Signals:
    stop: Callable[[], None] = lambda: said.append("stop")  # noqa: E731  # two of them
    reload: Callable[[], None] = lambda: said.append("reload")  # noqa: E731
    return Signals(stop=stop, reload=reload, limit_seconds=limit_seconds)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_one_stops_and_the_second_one_ends(
    number: signal.Signals, ends: list[object]
) -> None:
    said: list[str] = []
    with _signals(said):
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: said == ["stop"])
        assert ends == []
        os.kill(os.getpid(), number)
        await until(lambda: ends == [number])
    assert said == ["stop"]


async def test_each_hup_reloads() -> None:
    said: list[str] = []
    with _signals(said):
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: said == ["reload"])
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: said == ["reload"] * 2)


async def test_a_stop_that_takes_too_long_is_ended(ends: list[object]) -> None:
    said: list[str] = []
    with _signals(said, limit_seconds=0.001):
        os.kill(os.getpid(), signal.SIGTERM)
        # Not by the loop, which may be what hangs.
        await until(lambda: ends == [0.001])


async def test_afterwards_the_signals_are_as_they_were() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    with _signals([]):
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] != before
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before


async def test_beside_the_main_thread_there_are_none() -> None:
    async def elsewhere() -> None:
        with _signals([]):
            pass

    await asyncio.to_thread(asyncio.run, elsewhere())
