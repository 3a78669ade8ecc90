"""A lab with callstate in the middle: scenarios run, and each mark goes to a test's own check."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Self

from tests.live.lab import scenarios  # noqa: F401  # importing it registers them
from tests.live.lab.lab import SCENARIOS, Lab, Mark
from tests.live.lab.server import Server
from tests.live.relay import Relay, RelayedLink

# callstate may be waiting out a pause between two attempts when the way is free again.
CONNECT_LIMIT_SECONDS = 40

OnMark = Callable[[Mark], Awaitable[None]]


class LiveLab(Lab):
    """Use it as `async with`; connect callstate to 127.0.0.1, port `port`, then run scenarios.

    The way leads through a relay, so that the lab knows when the stream is quiet, and the
    scenarios about lost connections break callstate's own. The server runs already.
    """

    def __init__(self, server: Server, *, seed: int = 1, media: bool = True) -> None:
        super().__init__(server, seed=seed, media=media)
        self.relay = Relay(server.ami_port)
        self._on_mark: OnMark | None = None

    @property
    def port(self) -> int:
        """Where callstate finds the manager interface."""
        return self.relay.port

    @property
    def link(self) -> RelayedLink:
        """The connection that callstate has now."""
        assert self.relay.link is not None, "callstate never connected"
        return self.relay.link

    async def __aenter__(self) -> Self:
        await self.open()
        await self.relay.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        await self.relay.close()
        await asyncio.sleep(0)  # transports close their sockets in the loop's next round

    async def connect(self) -> None:
        await self.relay.open()
        self.rec = link = await self.relay.next_link(CONNECT_LIMIT_SECONDS)
        await asyncio.wait_for(link.first.wait(), CONNECT_LIMIT_SECONDS)

    async def mark(self, mark: Mark) -> None:
        if self._on_mark is not None:
            await self._on_mark(mark)

    async def run_scenario(
        self,
        name: str,
        params: dict[str, Any] | None = None,
        on_mark: OnMark | None = None,
        *,
        limit: float = 180,
    ) -> None:
        """Run one of the lab's scenarios; see `run`."""
        self.p = params or {}
        scenario = SCENARIOS[name]
        await self.run(scenario.run, on_mark, late=scenario.late, limit=limit)

    async def run(
        self,
        script: Callable[[Any], Awaitable[None]],
        on_mark: OnMark | None = None,
        *,
        late: bool = False,
        limit: float = 180,
    ) -> None:
        """Run a script with this lab; `on_mark` sees each of its marks while nothing moves on.

        A client must be connected to `port`, or be trying to. A script that lets the
        watcher join late (`late`) begins with the way shut.
        """
        self._on_mark = on_mark
        self.ua.auto.clear()
        self.ua.queues.clear()
        await self.act(Action="Setvar", Variable="CUSTRING", Value="60")
        if late:
            self.relay.shut()
            self.rec = None
        else:
            await self.connect()
            await self.quiet()
        try:
            await asyncio.wait_for(script(self), limit)
        finally:
            self._on_mark = None
            for call in self.ua.calls.values():
                call.hangup()

    async def clear(self, limit: float = 20) -> None:
        """Hang up whatever is left on the server, and wait until nothing is."""
        ctl = await self.new_ctl()
        try:
            async with asyncio.timeout(limit):
                while await ctl.list(("Action", "CoreShowChannels")):
                    await ctl.action([("Action", "Hangup"), ("Channel", "/.+/"), ("Cause", "16")])
                    await asyncio.sleep(0.1)
        finally:
            ctl.close()
