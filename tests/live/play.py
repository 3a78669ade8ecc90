"""Scenarios side by side, each on a machine of its own, with one callstate that watches all."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from callstate.core.model import Leg
from tests.live.exact import Comparison, Tally
from tests.live.lab.lab import SCENARIOS, Lab, Mark
from tests.live.lab.server import Server
from tests.live.live import LiveLab
from tests.live.relay import Relay
from tests.live.watcher import Answer, Seat, Watcher, until, watching

# What is right without them is right by events alone.
NO_AUDITS = {"audit_seconds": 3600.0}


@dataclass(frozen=True)
class Part:
    """One machine of a play: its lab, callstate, and the comparison of the two."""

    lab: LiveLab
    machine: int
    watcher: Watcher
    comparison: Comparison
    tally: Tally

    @property
    def in_step(self) -> bool:
        return self.watcher.in_step(self.machine)

    @property
    def legs(self) -> list[Leg]:
        """What is served of this machine."""
        return [leg for leg in self.watcher.daemon.state.store if leg.machine == self.machine]

    async def ask(self, **more: str) -> Answer:
        return await self.watcher.ask(machines=str(self.machine), **more)

    async def rows(self) -> list[dict[str, Any]]:
        return await self.watcher.rows(self.machine)

    def note(self, text: str) -> None:
        """Have `text` printed at the end."""
        self.tally.notes.append(f"Asterisk {self.lab.server.release}: {text}")


Script = Callable[[Part], Awaitable[None]]


@dataclass(frozen=True)
class Run:
    """A scenario of the lab, by name, or a script of a test's own; `user` is callstate's.

    `saw_all`: callstate is in step from the first call to the last. `joins_late`: the script
    itself lets callstate in.
    """

    what: str | Script
    seed: int = 1
    params: Mapping[str, Any] = field(default_factory=dict)
    user: str = "lab"
    least: bool = False
    saw_all: bool = True
    joins_late: bool = False

    def __str__(self) -> str:
        name = self.what if isinstance(self.what, str) else self.what.__name__
        return " ".join([name, *(f"{key}={value}" for key, value in self.params.items())])

    @property
    def is_late(self) -> bool:
        """True when callstate joins in the middle."""
        return self.joins_late or (isinstance(self.what, str) and SCENARIOS[self.what].late)

    @property
    def has_media(self) -> bool:
        return not isinstance(self.what, str) or SCENARIOS[self.what].media


class Newcomer:
    """A second callstate's way to one machine: it begins anew at every mark.

    So each mark is compared twice more: known from lists at the mark before and from events
    since, and known from lists alone.
    """

    def __init__(self, lab: LiveLab) -> None:
        self.lab = lab
        self.relay = Relay(lab.server.ami_port)
        self._comparisons: list[Comparison] = []

    def watch(self, watcher: Watcher, machine: int, tally: Tally) -> None:
        self._watcher = watcher
        self._machine = machine
        self._comparisons = [
            Comparison(watcher, self.lab, machine, tally, saw_all=False, how=how)
            for how in (", joined at the mark before", ", just joined")
        ]

    @property
    def found(self) -> list[str]:
        return [one for comparison in self._comparisons for one in comparison.found]

    async def check(self, mark: Mark) -> None:
        joined_before, just_joined = self._comparisons
        await joined_before.check(mark)
        link = await self.relay.next_link(1)
        link.abort()
        await until(lambda: self.relay.link is not link and self._watcher.in_step(self._machine))
        await just_joined.check(mark)


async def _newcomers(
    stack: AsyncExitStack,
    labs: Sequence[LiveLab],
    users: Sequence[str],
    tally: Tally,
    folder: Path,
) -> list[Newcomer]:
    newcomers = [Newcomer(lab) for lab in labs]
    for newcomer in newcomers:
        await newcomer.relay.open()
        stack.push_async_callback(newcomer.relay.close)
    ports = [newcomer.relay.port for newcomer in newcomers]
    seats = [Seat(port, user) for port, user in zip(ports, users, strict=True)]
    # However often it is cut off, it comes back at once.
    tables = {"sync": NO_AUDITS, "ami": {"retry_seconds": 0.01, "retry_limit_seconds": 0.01}}
    watcher = await stack.enter_async_context(watching(folder, seats, tables))
    for machine, newcomer in enumerate(newcomers, 1):
        newcomer.watch(watcher, machine, tally)
    await until(lambda: all(status.in_step for status in watcher.daemon.state.statuses()))
    await watcher.warm_up()
    return newcomers


async def play(
    cast: Sequence[tuple[Run, Server]],
    tally: Tally,
    folder: Path,
    *,
    newcomers: bool = False,
    **tables: Mapping[str, float],
) -> None:
    """Play each run on its server, all at once, and fail with whatever was not right.

    `tables` are tables of callstate's configuration. `newcomers`: see `Newcomer`.
    """
    async with AsyncExitStack() as stack:
        labs: list[LiveLab] = []
        for run, server in cast:
            lab = LiveLab(server, seed=run.seed, media=run.has_media)
            labs.append(await stack.enter_async_context(lab))
            await lab.clear()
            if run.is_late:
                lab.relay.shut()
        users = [run.user for run, _ in cast]
        seats = [Seat(lab.port, user) for lab, user in zip(labs, users, strict=True)]
        watcher = await stack.enter_async_context(watching(folder, seats, tables))
        parts = [
            Part(
                lab,
                machine,
                watcher,
                Comparison(watcher, lab, machine, tally, least=run.least, saw_all=run.saw_all),
                tally,
            )
            for machine, ((run, _), lab) in enumerate(zip(cast, labs, strict=True), 1)
        ]
        there = [part for part, (run, _) in zip(parts, cast, strict=True) if not run.is_late]
        await until(lambda: all(part.in_step for part in there))
        if len(there) == len(parts):
            await watcher.warm_up()
        joining: list[Newcomer] = []
        if newcomers:
            joining = await _newcomers(stack, labs, users, tally, folder)
        found = await asyncio.gather(
            *(
                _play_one(part, run, newcomer)
                for part, (run, _), newcomer in zip_longest(parts, cast, joining)
            )
        )
        for part, (run, _) in zip(parts, cast, strict=True):
            outages = [f"{seconds:.2f} s" for seconds in watcher.outages.get(part.machine, [])]
            if outages:
                part.note(f"{run}: out of step for {', '.join(outages)}")
    differences = [difference for one in found for difference in one]
    if differences:
        pytest.fail("\n".join(differences), pytrace=False)


async def _play_one(part: Part, run: Run, newcomer: Newcomer | None) -> list[str]:
    comparison, lab, what = part.comparison, part.lab, run.what

    async def on_mark(mark: Mark) -> None:
        await comparison.check(mark)
        if newcomer is not None:
            await newcomer.check(mark)

    try:
        if isinstance(what, str):
            await lab.run_scenario(what, dict(run.params), on_mark)
        else:
            await lab.run(_bound(what, part), on_mark, late=run.joins_late)
        await lab.clear()
        try:
            await until(lambda: not any(comparison.leftovers()), limit=5)
        except TimeoutError:
            comparison.found += comparison.leftovers()
        if not comparison.marks:
            comparison.found.append("nothing was compared")
    except Exception as error:  # the others play on; this one is reported with the rest
        comparison.found.append(f"it broke off: {type(error).__name__}: {error}")
        await lab.clear()
    found = [*comparison.found, *(newcomer.found if newcomer is not None else [])]
    return [f"Asterisk {lab.server.release}, {run}, {one}" for one in found]


def _bound(script: Script, part: Part) -> Callable[[Lab], Awaitable[None]]:
    return lambda _lab: script(part)
