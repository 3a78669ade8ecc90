"""A daemon attacked over HTTP; `python -m tests.fuzz.attack` does it for as long as one likes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fuzz.daemon import Target, attacked

CLIENTS = 400


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[Target]:
    async with attacked(tmp_path) as target:
        yield target


async def test_no_request_breaks_the_server_or_stays(target: Target) -> None:
    await target.attack(range(CLIENTS))
    assert target.statuses.keys() >= {200, 400, 404, 405}
    # The same again: what is remembered of requests is remembered already.
    before = await target.blocks()
    await target.attack(range(CLIENTS))
    assert await target.blocks() - before < CLIENTS


async def test_a_crowd_that_vanishes_leaves_nothing(target: Target) -> None:
    await target.crowd(200)
    before = await target.blocks()
    await target.crowd(200)
    assert await target.blocks() - before < 200
