"""The barrier at the end of a sync: a mark of our own that travels with the events."""

import asyncio
import logging
from contextlib import suppress

from callstate.ami.connection import AmiConnection
from callstate.ami.dialplan import MARKER_VARIABLE
from callstate.ami.errors import PermissionDenied

logger = logging.getLogger(__name__)

# The mark comes back in milliseconds; without it (VarSet filtered) the stream is given
# this long to bring what was under way.
BARRIER_SECONDS = 3.0


class Barrier:
    """Waits, on one connection to `machine` after another, for what is under way to arrive."""

    def __init__(self, machine: int) -> None:
        self._machine = machine
        self._marks: dict[str, asyncio.Event] = {}
        self._number = 0
        self._marks_come = True
        self._said_no_marks = False

    def __len__(self) -> int:
        """Return how many marks are waited for."""
        return len(self._marks)

    def opened(self) -> None:
        """Begin with another connection, which may bring marks again."""
        self._marks.clear()
        self._marks_come = True

    def came(self, token: str) -> None:
        """Take note that a mark came, of whomever."""
        if (mark := self._marks.get(token)) is not None:
            mark.set()
            self._said_no_marks = False

    async def passed(self, connection: AmiConnection) -> None:
        """Return when everything that was published before now has been applied.

        Getvar of SET() sets a variable on a channel that exists for this alone
        (action_getvar, func_logic.c); its VarSet goes through the one order of events.
        """
        self._number += 1
        token = f"{self._machine}-{self._number}"
        mark = self._marks[token] = asyncio.Event()
        try:
            if self._marks_come:
                # Lists need not be allowed by the class that allows this.
                with suppress(PermissionDenied):
                    await connection.send("Getvar", Variable=f"SET({MARKER_VARIABLE}={token})")
            async with asyncio.timeout(BARRIER_SECONDS):
                await mark.wait()
        except TimeoutError:
            # Said once, not on every connection: it is the account's, and no mishap.
            if not self._said_no_marks:
                logger.warning(
                    "no barrier: the account may not set its own mark, or not read VarSet",
                    extra={"machine": self._machine, "variable": MARKER_VARIABLE},
                )
            self._said_no_marks = True
            self._marks_come = False
        finally:
            del self._marks[token]
