"""The patience with a link: pings that keep it talking, and a watch over its silence.

A link that died without a word sends no byte; one that lives answers a ping.
"""

import asyncio

from callstate.ami.errors import ConnectionLost
from callstate.ami.link import Link
from callstate.config import Ami


class Patience:
    """How long a machine may be silent, as `ami` says; it may say otherwise while links are up."""

    def __init__(self, ami: Ami) -> None:
        self.ami = ami
        self._hurry = asyncio.Event()
        self._patient_from = 0.0

    def use(self, ami: Ami) -> None:
        """Go by `ami` from now on."""
        self.ami = ami
        # Less patience must not find a silence that the old pings left: one is sent now.
        self._patient_from = asyncio.get_running_loop().time()
        self._hurry.set()

    async def ping(self, link: Link) -> None:
        """Ping on a period, until a ping fails.

        Raises:
            AmiError: when there was no answer.
        """
        while True:
            try:
                async with asyncio.timeout(self.ami.ping_seconds):
                    await self._hurry.wait()
            except TimeoutError:
                pass
            self._hurry.clear()
            await link.ask("Ping")

    async def watch(self, link: Link) -> None:
        """Raise when nothing came for too long.

        The loop reads sockets before it runs timers that are due, so a loop that was busy
        for a while does not take its own pause for the machine's.

        Raises:
            ConnectionLost: always, in the end.
        """
        loop, left = asyncio.get_running_loop(), self.ami.silence_seconds
        while left > 0:
            await asyncio.sleep(left)
            heard = max(link.protocol.heard, self._patient_from)
            left = heard + self.ami.silence_seconds - loop.time()
        raise ConnectionLost(f"silent for {self.ami.silence_seconds:g} s")
