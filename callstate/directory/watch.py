"""The directory in force: read again on demand, and the last good one when that fails.

A directory with a mistake in it must not lock anybody out, nor let anybody in: it is
refused as a whole, the refusal is logged once, and what was in force stays in force. The same
goes for one that cannot be read.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from callstate.core.directory import Directory, SourceState, SourceStatus
from callstate.core.errors import DirectoryError, DirectoryUnavailable
from callstate.core.state import CallState

logger = logging.getLogger(__name__)

# A database that is down comes back within minutes, and wants no crowd at its door.
RETRY_SECONDS = 5.0

# How the attempt ended, and whether it was to be the first directory.
_SAID = {
    (SourceState.REFUSED, False): "directory refused, the last good one stays",
    (SourceState.UNAVAILABLE, False): "directory unavailable, the last good one stays",
    (SourceState.UNAVAILABLE, True): "directory unavailable, waiting for it",
}


class DirectoryWatch:
    """Reads a directory with `load`, and puts each new one in force in `state`.

    `seconds` lie between two reads, 0: it is read only when somebody calls `reload`.
    `state.source` says how the last attempt ended.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[Directory]],
        state: CallState,
        *,
        seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._load = load
        self._state = state
        self._seconds = seconds
        self._clock = clock
        self._changed = asyncio.Event()
        self._current: Directory | None = None
        self._turn = asyncio.Lock()
        self._problem = ""

    async def wait(self) -> None:
        """Return when there is a directory, however often its source must be asked.

        Raises:
            DirectoryError: the source says a wrong one.
        """
        while not await self.reload():
            await self._pause(RETRY_SECONDS)

    def use(self, load: Callable[[], Awaitable[Directory]], *, seconds: float) -> None:
        """Read with `load` and so often from now on; what is in force stays until then."""
        self._load = load
        self._seconds = seconds
        self._changed.set()

    async def run(self) -> None:
        """Read the directory on its period, and soon again after it could not be read."""
        while True:
            unavailable = self._state.source.state is SourceState.UNAVAILABLE
            seconds = self._seconds
            pause = min(seconds or RETRY_SECONDS, RETRY_SECONDS) if unavailable else seconds
            if await self._pause(pause or None):
                await self.reload()

    async def reload(self) -> bool:
        """Read the directory and put it in force; return False if that cannot be.

        Raises:
            DirectoryError: the first one is wrong.
        """
        # In turn, so that of two attempts the later one wins.
        async with self._turn:
            try:
                return await self._read()
            finally:
                # The next read is as far from this one as its outcome says.
                self._changed.set()

    async def _read(self) -> bool:
        try:
            directory = await self._load()
        except DirectoryUnavailable as error:
            self._refuse(error, SourceState.UNAVAILABLE)
            return False
        except DirectoryError as error:
            if self._current is None:
                raise
            self._refuse(error, SourceState.REFUSED)
            return False
        self._accept(directory)
        return True

    async def _pause(self, seconds: float | None) -> bool:
        """Wait for so long, None for ever; return False at once when it is time to look again."""
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return True
        return False

    def _accept(self, directory: Directory) -> None:
        if self._problem:
            logger.info("directory accepted again")
        self._problem = ""
        # Putting one in force goes over all legs; `load` gives the same one for the same rows.
        if directory is not self._current:
            self._state.use_directory(directory)
            if self._current is not None:
                logger.info("directory in force", extra={"users": len(directory.users)})
            self._current = directory
        self._state.source = SourceStatus(state=SourceState.ACCEPTED, loaded_at=self._clock())

    def _refuse(self, error: DirectoryError, state: SourceState) -> None:
        problem = str(error)
        if problem != self._problem:
            logger.warning(_SAID[state, self._current is None], extra={"problem": problem})
        self._problem = problem
        self._state.source = SourceStatus(state=state, loaded_at=self._state.source.loaded_at)
