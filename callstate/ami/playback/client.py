"""One client of the pretended Asterisk: its actions in, answers and events out.

As in Asterisk, a client's actions are carried out one after the other, an answer is written
in one piece, and events go to those who have logged in and whose mask has their class.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from typing import Protocol, cast

from callstate.ami.playback.answers import About, Action, error, success
from callstate.ami.playback.script import to_raw

# What a client may send without ending an action.
_INPUT_LIMIT = 1 << 16
_END = b"\r\n\r\n"


class Host(Protocol):
    """What a client needs to know of the machine it is connected to."""

    username: str
    secret: str
    refuses_logins: bool
    offers_challenge: bool
    write_limit: int
    login_delay: float

    @property
    def about(self) -> About:
        """What the machine says of itself."""

    def now(self) -> float:
        """Return the unix time."""

    def challenge(self) -> str:
        """Return a fresh challenge."""

    def carry_out(self, action: Action) -> tuple[list[bytes], bytes | None]:
        """Return the answer to `action`, and the event that it causes, if any."""

    def emit(self, raw: bytes) -> None:
        """Send an event to everybody."""


class Client(asyncio.Protocol):
    """One connection. `drained` is set while it takes what is written."""

    def __init__(self, host: Host, joined: Callable[["Client", bool], None]) -> None:
        self._host = host
        self._joined = joined
        self._transport: asyncio.Transport | None = None
        self._input = b""
        self._challenge = ""
        self._held: list[bytes] | None = None
        self._held_actions: list[Action] = []
        self._classes: frozenset[str] | None = frozenset()
        self.logged_in = False
        self.drained = asyncio.Event()
        self.drained.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet. Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)
        self._joined(self, True)
        self.write(f"Asterisk Call Manager/{self._host.about.ami}\r\n".encode())

    def connection_lost(self, error: Exception | None) -> None:
        """Leave. Called by asyncio."""
        self.logged_in = False
        self.drained.set()
        self._joined(self, False)

    def pause_writing(self) -> None:
        """Note that the client is slow. Called by asyncio."""
        self.drained.clear()

    def resume_writing(self) -> None:
        """Note that it has caught up. Called by asyncio."""
        self.drained.set()

    def data_received(self, data: bytes) -> None:
        """Carry out the actions that `data` completes. Called by asyncio."""
        *actions, self._input = (self._input + data).replace(b"\r\n", b"\n").split(b"\n\n")
        if len(self._input) > _INPUT_LIMIT:
            self.drop()
            return
        for raw in actions:
            action = _parse(raw)
            if self._held is not None:
                self._held_actions.append(action)
            else:
                self._carry_out(action)

    def write(self, data: bytes) -> None:
        """Send `data`; a client that is too far behind is dropped."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._held is not None:
            self._held.append(data)
            if sum(map(len, self._held)) > self._host.write_limit:
                self.drop()
            return
        transport.write(data)
        if transport.get_write_buffer_size() > self._host.write_limit:
            self.drop()

    def event(self, raw: bytes, classes: frozenset[str]) -> None:
        """Send an event of these classes, if the client wants it."""
        if self.logged_in and (self._classes is None or classes <= self._classes):
            self.write(raw + _END)

    def stall(self) -> None:
        """Say nothing from now on, as a host whose network is gone."""
        if self._held is None:
            self._held = []

    def resume(self) -> None:
        """Send what was held back, then do what was asked meanwhile."""
        held, self._held = self._held, None
        for data in held or ():
            self.write(data)
        actions, self._held_actions = self._held_actions, []
        for action in actions:
            self._carry_out(action)

    def drop(self) -> None:
        """End the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def end(self) -> None:
        """End the connection when all that was written is sent."""
        if self._transport is not None:
            self._transport.close()

    def _carry_out(self, action: Action) -> None:
        match action.name:
            case "challenge":
                self._send([self._offer(action)])
            case "login":
                self._log_in(action)
            case "logoff":
                thanks = ("Message", "Thanks for all the fish.")
                self._send([to_raw([("Response", "Goodbye"), *action.id_header, thanks])])
                self.end()
            case _ if not self.logged_in:
                self._send([error(action, "Permission denied")])
            case "events":
                self._mask(action.get("EventMask"))
                says = "Off" if self._classes == frozenset() else "On"
                self._send([success(action, ("Events", says))])
            case _:
                answer, event = self._host.carry_out(action)
                self._send(answer)
                if event is not None:
                    self._host.emit(event)

    def _offer(self, action: Action) -> bytes:
        if action.get("AuthType").lower() != "md5" or not self._host.offers_challenge:
            return error(action, "Must specify AuthType")
        self._challenge = self._host.challenge()
        return success(action, ("Challenge", self._challenge))

    def _log_in(self, action: Action) -> None:
        if self._host.refuses_logins or not self._is_proven(action):
            # Asterisk lets who guesses wait for a second.
            loop = asyncio.get_running_loop()
            loop.call_later(self._host.login_delay, self._refuse, action)
            return
        self._mask(action.get("Events") or "on")
        self.logged_in = True
        answer = [success(action, ("Message", "Authentication accepted"))]
        if self._classes is None or "system" in self._classes:
            answer.append(self._fully_booted())
        self._send(answer)

    def _is_proven(self, action: Action) -> bool:
        if action.get("Username") != self._host.username:
            return False
        given, secret = action.get("Secret"), self._host.secret
        if action.get("AuthType").lower() == "md5":
            text = (self._challenge + secret).encode("utf-8", "surrogateescape")
            given = action.get("Key")
            secret = hashlib.md5(text, usedforsecurity=False).hexdigest()
            if not self._challenge:
                return False
        return hmac.compare_digest(_bytes(given), _bytes(secret))

    def _refuse(self, action: Action) -> None:
        self._send([error(action, "Authentication failed")])
        self.end()

    def _fully_booted(self) -> bytes:
        uptime = str(max(0, int(self._host.now() - self._host.about.started)))
        return to_raw(
            [
                ("Event", "FullyBooted"),
                ("Privilege", "system,all"),
                ("Uptime", uptime),
                ("LastReload", uptime),
                ("Status", "Fully Booted"),
            ]
        )

    def _mask(self, mask: str) -> None:
        """Choose the classes that are sent: None for all of them."""
        words = {word.strip().lower() for word in mask.split(",")}
        is_all = bool(words & {"on", "all", "yes", "true"})
        self._classes = None if is_all else frozenset(words - {"off", "none", "no", "false", ""})

    def _send(self, messages: list[bytes]) -> None:
        self.write(b"".join(message + _END for message in messages))


def _parse(raw: bytes) -> Action:
    headers: dict[str, str] = {}
    for line in raw.decode("utf-8", "surrogateescape").split("\n"):
        key, separator, value = line.partition(":")
        if separator:
            headers.setdefault(key.strip().lower(), value.strip())
    return Action(headers)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
