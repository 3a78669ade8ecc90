"""Long work, one step in each turn of the loop."""

import asyncio
from collections.abc import Iterator

import pytest

from callstate.core.walk import Steps
from callstate.web.turns import Turns


def work(name: str, number: int, done: list[str]) -> Steps[str]:
    for _ in range(number):
        done.append(name)
        yield
    return name


async def test_the_result_is_that_of_the_steps() -> None:
    done: list[str] = []
    assert await Turns().finish(work("a", 3, done)) == "a"
    assert done == ["a"] * 3
    assert await Turns().finish(work("none", 0, done)) == "none"


async def test_all_long_work_together_is_one_step_in_a_turn_of_the_loop() -> None:
    done: list[str] = []
    turns, steps_in_turn = Turns(), list[int]()

    async def watch() -> None:
        while True:
            before = len(done)
            await asyncio.sleep(0)
            steps_in_turn.append(len(done) - before)

    watching = asyncio.get_running_loop().create_task(watch())
    await asyncio.gather(*[turns.finish(work(name, 5, done)) for name in "abcdefgh"])
    watching.cancel()
    assert len(done) == 40
    assert set(steps_in_turn) <= {0, 1}


async def test_the_work_takes_turns() -> None:
    done: list[str] = []
    turns = Turns()
    await asyncio.gather(turns.finish(work("a", 3, done)), turns.finish(work("b", 3, done)))
    assert "".join(done) in ("ababab", "aababb")


async def test_parts_are_taken_until_there_are_no_more() -> None:
    turns, parts = Turns(), iter([b"1", b"2"])
    assert [await turns.take(parts) for _ in range(3)] == [b"1", b"2", None]


async def test_work_that_is_given_up_or_fails_ends_and_holds_up_nobody() -> None:
    turns, ended = Turns(), list[str]()

    def failing(name: str) -> Steps[None]:
        try:
            yield
            if name == "fails":
                raise LookupError
            yield
        finally:
            ended.append(name)

    waiting = asyncio.get_running_loop().create_task(turns.finish(failing("given up")))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(LookupError):
        await turns.finish(failing("fails"))
    assert ended == ["given up", "fails"]
    assert await turns.take(iter([1])) == 1


async def test_others_run_in_between() -> None:
    turns, order = Turns(), list[str]()

    def parts() -> Iterator[int]:
        for number in range(3):
            asyncio.get_running_loop().call_soon(order.append, "other")
            order.append("part")
            yield number

    made = parts()
    for _ in range(3):
        await turns.take(made)
    assert order == ["part", "other"] * 3
