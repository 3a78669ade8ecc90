"""What callstate says at a mark, by HTTP and in its mirror, against what Asterisk says."""

import asyncio
import dataclasses
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from callstate.core.model import uniqueid_order
from callstate.replay import mirror_of
from tests.captures import Checkpoint
from tests.live.lab.lab import Mark
from tests.live.live import LiveLab
from tests.live.watcher import Watcher
from tests.truth import differences

# So long callstate may be out of step, and what moves at a mark may go on moving.
SETTLE_SECONDS = 6.0

# In step and with nothing moving, what is under way must have arrived by then. What is wrong
# for longer was not late, and is not made right by the call having gone on.
PROMPT_SECONDS = 1.0

UP = "6"


@dataclass
class Tally:
    """What the whole run of live tests found, by release and by how callstate came to know."""

    marks: Counter[str] = field(default_factory=Counter)
    exact: Counter[str] = field(default_factory=Counter)
    at_once: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        for what in sorted(self.marks, reverse=True):
            yield (
                f"{what}: {self.exact[what]} of {self.marks[what]} checkpoints exact,"
                f" {self.at_once[what]} of them at first sight"
            )
        yield from self.notes


class Comparison:
    """One machine's marks. `found` collects, readable, whatever callstate said that was not so.

    `least`: the account lacks the class `dialplan` (see `tests.truth.differences`).
    `saw_all`: callstate was in step from the first call on, so it knows when each was answered.
    `how` it came to know is printed with the counts.
    """

    def __init__(
        self,
        watcher: Watcher,
        lab: LiveLab,
        machine: int,
        tally: Tally,
        *,
        least: bool = False,
        saw_all: bool = True,
        how: str = "",
    ) -> None:
        self._watcher = watcher
        self._lab = lab
        self._machine = machine
        self._tally = tally
        self._least = least
        self._saw_all = saw_all
        self._how = how
        self.marks = 0
        self.found: list[str] = []

    async def check(self, mark: Mark) -> None:
        """Compare at `mark`; while it is not the same, ask Asterisk anew, for a bounded time."""
        if not self._watcher.in_step(self._machine) and mark.conn is None:
            return  # nothing is connected: what is served then is the test's to say
        began = in_step_since = time.monotonic()
        first: list[str] = []
        is_old = True  # the mark, if this host was slow to compare with it
        while found := await self._differences(mark):
            now = time.monotonic()
            first = first or found
            if not self._watcher.in_step(self._machine):
                in_step_since = now
            is_late = mark.quiet and now > in_step_since + PROMPT_SECONDS
            if not is_old and (is_late or now > began + SETTLE_SECONDS):
                break
            await asyncio.sleep(0.1)
            channels, status, bridges = await self._lab.truth()
            mark = dataclasses.replace(mark, channels=channels, status=status, bridges=bridges)
            is_old = False
        self.marks += 1
        counted = f"Asterisk {self._lab.server.release}{self._how}"
        self._tally.marks[counted] += 1
        self._tally.exact[counted] += not found
        self._tally.at_once[counted] += not first
        if first:
            took = time.monotonic() - began
            moving = "quiet" if mark.quiet else "not quiet"
            self._tally.notes.append(
                f"{counted}, at {mark.label!r}, {moving}, for {took:.1f} s: {first[0]}"
            )
        self.found += [f"at {mark.label!r}{self._how}: {difference}" for difference in found]

    async def _differences(self, mark: Mark) -> list[str]:
        state = self._watcher.daemon.state
        answer = await self._watcher.ask(machines=str(self._machine))
        mirror = mirror_of(state, self._machine)
        found = differences(mirror, Checkpoint(**vars(mark)), least=self._least)
        found += _row_differences(answer.data, mark, mirror, saw_all=self._saw_all)
        if answer.stale:
            found.append(f"said to be stale: {answer.stale}")
        if abs(time.time() - answer.as_of) > 30:
            found.append(f"said to be as of {answer.as_of}")
        try:
            state.check()
        except AssertionError as error:
            found.append(f"an invariant is broken: {error}")
        return found

    def leftovers(self) -> Iterator[str]:
        """Give what is still there when there is no call any more."""
        sync = self._watcher.daemon.state.sync_of(self._machine)
        registry = sync.mirror.registry
        for leg in self._watcher.daemon.state.store:
            if leg.machine == self._machine:
                yield f"left over: leg {leg.channel}"
        # Asterisk keeps its parking bridges when they are empty.
        bridges = [bridge for bridge in registry.bridges.values() if bridge.members]
        kept = {"channels": registry.channels, "bridges": bridges}
        for name, values in (kept | _attributes(registry.calls)).items():
            if values:
                yield f"left over: {name} {values}"


def _attributes(of: object) -> dict[str, Any]:
    """Return what an object has by name; `vars` knows nothing of a compiled class."""
    values = {name: getattr(of, name) for name in dir(of) if not name.startswith("__")}
    return {name: value for name, value in values.items() if not callable(value)}


def _row_differences(
    rows: list[dict[str, Any]], mark: Mark, mirror: dict[str, Any], *, saw_all: bool
) -> Iterator[str]:
    """Give in what the rows are not the channels that are no halves of Local channels."""
    truth = {
        str(item["Uniqueid"]): item
        for item in mark.channels
        if not str(item["Channel"]).startswith("Local/")
    }
    mine = {row["uniqueid"]: row for row in rows}
    if len(mine) != len(rows):
        yield f"a row twice: {[row['channel'] for row in rows]}"
    for uniqueid in mine.keys() - truth.keys():
        yield f"row {mine[uniqueid]['channel']} too many"
    for uniqueid in truth.keys() - mine.keys():
        yield f"no row for {truth[uniqueid]['Channel']}"
    callids = {one["uniqueid"]: one["callid"] for one in mirror["channels"]}
    for uniqueid in mine.keys() & truth.keys():
        row, item = mine[uniqueid], truth[uniqueid]
        name, is_up = row["channel"], item["ChannelState"] == UP
        start = uniqueid_order(uniqueid)[0] or row["start"]
        if (name, row["callid"], row["start"]) != (item["Channel"], callids.get(uniqueid), start):
            yield f"row of {item['Channel']} is {row}"
        if bool(row["answered"]) != is_up and (saw_all or not is_up):
            yield f"{name} answered {row['answered']}, state {item['ChannelState']}"
        if row["status"] not in {"ending", *(("answer", "hold") if is_up else ("new", "ringing"))}:
            yield f"{name} status {row['status']}, state {item['ChannelState']}"
