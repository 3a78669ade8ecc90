"""Work timed side by side: contenders take turns, so that what disturbs one disturbs all.

Time is that of the process on its processors, unless somebody waits for others: what else the
machine does must not count. Every figure is a median over rounds, with the least and the most
beside it; a ratio is the median of the ratios within each round.
"""

import gc
import math
import os
import time
from collections.abc import Callable, Mapping
from statistics import median

import msgspec

Clock = Callable[[], float]

# A round shorter than this is repeated within the round: clocks and caches are coarse.
ROUND_SECONDS = 0.02

_CORES = sorted(os.sched_getaffinity(0))


class Sample(msgspec.Struct, frozen=True):
    """Seconds of one piece of work, one figure for each round."""

    seconds: list[float]

    @property
    def median(self) -> float:
        """The figure that is quoted."""
        return median(self.seconds)

    def per(self, number: float, unit: float = 1e6) -> dict[str, float]:
        """Return median, least and most for one of `number` pieces, in microseconds."""
        scale = unit / number
        return {
            "median": rounded(self.median * scale),
            "least": rounded(min(self.seconds) * scale),
            "most": rounded(max(self.seconds) * scale),
        }


def side_by_side(
    contenders: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    clock: Clock = time.process_time,
    round_seconds: float = ROUND_SECONDS,
) -> dict[str, Sample]:
    """Return what each contender takes; all of them run in every round, after one to warm up."""
    repeats = {name: _repeats(work, clock, round_seconds) for name, work in contenders.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, work in contenders.items():
            gc.collect()
            begin = clock()
            for _ in range(repeats[name]):
                work()
            seconds[name].append((clock() - begin) / repeats[name])
    return {name: Sample(figures) for name, figures in seconds.items()}


def ratio(numerator: Sample, denominator: Sample) -> float:
    """Return how many times longer the first takes than the second, compared round by round."""
    pairs = zip(numerator.seconds, denominator.seconds, strict=True)
    return rounded(median([one / other for one, other in pairs]))


def rounded(number: float) -> float:
    """Return `number` with four significant digits."""
    if number == 0 or not math.isfinite(number):
        return number
    return round(number, 3 - math.floor(math.log10(abs(number))))


def keep_a_core() -> None:
    """Run on one core from now on, and on no other. Nothing changes where there is but one."""
    if len(_CORES) > 1:
        os.sched_setaffinity(0, _CORES[:1])


def leave_the_core() -> None:
    """Run on any core but that one: for a process that asks or sends, before it begins."""
    if len(_CORES) > 1:
        os.sched_setaffinity(0, _CORES[1:])


def resident_bytes() -> int:
    """Return the memory that the process has in the machine. 0 where that cannot be read."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            line = next(line for line in file if line.startswith("VmRSS"))
    except OSError:
        return 0
    return int(line.split()[1]) * 1024


def available_bytes() -> int:
    """Return the memory that could still be had from the machine. 0 where it cannot be read."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            line = next(line for line in file if line.startswith("MemAvailable"))
    except OSError:
        return 0
    return int(line.split()[1]) * 1024


def _repeats(work: Callable[[], object], clock: Clock, round_seconds: float) -> int:
    """Return how often `work` fits into a round. The first time it may make what it then keeps,
    so that it tells nothing.
    """
    work()
    if not round_seconds:
        return 1
    begin = clock()
    work()
    return max(1, math.ceil(round_seconds / max(clock() - begin, 1e-9)))
