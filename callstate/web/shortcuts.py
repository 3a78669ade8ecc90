"""Requests known by their bytes, so that a poller's next one need not be parsed and routed.

A poller sends the very same bytes every second, and what is between them and their answer in
aiohttp costs ten times the answer. So whoever was answered is known again by a keyed hash of his
whole request. Only what a request means is remembered so, never what it is answered: each time it
is asked anew whether it may be answered, and with which legs. What a request needs more than that
(a body, `100 Continue`, an upgrade, an answer in slices) goes the long way.
"""

import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import TypeVar

import msgspec
from aiohttp import HttpVersion11, web

from callstate.core.state import CallState
from callstate.web.admission import Asking
from callstate.web.answering import Answering, Made
from callstate.web.answers import AS_OF, STALE, Answer, freshness
from callstate.web.outcome import Meter, is_logged, log, route_of

# Some 1 kB each, at most 4: more than the pollers of a large platform. As many are seen once.
KNOWN = 4096
# Longer requests are read each time.
LENGTH = 2000

# They are another each time.
_CHANGING = frozenset({"content-length", "date", AS_OF.lower(), STALE.lower()})
_LONG_WAY = ("Expect", "Upgrade")

logger = logging.getLogger(__name__)

T = TypeVar("T")


class _Shortcut(msgspec.Struct, frozen=True, gc=False):
    """From a request's bytes to what it asks; `head` is the unchanging part of the answer's."""

    asking: Asking
    head: bytes
    route: dict[str, object]


class Shortcuts:
    """The requests that are known by their bytes; the oldest give way. `clock` gives unix time."""

    def __init__(
        self,
        state: CallState,
        answering: Answering,
        meter: Meter,
        clock: Callable[[], float],
        *,
        size: int = KNOWN,
    ) -> None:
        self._state = state
        self._answering = answering
        self._meter = meter
        self._clock = clock
        self._size = size
        self._hash = hashlib.blake2b(key=secrets.token_bytes(32), digest_size=16)
        # What comes once only must not push out what comes again and again, nor cost more.
        self._seen: dict[bytes, None] = {}
        self._known: dict[bytes, _Shortcut] = {}
        self._directory = state.directory
        # The headers that change, as they were last, and what they said.
        self._second, self._date = 0, b""
        self._as_of: float | None = None
        self._fresh = b""

    def __len__(self) -> int:
        return len(self._known)

    def key_of(self, request: bytes) -> bytes:
        """Return what a request of these bytes is known by."""
        hashed = self._hash.copy()
        hashed.update(request)
        return hashed.digest()

    def learn(self, key: bytes, request: web.BaseRequest, answer: Answer) -> None:
        """Know the request again that is known by `key` and was given `answer`, if it may be.

        It must have been given one before.
        """
        asking = answer.asking
        if asking is None or not isinstance(request, web.Request):
            return
        if key not in self._seen:
            _put(self._seen, key, None, self._size)
        elif (
            request.version == HttpVersion11
            and answer.keep_alive
            and asking.admission.stands(asking.admitted)
            and not any(name in request.headers for name in _LONG_WAY)
        ):
            known = _Shortcut(asking, _head_of(answer), route_of(request))
            _put(self._known, key, known, self._size)

    def answer(self, key: bytes) -> bytes | None:
        """Return the answer of now to the request known by `key`, all its bytes.

        None: it must go the long way.
        """
        if self._directory is not self._state.directory:
            self._known.clear()  # what they were admitted under
            self._directory = self._state.directory
        known = self._known.get(key)
        if known is None:
            return None
        try:
            answer = self._answer(known)
        except Exception:  # the one boundary here: what is wrong, the long way will say
            logger.exception("shortcut failed", extra=known.route)
            answer = None
        if answer is None:
            del self._known[key]
        return answer

    def _answer(self, known: _Shortcut) -> bytes | None:
        started, asking = time.perf_counter(), known.asking
        if not self._state.ready or not asking.admission.stands(asking.admitted):
            return None
        made = self._answering.at_once(asking)
        if not isinstance(made, Made):
            return None
        changing = self._changing(asking.admitted.query.machines)
        ended = time.perf_counter()
        self._meter.observe_query(ended - started)
        self._meter.count_request(200)
        if is_logged():
            log(known.route, started, code=200, row_count=made.row_count)
        length = b"Content-Length: %d\r\n\r\n" % len(made.body)
        return b"".join((known.head, changing, length, made.body))

    def _changing(self, machines: frozenset[int]) -> bytes:
        """Return the headers that say when it is, and how old the answer's truth."""
        now = self._clock()
        if int(now) != self._second:
            self._second, self._date = int(now), _lines({"Date": formatdate(now, usegmt=True)})
        as_of, stale = self._state.freshness(machines)
        if stale:
            return self._date + _lines(freshness(as_of, stale, now))
        if as_of != self._as_of:
            self._as_of, self._fresh = as_of, _lines(freshness(as_of, stale, now))
        return self._date + self._fresh


def _put(table: dict[bytes, T], key: bytes, value: T, size: int) -> None:
    """Put `value` into a table of at most `size`; the oldest gives way."""
    while len(table) >= size:
        del table[next(iter(table))]
    table[key] = value


def _head_of(answer: Answer) -> bytes:
    """Return the status line of `answer`, which is a success, and the headers that stay."""
    headers = {
        name: value for name, value in answer.headers.items() if name.lower() not in _CHANGING
    }
    return b"HTTP/1.1 200 OK\r\n" + _lines(headers)


def _lines(headers: Mapping[str, str]) -> bytes:
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode()


SHORTCUTS = web.AppKey("SHORTCUTS", Shortcuts)
