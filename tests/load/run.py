"""A daemon under load, and whether it lost anything: `make load`.

Three processes: the machines, the daemon as an operator starts it, and this one with the
clients. At the end nothing more happens, and what the daemon answers must be what follows from
the bytes that it was sent.
"""

import asyncio
import re
import time
from itertools import islice
from pathlib import Path

import msgspec

from tests.load.clients import Times, poll, read_slowly, vanish
from tests.load.processes import Daemon, Machines, Plan, Sample, configure, daemon, machines
from tests.load.truth import differences

# How long the daemon may need at the end for what is under way.
_PATIENCE_SECONDS = 120.0
# So much of what is wrong is enough to look at.
_ENOUGH = 20


class Result(msgspec.Struct, kw_only=True):
    """What was found. `lost` are events, of those `sent`; `differences` are legs."""

    plan: Plan
    sent: int = 0
    lost: int = 0
    legs: int = 0
    differences: list[str] = []
    wrong: list[str] = []
    lag_p99_ms: float = 0.0
    behind_bytes: int = 0
    times: list[tuple[str, int, float, float, float]] = []
    samples: list[Sample] = []

    @property
    def is_right(self) -> bool:
        """True if nothing was lost and nobody was refused."""
        return not (self.lost or self.differences or self.wrong)


async def run(plan: Plan, folder: Path) -> Result:
    """Carry out `plan`; everything that is needed for it is put into `folder`."""
    result = Result(plan=plan)
    async with machines(plan, folder) as fleet:
        settings = configure(folder, fleet.ports)
        async with daemon(folder, settings.http.port) as running:
            await running.rows()  # with the password verified once, nobody waits for that
            times = Times()
            await _load(plan, running, times, result.samples)
            result.times, result.wrong = times.table(), times.wrong[:_ENOUGH]
            await fleet.tell("stop")
            await _wait_for_all(fleet, running, result)
            rows = await running.rows()
            result.legs = len(rows)
            result.lag_p99_ms = _p99(await running.metrics(), "callstate_event_lag_seconds") * 1e3
            result.differences = [*islice(differences(folder, settings, rows), _ENOUGH)]
    return result


async def _load(plan: Plan, running: Daemon, times: Times, samples: list[Sample]) -> None:
    """Let the clients do what they do for as long as the plan says."""
    async with asyncio.TaskGroup() as group:
        tasks = []
        for number in range(plan.clients):
            does = poll if number >= plan.bad else (vanish, read_slowly)[number % 2]
            tasks.append(group.create_task(does(running.port, number, times)))
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < plan.seconds:
            legs = _total(await running.metrics(), "callstate_legs")
            samples.append(running.sample(round(passed, 1), int(legs)))
            await asyncio.sleep(min(10.0, plan.seconds / 10, plan.seconds - passed))
        for task in tasks:
            task.cancel()


async def _wait_for_all(fleet: Machines, running: Daemon, result: Result) -> None:
    """Wait until the daemon has counted every event that was sent; note what is missing."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        said = await fleet.tell("sent")
        text = await running.metrics()
        again = await fleet.tell("sent")
        came = [
            _total(text, "callstate_ami_events_total", f'machine="{number}"')
            for number in range(1, len(said) + 1)
        ]
        result.sent = sum(each["sent"] for each in said)
        result.lost = result.sent - int(sum(came))
        result.behind_bytes = max(each["behind"] for each in said)
        is_still = [each["sent"] for each in said] == [each["sent"] for each in again]
        if is_still and came == [each["sent"] for each in said]:
            return
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(0.2)


def _total(text: str, name: str, label: str = "") -> float:
    lines = (line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} ")))
    return sum(float(line.rpartition(" ")[2]) for line in lines if label in line)


def _p99(text: str, name: str) -> float:
    """Return the bound below which 99 % of a histogram are, over all its labels."""
    counts: dict[float, float] = {}
    for bound, number in re.findall(
        rf'^{name}_bucket{{.*le="([^"]+)".*}} (\S+)$', text, re.MULTILINE
    ):
        counts[float(bound)] = counts.get(float(bound), 0.0) + float(number)
    total = max(counts.values(), default=0.0)
    return next((bound for bound in sorted(counts) if counts[bound] >= 0.99 * total), 0.0)
