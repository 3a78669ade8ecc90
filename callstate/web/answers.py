"""HTTP around the envelope: headers, statuses, and long answers in slices.

HTTP status 200 carries everything that the API itself decides, its own 400, 401 and 402
included: clients take any other status for a broken server. No answer may be stored, framed
or taken for something else than data, and none gives a `Referer`, since query strings hold
passwords.
"""

import asyncio
import math
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus

from aiohttp import web
from multidict import CIMultiDict

from callstate.core.errors import BadParameter
from callstate.core.state import MachineStatus
from callstate.web import rows
from callstate.web.admission import Asking
from callstate.web.door import DOOR, Limit
from callstate.web.turns import Turns

HEADERS = CIMultiDict(
    {
        "Content-Type": "application/json; charset=utf-8",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "Server": "callstate",
    }
)

AS_OF = "Callstate-As-Of"
STALE = "Callstate-Stale"


class Answer(web.Response):
    """An answer that is complete, with what the access log and the metrics say of it.

    `asking` is what it answers, if the same request may be answered so again.
    """

    def __init__(
        self,
        body: bytes,
        *,
        code: int = 200,
        status: int = 200,
        row_count: int = 0,
        headers: Mapping[str, str] | None = None,
        asking: Asking | None = None,
    ) -> None:
        super().__init__(body=body, status=status, headers=HEADERS)
        if headers:
            self.headers.update(headers)
        self.code = code
        self.row_count = row_count
        self.asking = asking


class SlicedAnswer(web.StreamResponse):
    """An answer that is sent in slices; see `send`."""

    def __init__(self, *, row_count: int, headers: Mapping[str, str]) -> None:
        super().__init__(headers=HEADERS)
        self.headers.update(headers)
        self.code = 200
        self.row_count = row_count

    async def send(
        self, request: web.Request, slices: Iterator[bytes], turns: Turns, *, seconds: float
    ) -> None:
        """Send `slices` to whoever asked, within `seconds`; each is made when it is its turn.

        When that ends early, the connection is cut, so that nobody takes a part for all. Of a
        reader that stands still `Connection` takes care.
        """
        await self.prepare(request)
        is_complete = False
        try:
            async with asyncio.timeout(seconds):
                while (part := await turns.take(slices)) is not None:
                    await self.write(part)
            await self.write_eof()
            is_complete = True
        except TimeoutError:
            request.app[DOOR].end(Limit.ANSWER_SECONDS)
        finally:
            if not is_complete and request.transport is not None:
                request.transport.abort()


def refuse(
    code: int,
    errors: Iterable[BadParameter] = (),
    *,
    message: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Return an answer without data; codes beyond 402 are HTTP statuses as well."""
    body = rows.refusal(code, errors, message=message)
    return Answer(body, code=code, status=200 if code <= 402 else code, headers=headers)


def raw_refusal(status: int, message: str) -> bytes:
    """Return the bytes of an answer to what never became a request; the connection ends with it."""
    body = rows.refusal(status, message=message)
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    ending = f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{head}{ending}".encode() + body


def retry_after(seconds: float) -> dict[str, str]:
    """Return the header that says when to come back: whole seconds, at least one."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def freshness(as_of: float | None, stale: Iterable[MachineStatus], now: float) -> dict[str, str]:
    """Return the headers that say how old the answer's truth is.

    `as_of` is the oldest machine's last proof of life, None when there is none yet.
    """
    headers = {} if as_of is None else {AS_OF: f"{as_of:.3f}"}
    said = ", ".join(f"{status.machine};{_staleness(status, now)}" for status in stale)
    if said:
        headers[STALE] = said
    return headers


def _staleness(status: MachineStatus, now: float) -> str:
    """Return `never`, or how old the machine's legs are.

    A link that died in silence was noticed late: what counts is the last proof of life.
    """
    if status.as_of is None:
        return "never"
    since = status.as_of if status.down_since is None else min(status.as_of, status.down_since)
    return f"down={max(0.0, now - since):.1f}"


def phrase(status: int) -> str:
    """Return what `status` means, as a sentence."""
    return f"{HTTPStatus(status).phrase}."
