"""The supervised manager connection to one machine: connect, log in, stay, come back.

While it is up, three tasks run beside the owner's session: pings, a watchdog over the last
byte received (a link that died without a word sends none), and the wait for the end of the
link. Whichever ends first ends them all, and the next attempt begins after a growing pause.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from random import Random
from typing import ParamSpec, Protocol

from callstate.ami.backoff import Backoff
from callstate.ami.errors import AmiError, ConnectionLost, LoginRefused, PermissionDenied
from callstate.ami.link import Link
from callstate.ami.patience import Patience
from callstate.ami.protocol import Clock
from callstate.ami.response import Response
from callstate.ami.trouble import Trouble
from callstate.config import Ami, Machine
from callstate.core.errors import CallstateError

logger = logging.getLogger(__name__)

# Trouble that goes on is logged when it begins, and again after each so many seconds.
_LOG_SECONDS = 600.0


class Sink(Protocol):
    """Who is told. Plain functions, called in the order of the stream; they must not block.

    `opened` and `closed` come in pairs, `received` only between them. An attempt that was
    never opened is one `failed`.
    """

    def opened(self, version: str) -> None:
        """Take note of a login; `version` is AMI's, from the banner."""

    def received(self, whole: bytes, at: float) -> None:
        """Take the events, list items and responses of one piece, received at unix time `at`.

        There may be none: something came that completes no message, or the machine is there.
        """

    def closed(self, reason: str) -> None:
        """Take note of the end of the connection."""

    def failed(self, reason: str) -> None:
        """Take note of an attempt that did not get to a login."""


P = ParamSpec("P")

Session = Callable[["AmiConnection"], Awaitable[None]]


class AmiConnection:
    """One machine's connection, supervised by `run`.

    `session` is awaited after each login and cancelled when the connection ends; what it
    raises ends the connection. `clock` gives unix time; patience is measured by the loop's.
    """

    def __init__(
        self,
        machine: Machine,
        ami: Ami,
        *,
        sink: Sink,
        session: Session,
        clock: Clock = time.time,
        random: Random | None = None,
    ) -> None:
        self._machine = machine
        self._patience = Patience(ami)
        self._sink = sink
        self._session = session
        self._clock = clock
        self._backoff = Backoff(
            first=ami.retry_seconds,
            limit=ami.retry_limit_seconds,
            random=Random() if random is None else random,  # noqa: S311  # spreads load, no secret
        )
        self._link: Link | None = None
        self._opened = False
        self._trouble = Trouble(_LOG_SECONDS)
        self._in_step_since: float | None = None
        self._oversized_before = 0
        self.last_error = ""
        self.sink_errors = 0
        self.attempts = 0

    def use(self, ami: Ami) -> None:
        """Go by this patience from now on; a connection that is up stays up."""
        self._patience.use(ami)
        self._backoff.use(first=ami.retry_seconds, limit=ami.retry_limit_seconds)
        if self._link is not None:
            self._link.ami = ami

    @property
    def is_open(self) -> bool:
        """True between a login and the end of its connection."""
        return self._opened

    @property
    def version(self) -> str:
        """AMI's version on this connection, empty without one."""
        return "" if self._link is None else self._link.protocol.decoder.version

    @property
    def oversized(self) -> int:
        """How many messages were too long and thrown away, on all connections so far."""
        current = 0 if self._link is None else self._link.protocol.decoder.oversized
        return self._oversized_before + current

    @property
    def dropped(self) -> dict[str, int]:
        """How many messages were lost between the wire and the sink, by reason."""
        return {"oversized": self.oversized, "failed": self.sink_errors}

    async def run(self) -> None:
        """Keep the connection up until cancelled.

        Raises only what is a bug in the session; the connection is closed by then.
        """
        while True:
            refused = False
            try:
                await self._attempt()
            except AmiError as error:
                refused = isinstance(error, LoginRefused | PermissionDenied)
                self._forgive()
                self._note_failure(error.reason, refused=refused)
            if _is_cancelled():
                raise asyncio.CancelledError
            await asyncio.sleep(self._backoff.wait(refused=refused))

    async def send(
        self, name: str, headers: Iterable[tuple[str, str]] = (), **more: str
    ) -> Response:
        """Send the action `name` and return its response, for a list after its completion.

        An error is a response, too, except for a missing permission. The time allowed
        begins again with every answer that comes: Asterisk does one action after the other,
        so that one behind a long list has to wait for its turn.

        Raises:
            AmiError: ConnectionLost, ActionTimedOut, PermissionDenied or InvalidAction.
        """
        if self._link is None:
            raise ConnectionLost("not connected")
        return await self._link.ask(name, (*headers, *more.items()))

    def abort(self, reason: str) -> None:
        """End this connection now: what came over it cannot be trusted. A new one follows."""
        if self._link is not None:
            self._link.protocol.abort(reason)

    def reset_backoff(self) -> None:
        """Take note that the session got in step; if that lasts, the next loss is a new one."""
        self._in_step_since = asyncio.get_running_loop().time()
        if self.last_error:
            self.last_error = ""
            logger.info("connection recovered", extra=self._extra())

    async def _attempt(self) -> None:
        """Connect, log in, and stay until it ends, which is always an exception."""
        self.attempts += 1
        link = self._link = Link(
            self._machine, self._patience.ami, self._receive, clock=self._clock
        )
        reason = "internal error"
        try:
            await link.connect()
            await link.log_in()
            logger.info("connected", extra=self._extra(version=self.version))
            await self._stay(link)
        except AmiError as error:
            reason = error.reason
            raise
        except asyncio.CancelledError:
            reason = "stopped"
            raise
        finally:
            self._end(reason)
            await link.close(reason)

    async def _stay(self, link: Link) -> None:
        name = f"ami:{self._machine.id}"
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._run_session(), name=f"{name}:session")
                group.create_task(self._patience.ping(link), name=f"{name}:ping")
                group.create_task(self._patience.watch(link), name=f"{name}:watch")
                raise ConnectionLost(await link.protocol.wait_lost())
        except BaseExceptionGroup as errors:
            raise _cause(errors) from None

    async def _run_session(self) -> None:
        await self._session(self)

    def _end(self, reason: str) -> None:
        self._oversized_before, self._link = self.oversized, None
        opened, self._opened = self._opened, False
        if opened:
            self._sink.closed(reason)
        elif reason != "stopped":
            self._sink.failed(reason)

    def _receive(self, whole: bytes, at: float) -> None:
        if not self._opened:
            # Here, not where the login is awaited: the first events come in the same piece.
            if self._link is None or not self._link.is_logged_in:
                return
            self._opened = True
            self._sink.opened(self.version)
        self._tell(self._sink.received, whole, at)

    def _tell(self, sink: Callable[P, None], *values: P.args, **named: P.kwargs) -> None:
        try:
            sink(*values, **named)
        except Exception:  # a bug in what events are applied to must not end their stream
            self.sink_errors += 1
            untold = self._untold("event lost")
            if untold is not None:
                logger.exception("event lost", extra=self._extra(**untold))

    def _note_failure(self, reason: str, *, refused: bool) -> None:
        self.last_error = reason
        untold = self._untold(reason)
        if untold is None:
            return
        if refused:
            logger.error("access refused", extra=self._extra(reason=reason, **untold))
        else:
            logger.warning("connection failed", extra=self._extra(reason=reason, **untold))

    def _untold(self, kind: str) -> dict[str, object] | None:
        """Return what to add to a line about trouble of this `kind`, None for no line."""
        untold = self._trouble.note(kind, asyncio.get_running_loop().time())
        return None if untold is None else {"repeated": untold} if untold else {}

    def _forgive(self) -> None:
        """Begin anew with pauses and log, if it was in step for longer than any pause lasts.

        A machine that is lost again and again after each sync is asked for it ever less often.
        """
        since, self._in_step_since = self._in_step_since, None
        now = asyncio.get_running_loop().time()
        if since is not None and now - since >= self._patience.ami.retry_limit_seconds:
            self._backoff.reset()
            self._trouble.end()

    def _extra(self, **more: object) -> dict[str, object]:
        return {"machine": self._machine.id, **more}


def _is_cancelled() -> bool:
    """True if somebody cancelled this task: a group whose tasks failed forgets that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the one exception that tells why: a bug before anything that was expected."""
    errors = list(_leaves(group))
    for error in errors:
        if not isinstance(error, CallstateError | OSError):
            return error
    first = errors[0]
    return first if isinstance(first, AmiError) else ConnectionLost(f"{first}" or repr(first))


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
