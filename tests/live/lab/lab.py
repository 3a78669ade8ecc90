"""What a scenario works with: phones and carriers to call, actions to send, moments to mark.

`Lab` leaves two things open: what the watched connection is, and what happens at a mark.
The recorder writes both to files; the live tests put callstate in between and compare.
"""

import asyncio
import random
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tests.live.lab.ami import Ctl, Headers, Message
from tests.live.lab.server import Server
from tests.live.lab.sip import Call, Ua


class Link(Protocol):
    """The watched manager connection; `last` is when something came, as `time.monotonic`."""

    n: int
    received: int
    last: float
    closed: asyncio.Event

    def send(self, headers: Headers) -> None:
        """Send an action on it."""

    def abort(self) -> None:
        """Break it."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Asterisk's own account of a moment, and where the watched connection stood.

    `conn` and `offset` are None while nothing was connected. `quiet`: nothing came on it
    while Asterisk was asked, so all of it is one state. `bridges` holds objects with a
    `bridge` and its `members`.
    """

    label: str
    t: float
    conn: int | None
    offset: int | None
    offset_after: int | None
    quiet: bool
    expect: str
    channels: list[Message]
    status: list[Message]
    bridges: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`late`: it connects the watcher by itself. `media`: its calls carry sound."""

    run: Callable[[Any], Awaitable[None]]
    late: bool
    media: bool

    @property
    def description(self) -> str:
        return (self.run.__doc__ or "").strip()


SCENARIOS: dict[str, Scenario] = {}

Run = Callable[[Any], Awaitable[None]]


def scenario(*, late: bool = False, media: bool = True) -> Callable[[Run], Run]:
    """Register a coroutine as a scenario under its own name."""

    def register(run: Run) -> Run:
        SCENARIOS[run.__name__] = Scenario(run=run, late=late, media=media)
        return run

    return register


class Lab(ABC):
    """One server, its phones and carriers, and a connection that acts and asks."""

    def __init__(self, server: Server, *, seed: int = 1, media: bool = True) -> None:
        self.server = server
        self.rng = random.Random(seed)
        self.p: dict[str, Any] = {}
        self.rec: Link | None = None
        self.ua = Ua(server.sip_port, server.ua_port, media)
        self.t0 = time.monotonic()

    @abstractmethod
    async def connect(self) -> None:
        """Bring the watched connection up, as `rec`; called again after it broke."""

    @abstractmethod
    async def mark(self, mark: Mark) -> None:
        """Take note of a marked moment."""

    def note(self, who: str, headers: Headers) -> None:  # noqa: B027  # most labs need no notes
        """Take note of an action."""

    async def open(self) -> None:
        """Get the phones and the acting connection ready; the server runs."""
        await self.ua.start()
        self.ctl = await self.new_ctl()
        self.t0 = time.monotonic()

    async def new_ctl(self) -> Ctl:
        """Return a further connection with events off."""
        return await Ctl(self.server.ami_port, self.note).open()

    def close(self) -> None:
        self.ua.stop()
        self.ctl.close()

    @property
    def watched(self) -> Link:
        """The watched connection, which must be there."""
        assert self.rec is not None, "nothing is connected"
        return self.rec

    async def quiet(self, for_seconds: float = 0.35, limit: float = 6) -> bool:
        """Wait until nothing has come for a while; False when it never stops."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            await asyncio.sleep(0.05)
            if not self.rec or time.monotonic() - self.rec.last > for_seconds:
                return True
        return False

    async def truth(self) -> tuple[list[Message], list[Message], list[dict[str, Any]]]:
        """Ask for channels, their status and the bridges."""
        channels = await self.ctl.list(("Action", "CoreShowChannels"))
        status = await self.ctl.list(("Action", "Status"), ("AllVariables", "true"))
        bridges = []
        for bridge in await self.ctl.list(("Action", "BridgeList")):
            of_it = ("BridgeUniqueid", str(bridge["BridgeUniqueid"]))
            members = await self.ctl.list(("Action", "BridgeInfo"), of_it)
            bridges.append({"bridge": bridge, "members": members})
        return channels, status, bridges

    async def cp(self, label: str, expect: str, settle: bool = True, tries: int = 4) -> None:
        """Mark this moment: Asterisk's own account, at best while nothing moves."""
        for _ in range(tries):
            if settle:
                await self.quiet()
            link = self.rec if self.rec and not self.rec.closed.is_set() else None
            before = link.received if link else None
            t = time.monotonic() - self.t0
            channels, status, bridges = await self.truth()
            await asyncio.sleep(0.02)
            after = link.received if link else None
            if before == after:
                break
        await self.mark(
            Mark(
                label=label,
                t=round(t, 6),
                conn=link.n if link else None,
                offset=before,
                offset_after=after,
                quiet=before == after,
                expect=expect,
                channels=channels,
                status=status,
                bridges=bridges,
            )
        )

    async def act(self, *headers: tuple[str, str], **more: str) -> tuple[Message, list[Message]]:
        """Send an action on the acting connection."""
        items = [*headers, *more.items()]
        response, events = await self.ctl.action(items, quiet=False)
        if response.get("Response") not in ("Success", "Follows"):
            print(f"   {items[0]} -> {response}", file=sys.stderr)
        return response, events

    async def chan(self, prefix: str, nth: int = 0) -> str:
        """Return the name of the nth oldest channel that begins with `prefix`."""
        channels = await self.ctl.list(("Action", "CoreShowChannels"))
        names = [str(channel["Channel"]) for channel in channels]
        ours = [name for name in names if name.startswith(prefix)]
        return sorted(ours, key=lambda name: name.rsplit("-", 1)[-1])[nth]

    def phones(self, n: int, cust: str | None = None) -> list[str]:
        """Draw `n` phones of one customer."""
        customer = cust or self.p.get("cust") or self.rng.choice(["17", "23"])
        return [f"c{customer}-{x}" for x in self.rng.sample([101, 102, 103, 104], n)]

    def number(self) -> str:
        """Draw a number in the outside world."""
        area = self.rng.choice([20, 10, 30, 70])
        return f"0031{area}{self.rng.randint(1000000, 9999999)}"

    async def pair(
        self, caller: str, number: str, callee: str, ring: float = 0.6, **options: Any
    ) -> tuple[Call, Call]:
        """Let `caller` call `number`, and `callee` answer after `ring` seconds."""
        a = self.ua.invite(caller, number, **options)
        b = await self.ua.wait(callee)
        await asyncio.sleep(ring)
        b.answer()
        await a.until("up")
        return a, b
