"""Very many wrong requests at a whole daemon: `python -m tests.fuzz.attack --clients 100000`.

Each client is a seed; when something is wrong, the seeds of those who were there are told.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.fuzz.daemon import Target, attacked

# How often it says how far it is, and counts what there is.
_SAY_EVERY = 10_000


async def run(first: int, clients: int) -> None:
    """Let so many clients attack."""
    with tempfile.TemporaryDirectory(prefix="callstate-fuzz-") as folder:
        async with attacked(Path(folder)) as target:
            for begin in range(first, first + clients, _SAY_EVERY):
                end = min(begin + _SAY_EVERY, first + clients)
                await target.attack(range(begin, end))
                await target.crowd(100)
                await _say(target, first, end - 1)


async def _say(target: Target, first: int, last: int) -> None:
    answers = dict(sorted(target.statuses.items()))
    print(  # noqa: T201  # for who waits for it
        f"seeds {first} to {last}: answers {answers}, {await target.blocks()} blocks", flush=True
    )


def main(arguments: list[str] | None = None) -> int:
    """Attack as the arguments say; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    asyncio.run(run(given.seed, given.clients))
    return 0


if __name__ == "__main__":
    sys.exit(main())
