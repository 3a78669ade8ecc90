"""The directory in force."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from callstate.core.directory import Directory, SourceState, SourceStatus
from callstate.core.errors import DirectoryError, DirectoryUnavailable
from callstate.core.state import CallState
from callstate.directory.watch import DirectoryWatch


class Source:
    """Gives what it is told to give."""

    def __init__(self) -> None:
        self.directory = Directory.empty()
        self.error: DirectoryError | None = None
        self.loads = 0

    async def load(self) -> Directory:
        self.loads += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return self.directory


REFUSED = DirectoryError("user[alice]", "is there twice")
UNAVAILABLE = DirectoryUnavailable("directory.url", "Connection refused")


@pytest.fixture
def source() -> Source:
    return Source()


class _Remembering(CallState):
    """A state that remembers the directories it was to use."""

    def __init__(self) -> None:
        super().__init__()
        self.used: list[Directory] = []

    def use_directory(self, directory: Directory) -> None:
        self.used.append(directory)
        super().use_directory(directory)


@pytest.fixture
def used(state: _Remembering) -> list[Directory]:
    return state.used


@pytest.fixture
def state() -> _Remembering:
    return _Remembering()


@pytest.fixture
def clock() -> list[float]:
    """The time, as its only member."""
    return [1000.0]


@pytest.fixture
def watch(
    source: Source, state: CallState, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> DirectoryWatch:
    monkeypatch.setattr("callstate.directory.watch.RETRY_SECONDS", 0.001)
    return DirectoryWatch(source.load, state, seconds=0, clock=lambda: clock[0])


@asynccontextmanager
async def running(watch: DirectoryWatch) -> AsyncIterator[None]:
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until_loads(source: Source, number: int) -> None:
    async with asyncio.timeout(20):
        while source.loads < number:  # noqa: ASYNC110  # nothing tells us but looking
            await asyncio.sleep(0.001)


async def test_a_new_directory_comes_into_force(
    watch: DirectoryWatch, source: Source, state: CallState, used: list[Directory]
) -> None:
    assert await watch.reload()
    source.directory = Directory.empty()
    assert await watch.reload()
    assert state.directory is source.directory
    assert len(used) == 2


async def test_the_same_directory_is_left_alone(
    watch: DirectoryWatch, used: list[Directory]
) -> None:
    assert await watch.reload()
    assert await watch.reload()
    assert len(used) == 1


async def test_it_is_known_when_it_was_read(
    watch: DirectoryWatch, source: Source, state: CallState, clock: list[float]
) -> None:
    assert state.source == SourceStatus(state=SourceState.WAITING, loaded_at=None)
    await watch.reload()
    clock[0] = 1060.0
    await watch.reload()
    assert state.source == SourceStatus(state=SourceState.ACCEPTED, loaded_at=1060.0)
    clock[0], source.error = 1120.0, UNAVAILABLE
    await watch.reload()
    assert state.source == SourceStatus(state=SourceState.UNAVAILABLE, loaded_at=1060.0)


@pytest.mark.parametrize("error", [REFUSED, UNAVAILABLE])
async def test_one_that_is_bad_or_cannot_be_read_leaves_the_last_good_one(
    watch: DirectoryWatch, source: Source, state: CallState, error: DirectoryError
) -> None:
    await watch.reload()
    good, source.error = state.directory, error
    assert not await watch.reload()
    assert state.directory is good
    standing = SourceState.REFUSED if error is REFUSED else SourceState.UNAVAILABLE
    assert state.source.state is standing
    source.error = None
    assert await watch.reload()
    assert state.source.state is SourceState.ACCEPTED


async def test_the_first_one_is_waited_for(
    watch: DirectoryWatch, source: Source, state: CallState
) -> None:
    source.error = UNAVAILABLE
    waiting = asyncio.create_task(watch.wait())
    await until_loads(source, 3)
    assert state.source == SourceStatus(state=SourceState.UNAVAILABLE)
    source.error = None
    await waiting
    assert state.directory is source.directory


async def test_the_first_one_must_not_be_wrong(watch: DirectoryWatch, source: Source) -> None:
    source.error = REFUSED
    with pytest.raises(DirectoryError, match="is there twice"):
        await watch.wait()


async def test_it_is_read_on_a_period(watch: DirectoryWatch, source: Source) -> None:
    watch.use(source.load, seconds=0.001)
    async with running(watch):
        await until_loads(source, 3)


async def test_another_period_counts_at_once(watch: DirectoryWatch, source: Source) -> None:
    watch.use(source.load, seconds=3600)
    async with running(watch):
        await asyncio.sleep(0)  # it waits for the hour
        watch.use(source.load, seconds=0.001)
        await until_loads(source, 2)


async def test_another_source_is_asked_from_the_next_read_on(
    watch: DirectoryWatch, source: Source, state: CallState
) -> None:
    await watch.reload()
    other = Source()
    watch.use(other.load, seconds=0)
    assert state.directory is source.directory
    await watch.reload()
    assert (state.directory, source.loads) == (other.directory, 1)


async def test_one_that_could_not_be_read_is_tried_again_soon(
    watch: DirectoryWatch, source: Source
) -> None:
    await watch.reload()
    for seconds in (0, 3600):
        watch.use(source.load, seconds=seconds)
        source.error = None
        await watch.reload()
        async with running(watch):
            await asyncio.sleep(0)  # it waits, for ever or for an hour
            source.error = UNAVAILABLE
            await watch.reload()
            await until_loads(source, source.loads + 3)


async def test_a_refusal_is_logged_once(
    watch: DirectoryWatch, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "callstate.directory.watch")
    worse = DirectoryError("user[alice]", "is worse")
    for source.error in (UNAVAILABLE, None, REFUSED, REFUSED, worse, UNAVAILABLE, None):
        await watch.reload()
    said = [(r.getMessage(), vars(r).get("problem")) for r in caplog.records if r.name != "asyncio"]
    assert said == [
        ("directory unavailable, waiting for it", "directory.url: Connection refused"),
        ("directory accepted again", None),
        ("directory refused, the last good one stays", "user[alice]: is there twice"),
        ("directory refused, the last good one stays", "user[alice]: is worse"),
        ("directory unavailable, the last good one stays", "directory.url: Connection refused"),
        ("directory accepted again", None),
    ]


async def test_two_reloads_at_once_follow_one_another(
    watch: DirectoryWatch, source: Source, used: list[Directory]
) -> None:
    source.directory = Directory.empty()
    assert all(await asyncio.gather(watch.reload(), watch.reload()))
    assert len(used) == 1
