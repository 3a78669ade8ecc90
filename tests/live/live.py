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
        """Run one scenario; `on_mark` sees each of its marks while nothing moves on.

        A client must be connected to `port`, or be trying to. Scenarios that let the
        watcher join late shut it out first.
        """
        scenario = SCENARIOS[name]
        self.p = params or {}
        self._on_mark = on_mark
        self.ua.auto.clear()
        self.ua.queues.clear()
        await self.act(Action="Setvar", Variable="CUSTRING", Value="60")
        if scenario.late:
            self.relay.shut()
            self.rec = None
        else:
            await self.connect()
            await self.quiet()
        try:
            await asyncio.wait_for(scenario.run(self), limit)
        finally:
            self._on_mark = None
            for call in self.ua.calls.values():
                call.hangup()
