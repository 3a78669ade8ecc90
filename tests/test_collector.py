"""The garbage collector: cycles are freed, what is kept is put aside."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from callstate import collector


class Knot:
    """Holds itself."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_the_oldest_are_never_looked_at_by_themselves() -> None:
    collector.configure()
    young, middle, old = gc.get_threshold()
    assert young > 700
    assert young * middle * old > 10**9


def test_a_knot_is_freed_even_if_it_was_put_aside_before() -> None:
    knot: Any = Knot()
    freed = weakref.ref(knot)
    collector.collect()
    assert gc.get_freeze_count() > 0
    del knot
    assert freed() is not None
    collector.collect()
    assert freed() is None


async def test_it_goes_on_and_on(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    collected: list[int] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 5:
            raise asyncio.CancelledError

    monkeypatch.setattr("callstate.collector.asyncio.sleep", sleep)
    monkeypatch.setattr("callstate.collector.collect", lambda: collected.append(1))
    with pytest.raises(asyncio.CancelledError):
        await collector.tend()
    assert slept == [10.0, 60.0, 3600.0, 3600.0, 3600.0]
    assert len(collected) == 4
