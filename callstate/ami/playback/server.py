"""A pretended Asterisk: it plays captures on a manager port and answers as Asterisk would.

Captures are played in lanes: those of one lane one after the other, endlessly, the lanes
side by side. Each round has fresh uniqueids, channel names and bridges, and ends with no
call left. Everything happens on the one loop, so an answer is the state of one instant.
"""

import asyncio
import heapq
import math
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from random import Random
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from callstate.ami.capture import Capture
from callstate.ami.decode import Message
from callstate.ami.playback.answers import About, Action, Answers, error
from callstate.ami.playback.client import Client
from callstate.ami.playback.names import Numbers
from callstate.ami.playback.script import Script, to_raw
from callstate.ami.playback.state import Headers, PlayedState

AT_ONCE = math.inf
"""The speed that leaves no pauses: as fast as the clients take it."""

# Between a round's end and the next one's beginning.
_PAUSE_SECONDS = 1.0
# At full speed, how many events go out before others have their turn.
_BURST = 100


class _Due(NamedTuple):
    """An event that is to happen at `second` of the play, unless there was a restart."""

    second: float
    life: int
    raw: bytes


class Playback:
    """One machine. An asynchronous context manager: it listens inside, `play` makes the calls.

    Faults can be had by calling: `drop_clients`, `stall` and `resume`, `restart`,
    `send_garbage`, or by setting `refuses_logins`, `offers_challenge`, `denied` (actions).
    """

    def __init__(
        self,
        lanes: Iterable[Sequence[Capture]] = (),
        *,
        username: str = "callstate",
        secret: str = "callstate",  # noqa: S107  # of a server that pretends
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        speed: float = 1.0,
        clock: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self.username = username
        self.secret = secret
        self.host = host
        self.port = port
        self.refuses_logins = False
        self.offers_challenge = True
        self.denied: set[str] = set()
        self.write_limit = 16 << 20
        self.login_delay = 1.0
        self.rounds = 0
        self.state = PlayedState()
        captures = [list(lane) for lane in lanes]
        self._lanes = [[Script(capture) for capture in lane] for lane in captures]
        self._speed = speed
        self._tls = tls
        self._clock = clock
        self._random = Random() if random is None else random  # noqa: S311  # no secrets
        self._numbers = Numbers(self._random)
        self._life = 0
        self._clients: list[Client] = []
        self._server: asyncio.Server | None = None
        about = _about([capture for lane in captures for capture in lane], clock())
        self._answers = Answers(self.state, about=about, clock=clock)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Client(self, self._joined), self.host, self.port, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        while self._clients:
            self.drop_clients()
            await asyncio.sleep(0)
        if self._server is not None:
            await self._server.wait_closed()

    @property
    def about(self) -> About:
        """What the machine says of itself."""
        return self._answers.about

    @property
    def clients(self) -> int:
        """How many are logged in."""
        return sum(client.logged_in for client in self._clients)

    async def play(self, rounds: int | None = None) -> None:
        """Play the lanes, each `rounds` times through its captures or, by default, endlessly."""
        start = asyncio.get_running_loop().time()
        lanes = [self._lane(scripts, rounds) for scripts in self._lanes if scripts]
        for count, due in enumerate(heapq.merge(*lanes)):
            await self._wait(start + due.second, in_burst=count % _BURST != 0)
            if due.life == self._life:
                self.emit(due.raw)

    def emit(self, raw: bytes) -> None:
        """Let the event `raw` happen: apply it to the state and send it to everybody."""
        headers = Message(raw).headers()
        self.state.apply(headers, self._clock())
        privilege = next((value for key, value in headers if key == "Privilege"), "")
        classes = frozenset(privilege.split(",")) - {"", "all"}
        for client in list(self._clients):
            client.event(raw, classes)

    def now(self) -> float:
        """Return the unix time."""
        return self._clock()

    def challenge(self) -> str:
        """Return a fresh challenge."""
        return str(self._random.randrange(10**9))

    def carry_out(self, action: Action) -> tuple[list[bytes], bytes | None]:
        """Return the answer to `action`, and the event that it causes, if any."""
        if action.name in {name.lower() for name in self.denied}:
            return [error(action, "Permission denied")], None
        return self._answers.answer(action), self._answers.marker(action)

    def drop_clients(self) -> None:
        """End every connection without a word."""
        for client in self._clients:
            client.drop()

    def stall(self) -> None:
        """Let every client that is connected now wait, for events and answers alike."""
        for client in self._clients:
            client.stall()

    def resume(self) -> None:
        """Send what was held back since `stall`."""
        for client in self._clients:
            client.resume()

    def send_garbage(self, data: bytes) -> None:
        """Send bytes that are no event to everybody who is logged in."""
        for client in self._clients:
            if client.logged_in:
                client.write(data)

    def restart(self, *, announced: bool = True) -> None:
        """End every call and connection and begin anew; told to the clients or, killed, not."""
        self._life += 1
        if announced:
            self._hang_up(list(self.state.channels))
            shutdown = [("Event", "Shutdown"), ("Privilege", "system,all")]
            self.emit(to_raw([*shutdown, ("Shutdown", "Cleanly"), ("Restart", "True")]))
        self.state.clear()
        self._answers.about = msgspec.structs.replace(self.about, started=self._clock())
        for client in self._clients:
            client.end()

    def _joined(self, client: Client, is_there: bool) -> None:
        if is_there:
            self._clients.append(client)
        else:
            self._clients.remove(client)

    async def _wait(self, due: float, *, in_burst: bool) -> None:
        """Wait until the loop's time is `due`, or, at full speed, until the clients are ready."""
        delay = due - asyncio.get_running_loop().time()
        if self._speed != AT_ONCE and delay > 0:
            await asyncio.sleep(delay)
        elif not in_burst:
            await asyncio.sleep(0)
            for client in list(self._clients) if self._speed == AT_ONCE else ():
                await client.drained.wait()

    def _lane(self, scripts: list[Script], rounds: int | None) -> Iterator[_Due]:
        """Give the events of a lane; asked for the next one when the one before happened."""
        begin, pace = 0.0, 1 / self._speed
        for _ in repeat(None) if rounds is None else repeat(None, rounds):
            for script in scripts:
                life, second = self._life, 0.0
                rename = self._numbers.fresh(script, now=self._clock(), pace=pace)
                for step in script.steps:
                    if life != self._life:
                        break
                    second = step.second
                    yield _Due(begin + second * pace, life, rename(step.raw))
                begin += (second + _PAUSE_SECONDS) * pace
                self._hang_up(rename.uniqueids)
                self.state.forget(rename.uniqueids)
            self.rounds += 1

    def _hang_up(self, uniqueids: Iterable[str]) -> None:
        """Let every call among these end as Asterisk lets it."""
        for uniqueid in uniqueids:
            channel = self.state.channels.get(uniqueid)
            if channel is None:
                continue
            bridge = self.state.bridges.get(channel.bridge)
            if bridge is not None:
                self.emit(to_raw([*_event("BridgeLeave"), *bridge.headers, *channel.headers()]))
                if not bridge.members:
                    self.emit(to_raw([*_event("BridgeDestroy"), *bridge.headers]))
            cause = [("Cause", "16"), ("Cause-txt", "Normal Clearing")]
            self.emit(to_raw([*_event("Hangup"), *channel.headers(), *cause]))


def _event(name: str) -> Headers:
    return [("Event", name), ("Privilege", "call,all")]


def _about(captures: Sequence[Capture], started: float) -> About:
    if not captures:
        return About(started=started)
    meta = captures[0].meta
    return About(
        ami=meta.ami,
        asterisk=meta.asterisk.partition("+")[0].partition("~")[0],
        systemname=meta.systemname,
        started=started,
    )
