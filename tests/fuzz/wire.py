"""Very many wrong messages through the engine: `python -m tests.fuzz.wire --messages 10000000`.

Every case is one seed, which is printed when something is wrong; `--seed N --cases 1` runs it
again. A run goes on where another ended with `--seed`.
"""

import argparse
import resource
import sys
import time
import traceback

from tests.fuzz.engine import run_case

# How often it says how far it is.
_SAY_EVERY = 100_000
# So many wrong cases are enough to look at.
_ENOUGH = 20


class Run:
    """Cases one after another, and what became of them."""

    def __init__(self, seed: int) -> None:
        self._first = self._next = seed
        self._slowest = (0.0, 0)
        self._started = time.process_time()
        self.cases = self.messages = self.wrong = 0

    def step(self) -> None:
        """Run the next case."""
        seed, begun = self._next, time.process_time()
        try:
            self.messages += run_case(seed)
        except Exception:  # whatever it is, it is what was looked for
            self.wrong += 1
            _say(f"seed {seed} is wrong:\n{traceback.format_exc()}")
        self._slowest = max(self._slowest, (time.process_time() - begun, seed))
        self._next += 1
        self.cases += 1

    def say(self) -> None:
        """Say how far it is."""
        seconds, slow = time.process_time() - self._started, self._slowest
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        _say(
            f"{self.messages} messages, seeds {self._first} to {self._next - 1}, "
            f"{self.wrong} wrong, {seconds:.0f} s of CPU, {megabytes} MB; "
            f"the slowest is {slow[1]} with {slow[0]:.2f} s"
        )


def main(arguments: list[str] | None = None) -> int:
    """Run cases until there were so many messages, or so many cases; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--cases", type=int, default=sys.maxsize)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    run, due = Run(given.seed), _SAY_EVERY
    while run.messages < given.messages and run.cases < given.cases and run.wrong < _ENOUGH:
        run.step()
        if run.messages >= due:
            due += _SAY_EVERY
            run.say()
    run.say()
    return 1 if run.wrong else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # for who waits for it


if __name__ == "__main__":
    sys.exit(main())
