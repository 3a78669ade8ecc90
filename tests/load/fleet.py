"""Busy machines in a process of their own: `python -m tests.load.fleet`.

It prints their ports and obeys lines on standard input: `sent` says what was sent, `stop` lets
nothing more happen and writes down what is up.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

import uvloop

from tests.load.calls import forms
from tests.load.machine import Machine, pace_of

# Calls go on in steps of so long, on all machines at once.
TICK_SECONDS = 0.01


class Fleet:
    """All machines of this process."""

    def __init__(self, given: argparse.Namespace) -> None:
        chosen = forms(given.wanted)
        pace = pace_of(chosen, legs=given.legs, events=given.events)
        self._folder = Path(given.folder)
        self._stopped = False
        self.machines = [
            Machine(
                # Not the same calls on all of them at the same time.
                chosen[7 * number % len(chosen) :] + chosen[: 7 * number % len(chosen)],
                pace,
                wanted=given.wanted,
                record=self._folder / f"sent-{number}.ami" if given.record else None,
            )
            for number in range(1, given.machines + 1)
        ]

    async def run(self) -> None:
        """Let time pass on all of them."""
        while not self._stopped:
            now = time.time()
            for machine in self.machines:
                machine.go_on(now)
            await asyncio.sleep(TICK_SECONDS)

    def obey(self, line: str) -> object:
        """Do what `line` says, and return what it asks for."""
        if line == "stop":
            self._stopped = True
            for number, machine in enumerate(self.machines, 1):
                machine.write_down(self._folder, number)
        return [
            {"sent": machine.sent, "behind": machine.behind, "up": len(machine.up)}
            for machine in self.machines
        ]


async def _serve(given: argparse.Namespace) -> None:
    fleet = Fleet(given)
    ports = [await machine.listen() for machine in fleet.machines]
    now = time.time()
    for machine in fleet.machines:
        machine.fill(now)
    print(json.dumps(ports), flush=True)  # noqa: T201  # to who started it
    running = asyncio.create_task(fleet.run())
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while line := await lines.readline():
        print(json.dumps(fleet.obey(line.decode().strip())), flush=True)  # noqa: T201
    running.cancel()


def main() -> None:
    """Be the machines until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=10)
    parser.add_argument("--legs", type=float, default=2000.0)
    parser.add_argument("--events", type=float, default=2000.0)
    parser.add_argument("--wanted", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--record", action="store_true")
    uvloop.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
