"""The manager protocol on one link: bytes in, messages out; actions and their answers.

Given to panoramisk's `Manager` as its `protocol_factory`: panoramisk makes the actions and
their ActionIDs and sends them through `send`; receiving is ours.

Rules:
1. Every event, list item and response goes to the receiver, in the order of the stream.
2. An action is over at its response, or, when that starts a list, at the list's completion;
   a list that is answered by an error is over at the error. Items are not collected.
3. A machine answers in the order of the actions: what it left out was lost on the way, and
   its action fails with `ActionTimedOut` when a later one is answered.
4. When the link ends, for whatever reason, every action that waits fails with
   `ConnectionLost`, and nothing more reaches the receiver.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from callstate.ami.decode import Decoder, Message, messages
from callstate.ami.errors import ActionTimedOut, ConnectionLost, InvalidAction
from callstate.ami.response import to_panoramisk

# AMI reads a line of an action into 1 025 bytes and at most 128 lines (main/manager.c).
_LINE_LIMIT = 1023
_LINES_LIMIT = 128

# A loop may read 256 kB at once: too much to be taken in while others wait.
PIECE_BYTES = 1 << 15
# What comes in small pieces costs several times as much as the same bytes at once, so a machine
# that goes on talking is listened to at this pace. It is as if the wire were so much longer.
GATHER_SECONDS = 0.004

_ACTION_ID = b"\r\nActionID: "

Receiver = Callable[[bytes, float], None]
Clock = Callable[[], float]


class AmiProtocol(asyncio.Protocol):
    """One link. `heard` and `answered` are the loop's time of the last byte and last answer.

    `receiver` is given the bytes of the messages that each piece of the stream completes, if only
    none, with the time of `clock` when it came; `greeted` gives the version of the banner.
    """

    def __init__(
        self,
        receiver: Receiver,
        *,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._receiver = receiver
        self._clock = clock
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._pending: dict[str, Any] = {}
        self._reason = ""
        self._rest = b""
        self.decoder = Decoder()
        self.heard = self.answered = loop.time()
        self.greeted: asyncio.Future[str] = loop.create_future()
        self._lost: asyncio.Future[None] = loop.create_future()

    @property
    def is_open(self) -> bool:
        """True from the first byte that could be sent until the link begins to end."""
        return self._transport is not None and not self._reason

    @property
    def pending(self) -> int:
        """How many actions wait for their answer."""
        return len(self._pending)

    @property
    def peer(self) -> str:
        """The address at the other end, empty when there is none."""
        peer = None if self._transport is None else self._transport.get_extra_info("peername")
        return str(peer[0]) if isinstance(peer, tuple) else ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin. Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)
        self.heard = self.answered = self._loop.time()
        if self._reason:  # aborted before there was a link
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take in what came, in pieces, one in each turn of the loop. Called by asyncio."""
        self.heard = self._loop.time()
        is_behind = bool(self._rest)
        self._rest += data
        if is_behind:
            return
        self._take_rest()
        if not self._rest and len(data) < PIECE_BYTES:
            self._gather()

    def _gather(self) -> None:
        """Let more come before it is read, unless somebody waits for an answer."""
        if self._transport is not None and not self._reason and not self._pending:
            self._transport.pause_reading()
            self._loop.call_later(GATHER_SECONDS, self._read_on)

    def _read_on(self) -> None:
        if self._transport is not None and not self._reason:
            self._transport.resume_reading()

    def _take_rest(self) -> None:
        piece, self._rest = self._rest[:PIECE_BYTES], self._rest[PIECE_BYTES:]
        if self._rest and self._transport is not None:
            self._transport.pause_reading()
            self._loop.call_soon(self._go_on)
        self._take(piece)

    def _go_on(self) -> None:
        if self._reason or self._transport is None:
            return
        self._take_rest()
        if not self._rest and not self._reason:
            self._transport.resume_reading()

    def _take(self, data: bytes) -> None:
        """Decode a piece of the stream and pass on what it completes."""
        at = self._clock()
        whole = self.decoder.complete(data)
        if self._reason:
            return
        if self._pending and _ACTION_ID in whole:
            for raw in messages(whole):
                self._correlate(raw)
        self._receiver(whole, at)
        if not self.greeted.done() and self.decoder.greeted:
            self._greet()

    def eof_received(self) -> None:
        """End the link: there is no use for half of one. Called by asyncio."""
        self.abort("closed by the machine")

    def connection_lost(self, error: Exception | None) -> None:
        """Fail everything that waits. Called by asyncio."""
        if not self._reason:
            self._reason = "closed by the machine" if error is None else f"lost: {error}"
        self._fail_pending()
        if not self._lost.done():
            self._lost.set_result(None)

    def abort(self, reason: str) -> None:
        """End the link now, unsent bytes included; the first `reason` counts."""
        if self._reason:
            return
        self._reason = reason
        self._fail_pending()
        if self._transport is not None:
            self._transport.abort()

    async def wait_lost(self) -> str:
        """Return why the link ended, when its socket, if there was one, is closed."""
        if self._transport is not None:
            # Not awaited itself: who is cancelled here must not cancel it.
            await asyncio.wait([self._lost])
        return self._reason

    def send(self, action: Any, as_list: bool | None = None) -> "asyncio.Future[Any]":
        """Send panoramisk's `action` and return its future. Called by panoramisk.

        The future gives [response] or [response, completion], as panoramisk's messages.

        Raises:
            InvalidAction: a line that the machine would read as something else.
            ConnectionLost: there is no link.
        """
        data = _to_bytes(action)
        if self._transport is None or self._reason:
            raise ConnectionLost(self._reason or "not connected")
        if action.id in self._pending:
            raise InvalidAction("an action with this ActionID is already waiting")
        action.as_list = as_list
        self._pending[action.id] = action
        self._transport.write(data)
        future: asyncio.Future[Any] = action.future
        return future

    def forget(self, action: Any) -> None:
        """Stop waiting for the answer to `action`."""
        self._pending.pop(action.id, None)
        action.future.cancel()

    def _greet(self) -> None:
        if self.decoder.version:
            self.greeted.set_result(self.decoder.version)
        else:
            self.abort("not a manager interface: no banner")

    def _correlate(self, raw: bytes) -> None:
        # Runs for every message while an action waits; most are events without an ActionID.
        if _ACTION_ID not in raw:
            return
        self.answered = self.heard
        message = Message(raw)
        is_response = message.is_response
        if not is_response and not _may_complete(raw):
            return
        action = self._pending.get(message.get("ActionID"))
        if action is None or (not is_response and not action.responses):
            return
        self._lose_before(action)
        action.responses.append(to_panoramisk(message.headers()))
        if is_response and _starts_list(message):
            return
        del self._pending[action.id]
        if not action.future.done():
            action.future.set_result(action.responses)

    def _lose_before(self, answered: Any) -> None:
        """Fail the actions that were sent before one that is answered: their answers were lost.

        A session's actions are carried out one by one (main/manager.c, session_do).
        """
        for action in list(self._pending.values()):
            if action is answered:
                return
            del self._pending[action.id]
            if not action.future.done():
                problem = f"no answer to {action['Action']}, but to {answered['Action']}"
                action.future.set_exception(ActionTimedOut(problem))
                action.future.exception()  # seen: whoever waited may be gone

    def _fail_pending(self) -> None:
        pending, self._pending = self._pending, {}
        for future in (self.greeted, *(action.future for action in pending.values())):
            if not future.done():
                future.set_exception(ConnectionLost(self._reason))
                future.exception()  # seen: whoever waited may be gone


def _to_bytes(action: Any) -> bytes:
    lines = 0
    for key, values in action.items():
        for value in values if isinstance(values, (list, tuple)) else [values]:
            line = f"{key}: {value}"
            lines += 1
            # A line break in a value would add headers, or a whole action, of somebody's choice.
            if "\r" in line or "\n" in line or ":" in key:
                raise InvalidAction(f"the header {key} cannot be sent as it is")
            if len(line.encode("utf-8", "surrogateescape")) > _LINE_LIMIT:
                raise InvalidAction(f"the header {key} is too long")
    if lines > _LINES_LIMIT:
        raise InvalidAction("too many headers")
    return str(action).encode("utf-8", "surrogateescape")


def _starts_list(message: Message) -> bool:
    if message.name.lower() != "success":
        return False
    # 13.0 and 13.1 say it in words only.
    return (
        message.get("EventList").lower() == "start"
        or "will follow" in message.get("Message").lower()
    )


def _may_complete(raw: bytes) -> bool:
    # By name as well: 13.0 and 13.1 complete some lists without an EventList header.
    return raw.partition(b"\r\n")[0].endswith(b"Complete") or b"\r\nEventList: " in raw
