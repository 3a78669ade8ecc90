"""Tasks that should never end."""

import asyncio

import pytest

from callstate.tasks import keep_running


@pytest.mark.parametrize("bug", [True, False])
async def test_one_that_ends_is_begun_anew(
    bug: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("callstate.tasks.RESTART_SECONDS", 0.001)
    third = asyncio.Event()
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs == 3:
            third.set()
            await asyncio.Event().wait()
        if bug:
            raise RuntimeError("a bug")

    task = asyncio.create_task(keep_running(run), name="mine")
    await third.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    failures = [vars(each)["task"] for each in caplog.records if each.message == "task failed"]
    assert failures == (["mine", "mine"] if bug else [])
