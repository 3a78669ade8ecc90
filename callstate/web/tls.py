"""Listening with TLS: connections are counted before they shake hands.

asyncio's own server tells of a client only after the handshake: whoever does not get on with
it would be in nobody's count.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine

from callstate.web.connection import Connection
from callstate.web.door import Door

# When the system has no descriptor left, asking again at once would only cost time.
_PAUSE_SECONDS = 0.1

logger = logging.getLogger(__name__)


class TlsListener:
    """Accepts connections on a listening socket, lets them in at the `door`, shakes hands.

    `make` makes the connection of a client that entered under the given address.
    """

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[str], Connection],
        *,
        door: Door,
        context: ssl.SSLContext,
        handshake_seconds: float,
    ) -> None:
        self._listening = listening
        self._make = make
        self._door = door
        self._context = context
        self._seconds = handshake_seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._begin(self._accept())  # until `stop`

    async def stop(self) -> None:
        """Accept no more, and give up handshakes that are under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listening.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        is_told = False
        while True:
            try:
                accepted, peer = await loop.sock_accept(self._listening)
            except OSError as error:
                if not is_told:
                    logger.warning("cannot accept", extra={"reason": error.strerror})
                is_told = True
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            is_told = False
            if self._door.enter(peer[0]):
                self._begin(self._shake_hands(accepted, peer[0]))
            else:
                accepted.close()

    async def _shake_hands(self, accepted: socket.socket, address: str) -> None:
        connection = self._make(address)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=self._seconds,
                ssl_shutdown_timeout=self._seconds,
            )
        except OSError as error:  # of TLS too
            logger.debug("handshake failed", extra={"reason": type(error).__name__})
        finally:
            if connection.transport is None:  # it never began
                connection.leave()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="tls")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
