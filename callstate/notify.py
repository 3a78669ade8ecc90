"""What systemd is told of the daemon's life (sd_notify): a datagram for each thing said.

It is what a unit of `Type=notify` reads: READY, RELOADING, STOPPING, STATUS, and WATCHDOG as
long as the event loop turns. Outside systemd there is no `NOTIFY_SOCKET`, and nothing is said.
The protocol is one line, so there is no library: see docs/decisions.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)


class Notifier:
    """Tells systemd, if systemd wants to be told.

    `watchdog_seconds` is how often it has to hear `alive`; None: it does not wait for that.
    """

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        *,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._monotonic_ns = monotonic_ns
        self._status = ""
        self._is_starting = True
        self._is_stopping = False
        self._problem = ""
        self.watchdog_seconds = _watchdog_seconds(environment)

    def starting(self, seconds: float) -> None:
        """Say that the start goes on: for at most so many seconds until this is said again."""
        if self._is_starting:
            self._say(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")

    def ready(self) -> None:
        """Say that the start is complete."""
        self._is_starting = False
        self._say("READY=1")

    def reloading(self) -> None:
        """Say that a reload begins, unless it does during the start, whose end is to come yet."""
        if not self._is_starting and not self._is_stopping:
            # systemd tells by the time whether this answers its own signal.
            self._say(f"RELOADING=1\nMONOTONIC_USEC={self._monotonic_ns() // 1000}")

    def reloaded(self) -> None:
        """Say that the reload is over, if its beginning was said and the end has not begun."""
        if not self._is_starting and not self._is_stopping:
            self._say("READY=1")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._is_starting = False
        self._is_stopping = True
        self._say("STOPPING=1")

    def alive(self) -> None:
        """Say that the loop turns."""
        self._say("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Say in words how it is, for `systemctl status`; the same again is not sent."""
        if text != self._status:
            self._status = text
            self._say(f"STATUS={text}")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                # Nothing in here may hold up the loop: not even a listener that does not read.
                sender.setblocking(False)
                sender.sendto(text.encode(), self._address)
        except OSError as error:
            problem = error.strerror or ""
            if problem != self._problem:
                logger.warning("systemd cannot be told", extra={"problem": problem})
            self._problem = problem
        else:
            self._problem = ""


def _address(path: str) -> str:
    """Return the address of the socket: a path, or a name that is in no file system (`@`)."""
    return f"\0{path[1:]}" if path.startswith("@") else path


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """Return how often systemd wants to hear that this very process lives."""
    microseconds, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or int(microseconds) == 0:
        return None
    if pid and pid != str(os.getpid()):
        return None
    return int(microseconds) / 1e6
