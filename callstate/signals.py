"""What the signals of an operator do: TERM and INT stop, HUP reloads.

The first TERM or INT asks for an orderly stop; from then on a clock runs that the event loop
cannot stop, and that ends the process if the stop has not. A second one ends it at once, as if
the signal had never been caught.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)

EXIT_STUCK = 1


class Signals:
    """Handlers that are in place for the time of a `with` block, in a loop that has signals.

    The process has `limit_seconds` from the first TERM or INT on, in the block and after it.
    """

    def __init__(
        self, *, stop: Callable[[], None], reload: Callable[[], None], limit_seconds: float
    ) -> None:
        self._stop = stop
        self._reload = reload
        self._limit_seconds = limit_seconds
        self._is_stopping = False
        self._placed: list[signal.Signals] = []

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._stop_or_die, number)
                self._placed.append(number)
            loop.add_signal_handler(signal.SIGHUP, self._reload)
            self._placed.append(signal.SIGHUP)
        except (NotImplementedError, RuntimeError, ValueError):
            return  # not the main thread: whoever runs us there calls `stop`

    def __exit__(self, *_error: object) -> None:
        loop = asyncio.get_running_loop()
        for number in self._placed:
            loop.remove_signal_handler(number)

    def _stop_or_die(self, number: signal.Signals) -> None:
        if self._is_stopping:
            logger.warning("stopped at once", extra={"signal": number.name})
            _die(number)
        else:
            self._is_stopping = True
            # In a thread: what hangs may be the loop, or a thread that the exit would wait for.
            limit = threading.Timer(self._limit_seconds, _give_up, [self._limit_seconds])
            limit.daemon = True
            limit.start()
            self._stop()


def _die(number: signal.Signals) -> None:
    """End the process as the signal would, so that a supervisor sees a stop and no failure."""
    sys.stderr.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    # The kernel spares the first process of a container.
    os._exit(128 + number)


def _give_up(seconds: float) -> None:
    logger.error("the stop took too long, ended", extra={"seconds": seconds})
    sys.stderr.flush()
    os._exit(EXIT_STUCK)
