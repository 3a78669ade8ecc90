"""The directory in force: read again on demand, and the last good one when that fails.

A directory with a mistake in it must not lock anybody out, nor let anybody in: it is
refused as a whole, the refusal is logged once, and what was in force stays in force.
"""

import asyncio
import logging
from collections.abc import Callable

from callstate.core.directory import Directory
from callstate.core.errors import DirectoryError

logger = logging.getLogger(__name__)


class DirectoryWatch:
    """Reads a directory with `load`, and gives each new one to `use`.

    `current` is the one in force, `last_error` says why the last attempt was refused; it is
    empty when it was not.
    """

    def __init__(
        self,
        load: Callable[[], Directory],
        use: Callable[[Directory], None],
        *,
        current: Directory,
    ) -> None:
        self._load = load
        self._use = use
        self.current = current
        self._turn = asyncio.Lock()
        self.last_error = ""

    async def reload(self) -> bool:
        """Read the directory in a thread and put it in force; return False if it is refused."""
        # In turn, so that of two attempts the later one wins.
        async with self._turn:
            try:
                directory = await asyncio.to_thread(self._load)
            except DirectoryError as error:
                self._refuse(str(error))
                return False
            if self.last_error:
                logger.info("directory accepted again")
            self.last_error = ""
            # Putting one in force goes over all legs; `load` gives the same one for the same rows.
            if directory is not self.current:
                self._use(directory)
                self.current = directory
                logger.info("directory in force", extra={"users": len(directory.users)})
            return True

    def _refuse(self, problem: str) -> None:
        if problem != self.last_error:
            logger.warning("directory refused, the last good one stays", extra={"problem": problem})
        self.last_error = problem
