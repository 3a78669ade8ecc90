"""Long work done in steps, one of them in each turn of the event loop, whoever asked for it.

Ten clients who ask for everything at once wait for each other, and nobody else waits for
more than one step.
"""

import asyncio
from collections.abc import Iterator
from typing import TypeVar

from callstate.core.walk import Steps

T = TypeVar("T")


class Turns:
    """The line in which long work waits for its turns; first come, first served."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def finish(self, steps: Steps[T]) -> T:
        """Do all `steps` and return what they give."""
        try:
            while True:
                async with self._lock:
                    try:
                        next(steps)
                    except StopIteration as done:
                        result: T = done.value
                        return result
                    await asyncio.sleep(0)
        finally:
            steps.close()

    async def take(self, parts: Iterator[T]) -> T | None:
        """Return the next of `parts`, whose making is one step, or None after the last."""
        async with self._lock:
            part = next(parts, None)
            await asyncio.sleep(0)
            return part
