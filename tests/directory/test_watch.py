"""The directory in force."""

import asyncio
import logging
import threading

import pytest

from callstate.core.directory import Directory
from callstate.core.errors import DirectoryError
from callstate.directory.watch import DirectoryWatch


class Source:
    """Gives what it is told to give, and remembers in which thread."""

    def __init__(self) -> None:
        self.directory = Directory.empty()
        self.problem = ""
        self.threads: list[threading.Thread] = []

    def load(self) -> Directory:
        self.threads.append(threading.current_thread())
        if self.problem:
            raise DirectoryError("user[alice]", self.problem)
        return self.directory


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def used() -> list[Directory]:
    return []


@pytest.fixture
def watch(source: Source, used: list[Directory]) -> DirectoryWatch:
    return DirectoryWatch(source.load, used.append, current=source.directory)


async def test_a_new_directory_comes_into_force(
    watch: DirectoryWatch, source: Source, used: list[Directory]
) -> None:
    source.directory = Directory.empty()
    assert await watch.reload()
    assert used == [source.directory]
    assert watch.current is source.directory


async def test_the_same_directory_is_left_alone(
    watch: DirectoryWatch, used: list[Directory]
) -> None:
    assert await watch.reload()
    assert used == []


async def test_it_is_read_in_a_thread(watch: DirectoryWatch, source: Source) -> None:
    await watch.reload()
    assert source.threads != [threading.main_thread()]


async def test_a_bad_directory_leaves_the_last_good_one(
    watch: DirectoryWatch, source: Source, used: list[Directory]
) -> None:
    good, source.problem = watch.current, "is there twice"
    assert not await watch.reload()
    assert used == []
    assert watch.current is good
    assert watch.last_error == "user[alice]: is there twice"
    source.problem = ""
    assert await watch.reload()
    assert watch.last_error == ""


async def test_a_refusal_is_logged_once(
    watch: DirectoryWatch, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "callstate.directory.watch")
    for source.problem in ("is bad", "is bad", "is worse", ""):
        await watch.reload()
    said = [(r.getMessage(), vars(r).get("problem")) for r in caplog.records if r.name != "asyncio"]
    assert said == [
        ("directory refused, the last good one stays", "user[alice]: is bad"),
        ("directory refused, the last good one stays", "user[alice]: is worse"),
        ("directory accepted again", None),
    ]


async def test_two_reloads_at_once_follow_one_another(
    watch: DirectoryWatch, source: Source, used: list[Directory]
) -> None:
    source.directory = Directory.empty()
    assert all(await asyncio.gather(watch.reload(), watch.reload()))
    assert len(used) == 1
