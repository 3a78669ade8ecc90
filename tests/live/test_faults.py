"""What goes wrong with a machine or the way to it, and that callstate is in step again after it.

Nothing here helps callstate: it notices by itself, says so while it does not know, and then
holds neither a ghost nor misses a leg.
"""

import asyncio
import time
from pathlib import Path

import pytest

from tests.live.conftest import RELEASES, Fleet
from tests.live.exact import Tally
from tests.live.lab.scenarios import did, ext
from tests.live.play import Part, Run, play
from tests.live.watcher import until

pytestmark = pytest.mark.live

# Short, so that a test need not wait; the order of things is that of the defaults.
IMPATIENT = {
    "connect_seconds": 1.0,
    "ping_seconds": 1.0,
    "silence_seconds": 3.0,
    "retry_seconds": 0.2,
    "retry_limit_seconds": 1.0,
}
STALE_SECONDS = 3.0

# Noticed, connected again and in step, once the way is free: far more than it takes.
HEAL_SECONDS = 10


async def half_open(part: Part) -> None:
    """The link dies without a word from either side; meanwhile calls end, begin and change."""
    lab = part.lab
    w, x, y = lab.phones(3, "17")
    _, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
    c = lab.ua.invite(w, ext(y))
    d = await lab.ua.wait(y)
    await lab.cp("before", f"carrier-a talks to {x}; {w} rings {y}")
    served = part.legs
    lab.link.fall_silent()
    since = time.monotonic()
    lab.rec = None
    b.bye()
    d.answer()
    e = lab.ua.invite("carrier-b", "31170145", num=lab.number())
    await e.until("up")
    await until(lambda: not part.in_step, HEAL_SECONDS)
    part.note(f"half-open link noticed after {time.monotonic() - since:.1f} s")
    answer = await part.ask()
    assert part.legs == served
    assert answer.stale.startswith(f"{part.machine};down=")
    await until(lambda: part.in_step, HEAL_SECONDS)
    await lab.connect()
    await lab.cp("in step again", f"{w} talks to {y}; carrier-b waits")
    for call in (c, e):
        call.hangup()
    await lab.cp("ended", "no calls")


async def frozen(part: Part) -> None:
    """Asterisk stands still: connections are accepted, and nobody speaks."""
    lab = part.lab
    (x,) = lab.phones(1, "17")
    a, _ = await lab.pair("carrier-a", did(x), x, num=lab.number())
    await lab.cp("before", f"carrier-a talks to {x}")
    lab.server.freeze()
    try:
        await until(lambda: not part.in_step, HEAL_SECONDS)
        assert (await part.ask()).stale.startswith(f"{part.machine};down=")
        await asyncio.sleep(1.5)  # new attempts meet the silence as well
        assert not part.in_step
        assert {leg.uniqueid for leg in part.legs} == {row["uniqueid"] for row in await part.rows()}
        assert len(part.legs) == 2
    finally:
        lab.server.thaw()
    await until(lambda: part.in_step, HEAL_SECONDS)
    await lab.connect()
    await lab.cp("thawed", f"carrier-a talks to {x}")
    a.bye()
    await lab.cp("ended", "no calls")


async def torn(part: Part) -> None:
    """The link breaks within a message, over and over, while calls are set up and end."""
    lab = part.lab
    (x,) = lab.phones(1, "17")
    for _round in range(3):
        lab.link.break_after(lab.rng.randint(1, 40_000))
        _, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
        await _back(part)
        await lab.cp("talking", f"carrier-a talks to {x}")
        lab.link.break_after(lab.rng.randint(1, 30_000))
        c = lab.ua.invite("carrier-b", "31170145", num=lab.number())
        await c.until("up")
        b.bye()
        c.bye()
        await _back(part)
        await lab.cp("ended", "no calls")


async def _back(part: Part) -> None:
    """Wait until the broken link, if it broke, is made up for."""
    link = part.lab.link
    if not link.closed.is_set():
        link.abort()
    await until(lambda: part.lab.link is not link, HEAL_SECONDS)
    await until(lambda: part.in_step, HEAL_SECONDS)
    await part.lab.connect()


async def out_of_reach(part: Part) -> None:
    """The machine cannot be reached: its legs are served as stale, then no more, then again."""
    lab = part.lab
    x, y = lab.phones(2, "17")
    _, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
    await lab.cp("before", f"carrier-a talks to {x}")
    rows = await part.rows()
    lab.relay.shut()
    lab.rec = None
    since = time.monotonic()
    await until(lambda: not part.in_step, HEAL_SECONDS)
    first = await part.ask()
    await asyncio.sleep(0.5)
    later = await part.ask()
    assert first.data == later.data == rows
    assert first.as_of == later.as_of < time.time() - 0.5
    assert 0 < _down(part, first.stale) + 0.4 < _down(part, later.stale)
    b.bye()
    c = lab.ua.invite(y, "145")
    await c.until("up")
    await until(lambda: not part.legs, STALE_SECONDS + 2)
    assert time.monotonic() - since > STALE_SECONDS - 0.2
    gone = await part.ask()
    assert gone.data == []
    assert gone.as_of == first.as_of
    assert _down(part, gone.stale) >= STALE_SECONDS
    assert (await part.ask(count="1")).data == {"count": 0}
    await lab.connect()
    await until(lambda: part.in_step, HEAL_SECONDS)
    back = await part.ask()
    assert back.stale == ""
    assert back.as_of > time.time() - 2
    await lab.cp("back", f"{y} waits")
    c.bye()
    await lab.cp("ended", "no calls")


async def answered_unseen(part: Part) -> None:
    """A call is answered while nothing is connected, and shows an event a while later."""
    lab = part.lab
    x, y = lab.phones(2, "17")
    a = lab.ua.invite(x, ext(y))
    b = await lab.ua.wait(y)
    await lab.cp("ringing", f"{x} rings {y}")
    lab.relay.shut()
    lab.rec = None
    await until(lambda: not part.in_step, HEAL_SECONDS)
    b.answer()
    answered = time.time()
    await a.until("up")
    await asyncio.sleep(2)
    await lab.connect()
    await until(lambda: part.in_step, HEAL_SECONDS)
    await lab.cp("in step again", f"{x} talks to {y}")
    channel = await lab.chan(f"PJSIP/{y}")
    await lab.act(Action="Setvar", Channel=channel, Variable="cs_overmax", Value="1")
    await lab.cp("after an event", "the same")
    told = next(leg.answered for leg in part.legs if leg.channel == channel)
    assert told == 0 or abs(told - answered) <= 1, f"{told}, answered {answered:.0f}"
    a.bye()
    await lab.cp("ended", "no calls")


def _down(part: Part, stale: str) -> float:
    machine, _, seconds = stale.partition(";down=")
    assert machine == str(part.machine), stale
    return float(seconds)


def late(what: str, seed: int, **params: object) -> Run:
    """A scenario in which callstate does not see all."""
    return Run(what, seed, params, saw_all=False)


# At most as many as there are lanes.
GROUPS = {
    "a lost link": [
        late("reconnect", 75),
        late("reconnect", 76, transfer=True),
        Run(torn, 90, saw_all=False),
    ],
    "a link that says nothing": [Run(half_open, 91, saw_all=False), Run(frozen, 92)],
    "a machine that begins anew": [
        Run("restart", 77),
        Run("restart", 78, {"crash": True}),
        Run("reload", 79),
    ],
    "joining late": [
        late("join_midcall", 72),
        late("join_midcall", 73),
        late("join_under_load", 74, rate=3),
    ],
}


@pytest.mark.parametrize("runs", GROUPS.values(), ids=GROUPS)
async def test_callstate_is_in_step_again(
    runs: list[Run], fleet: Fleet, tally: Tally, tmp_path: Path
) -> None:
    on_both = [run for run in runs for _ in RELEASES]
    cast = list(zip(on_both, fleet, strict=False))
    # Those that join late are not waited for.
    await play(cast, tally, tmp_path, ami=IMPATIENT, sync={"first_sync_seconds": 1.0})


async def test_what_is_out_of_reach_is_served_as_stale_then_withdrawn_then_served_again(
    fleet: Fleet, tally: Tally, tmp_path: Path
) -> None:
    cast = [(Run(out_of_reach, 93, saw_all=False), server) for server in fleet[: len(RELEASES)]]
    sync = {"stale_seconds": STALE_SECONDS}
    await play(cast, tally, tmp_path, ami=IMPATIENT, sync=sync)


async def test_when_a_leg_was_answered_is_not_guessed(
    fleet: Fleet, tally: Tally, tmp_path: Path
) -> None:
    cast = [(Run(answered_unseen, 94, saw_all=False), server) for server in fleet[: len(RELEASES)]]
    await play(cast, tally, tmp_path, ami=IMPATIENT)
