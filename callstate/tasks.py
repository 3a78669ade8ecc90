"""Tasks that should never end: begun anew when a bug of ours ends one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

# A bug that ends a task at once must not fill the log.
RESTART_SECONDS = 5.0


async def keep_running(run: Callable[[], Awaitable[None]]) -> None:
    """Run `run` until cancelled, again and again."""
    while True:
        try:
            await run()
        except Exception:  # one task's bug must not take the others down
            task = asyncio.current_task()
            name = "" if task is None else task.get_name()
            logger.exception("task failed", extra={"task": name})
        await asyncio.sleep(RESTART_SECONDS)
