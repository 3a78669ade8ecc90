"""One connection of a client: HTTP by aiohttp, within the limits of the configuration.

aiohttp has no limit for a request's head as a whole, nor for a client that does not read;
both are here. Timers run only while something is missing: a head that came in part, an answer
that the kernel does not take. So they cost a common request nothing.
"""

import asyncio
import logging
from typing import Any, cast

from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from callstate.config import HttpLimits
from callstate.web import rows
from callstate.web.answers import Answer, phrase, raw_refusal
from callstate.web.door import Door, Limit
from callstate.web.shortcuts import LENGTH, Shortcuts

# The request line, and each header; more than any browser sends.
LINE_BYTES = 8190
# Requests may be sent before earlier ones are answered, but only so many of the largest: parsed,
# one takes four times its bytes.
WAITING_HEADS = 4

_END = b"\r\n\r\n"

# What a client sent is not what HTTP or the client's own headers say, or it went away.
_NOT_OURS = (HttpProcessingError, web.RequestPayloadError, ConnectionError)

_NO_HTTP = "The request cannot be read as HTTP."
_TOO_LONG = "The request line or a header is too long; send parameters in a POST body."
_HEAD_TOO_LONG = raw_refusal(400, _TOO_LONG)
_HEAD_TOO_LATE = raw_refusal(408, "The request's headers did not arrive in time.")
_TOO_MANY = raw_refusal(503, "Too many connections; try again later.")


class _Discretion(logging.Filter):
    """Drops what aiohttp says of bytes that are no HTTP: it quotes them, passwords included,
    and whoever sends them could fill the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.exc_info or not isinstance(record.exc_info[1], _NOT_OURS)


_logger = logging.getLogger(f"{__name__}.protocol")
_logger.addFilter(_Discretion())

HTTP_SETTINGS: dict[str, Any] = {
    "access_log": None,  # it writes query strings; `outcome` has one that does not
    "logger": _logger,
    "auto_decompress": False,  # a small body must not become a large one
    "max_line_size": LINE_BYTES,
    "max_field_size": LINE_BYTES,
}


class Connection(web.RequestHandler):
    """One connection, from the moment it is accepted.

    `guest` is the address under which it entered the `door`, None while it is not inside.
    """

    __slots__ = (
        "_body",
        "_door",
        "_head_bytes",
        "_head_timer",
        "_is_between",
        "_limits",
        "_reader_timer",
        "_request_key",
        "_shortcuts",
        "guest",
    )

    def __init__(
        self,
        server: web.Server,
        *,
        door: Door,
        limits: HttpLimits,
        shortcuts: Shortcuts,
        guest: str | None = None,
    ) -> None:
        loop, idle = asyncio.get_running_loop(), limits.idle_seconds
        super().__init__(server, loop=loop, keepalive_timeout=idle, **HTTP_SETTINGS)
        self.guest = guest
        self._door = door
        self._limits = limits
        self._shortcuts = shortcuts
        # What came so far are whole requests, of which the last had no body.
        self._is_between = True
        self._request_key = b""
        self._body: StreamReader = EMPTY_PAYLOAD
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._reader_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the client in, or tell it that there is no room."""
        super().connection_made(transport)
        # Tell of every byte that the kernel does not take, not only of 64 KiB of them.
        cast("asyncio.Transport", transport).set_write_buffer_limits(high=1, low=0)
        if self.guest is None:
            address = address_of(transport)
            if self._door.enter(address):
                self.guest = address
            else:
                self._refuse(_TOO_MANY)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let the client out."""
        super().connection_lost(exc)
        self._end_head()
        self._end_pause()
        self.leave()

    def leave(self) -> None:
        """Leave the door, if that is still to be done."""
        if self.guest is not None:
            self._door.leave(self.guest)
            self.guest = None

    def data_received(self, data: bytes) -> None:
        """Take what came: a request that is known by its bytes, or parts of any."""
        key, transport = b"", self.transport
        if transport is not None and self._may_be_known(data):
            key = self._shortcuts.key_of(data)
            answer = self._shortcuts.answer(key)
            if answer is not None:
                self._next_keepalive_close_time = self._loop.time() + self._limits.idle_seconds
                transport.write(answer)
                return
        self._receive(data)
        waits = self._messages
        if key and self._is_between and len(waits) == 1:
            self._request_key = key

    def _receive(self, data: bytes) -> None:
        """Let aiohttp take what came; see whether it is a head within its limits."""
        messages = self._messages
        before = len(messages)
        body = self._body
        in_body = body is not EMPTY_PAYLOAD and not body.is_eof()
        super().data_received(data)
        waiting = len(messages)
        self._is_between = False
        if waiting > before:
            if waiting > 1 or self._head_bytes + len(data) > self._limits.head_bytes:
                self._measure()
            if self._head_bytes:
                self._end_head()
            self._body = messages[-1][1]
            # A part of a further head does not end so.
            self._is_between = self._body is EMPTY_PAYLOAD and data.endswith(_END)
        elif not in_body and not self._force_close:
            self._begin_head(len(data))

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer; know the request again when it comes once more."""
        finished = await super().finish_response(request, resp, start_time)
        if self._request_key:
            if isinstance(resp, Answer):
                self._shortcuts.learn(self._request_key, request, resp)
            self._request_key = b""
        return finished

    def pause_writing(self) -> None:
        """Wait for the client to read, but not for ever."""
        super().pause_writing()
        if self.transport is not None:
            seconds = self._limits.reader_seconds
            self._reader_timer = self._loop.call_later(seconds, self._give_up, self.transport)

    def resume_writing(self) -> None:
        """Go on: the client has read everything."""
        super().resume_writing()
        self._end_pause()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to what never became a request, or what the middleware let pass.

        It is in the envelope, and does not quote what came, as aiohttp would.
        """
        super().handle_error(request, status, exc, message)
        text = phrase(status) if status != 400 else _NO_HTTP
        if isinstance(exc, LineTooLong):
            text = _TOO_LONG
        answer = Answer(rows.refusal(status, message=text), code=status, status=status)
        answer.force_close()
        return answer

    def _begin_head(self, size: int) -> None:
        """Take note of a part of a head, which must be whole in time."""
        if self._head_timer is None:
            self._wait_for_head()
        self._head_bytes += size
        if self._head_bytes > self._limits.head_bytes:
            self._refuse(_HEAD_TOO_LONG, Limit.HEAD_BYTES)

    def _wait_for_head(self) -> None:
        self._head_timer = self._loop.call_later(self._limits.head_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        if self._is_idle():
            self._refuse(_HEAD_TOO_LATE, Limit.HEAD_SECONDS)
        else:  # the rest may be here unread, behind requests that are being answered
            self._wait_for_head()

    def _end_head(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _measure(self) -> None:
        """Refuse heads that wait for an answer and are too long, each or together."""
        sizes = [_size_of(message) for message, _ in self._messages]
        allowed = self._limits.head_bytes
        if max(sizes) > allowed or sum(sizes) > WAITING_HEADS * allowed:
            self._refuse(_HEAD_TOO_LONG, Limit.HEAD_BYTES)

    def _end_pause(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None

    def _give_up(self, transport: asyncio.Transport) -> None:
        self._door.end(Limit.READER_SECONDS)
        transport.abort()

    def _may_be_known(self, data: bytes) -> bool:
        """Tell whether `data` may be a request that can be answered in the midst of receiving it.

        Nothing may be before it: no part of a request, no request without its answer, no answer
        that is not read.
        """
        return (
            self._is_between
            and len(data) <= LENGTH
            and len(data) <= self._limits.head_bytes
            and self._reader_timer is None
            and self._is_idle()
        )

    def _is_idle(self) -> bool:
        """Tell whether no request is being answered, nor waits for it."""
        return self._waiter is not None and not self._waiter.done()

    def _refuse(self, refusal: bytes, limit: Limit | None = None) -> None:
        """Send `refusal` unless an answer is under way, and close."""
        if limit is not None:
            self._door.end(limit)
        if self._current_request is None and self.transport is not None:
            self.transport.write(refusal)
        self.force_close()


def _size_of(message: object) -> int:
    """Return the bytes of a request's head; what could not be read as one has none."""
    if not isinstance(message, RawRequestMessage):
        return 0
    return len(message.path) + sum(
        len(name) + len(value) + 4 for name, value in message.raw_headers
    )


def address_of(transport: asyncio.BaseTransport) -> str:
    """Return the address of whoever is at the other end, "" for a Unix socket."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else ""
