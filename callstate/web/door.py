"""The door: how many connections are open, in all and of each client, and who is refused.

Trusted proxies speak for many clients, and who may open the Unix socket is said by its
folder: only the limit of all concerns these.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from aiohttp import web

from callstate.config import HttpLimits
from callstate.web.forwarded import Proxies
from callstate.web.throttle import network_of

# Whoever is refused comes again at once, and must not fill the log.
LOG_SECONDS = 60.0

logger = logging.getLogger(__name__)


class Limit(StrEnum):
    """The limits that end a connection, by their names in the configuration."""

    CONNECTIONS = "connections"
    CONNECTIONS_PER_CLIENT = "connections_per_client"
    HEAD_BYTES = "head_bytes"
    HEAD_SECONDS = "head_seconds"
    READER_SECONDS = "reader_seconds"
    ANSWER_SECONDS = "answer_seconds"


class Door:
    """Counts the connections that are open, and those that a limit ended, by limit.

    Invariant: `open` is the number of those who entered and did not leave.
    """

    def __init__(
        self,
        limits: HttpLimits,
        proxies: Proxies,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._proxies = proxies
        self._clock = clock
        self._of_client: Counter[str] = Counter()
        self._quiet_until: dict[Limit, float] = {}
        self.open = 0
        self.ended = {limit.value: 0 for limit in Limit}

    def enter(self, address: str) -> bool:
        """Tell whether a connection from `address` may stay; if so, it is counted."""
        if self.open >= self._limits.connections:
            self.end(Limit.CONNECTIONS)
            return False
        client = self._client(address)
        if client is not None:
            if self._of_client[client] >= self._limits.connections_per_client:
                self.end(Limit.CONNECTIONS_PER_CLIENT)
                return False
            self._of_client[client] += 1
        self.open += 1
        return True

    def leave(self, address: str) -> None:
        """Count no longer a connection that entered from `address`."""
        self.open -= 1
        client = self._client(address)
        if client is not None:
            self._of_client[client] -= 1
            if not self._of_client[client]:
                del self._of_client[client]

    def end(self, limit: Limit) -> None:
        """Take note that `limit` ended a connection."""
        self.ended[limit] += 1
        now = self._clock()
        if now >= self._quiet_until.get(limit, 0.0):
            self._quiet_until[limit] = now + LOG_SECONDS
            logger.warning(
                "connections ended by a limit", extra={"limit": limit, "ended": self.ended[limit]}
            )

    def _client(self, address: str) -> str | None:
        """Return under what a connection from `address` is counted, None for those who are not."""
        if not address or self._proxies.trusts(address):
            return None
        return network_of(address)


DOOR = web.AppKey("DOOR", Door)
