"""HTTP around the envelope: headers, statuses, and long answers in slices.

HTTP status 200 carries everything that the API itself decides, its own 400, 401 and 402
included: clients take any other status for a broken server. No answer may be stored, none
is for other sites' scripts, and none gives a `Referer`, since query strings hold passwords.
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
from callstate.web.turns import Turns

# A reader that takes nothing for so long is given up, with the rows that wait for it.
READER_SECONDS = 30.0
# So is one that is not through after so long: 100 000 rows are 54 MB, 2 Mbit/s are enough.
ANSWER_SECONDS = 300.0

HEADERS = CIMultiDict(
    {
        "Content-Type": "application/json; charset=utf-8",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Server": "callstate",
    }
)


class Answer(web.Response):
    """An answer that is complete, with what the access log and the metrics say of it."""

    def __init__(
        self,
        body: bytes,
        *,
        code: int = 200,
        status: int = 200,
        row_count: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(body=body, status=status, headers=HEADERS)
        if headers:
            self.headers.update(headers)
        self.code = code
        self.row_count = row_count


class SlicedAnswer(web.StreamResponse):
    """An answer that is sent in slices; see `send`."""

    def __init__(self, *, row_count: int, headers: Mapping[str, str]) -> None:
        super().__init__(headers=HEADERS)
        self.headers.update(headers)
        self.code = 200
        self.row_count = row_count

    async def send(self, request: web.Request, slices: Iterator[bytes], turns: Turns) -> None:
        """Send `slices` to whoever asked; each is made when it is this answer's turn.

        When that ends early, the connection is cut, so that nobody takes a part for all.
        """
        await self.prepare(request)
        is_complete = False
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while (part := await turns.take(slices)) is not None:
                    async with asyncio.timeout(READER_SECONDS):
                        await self.write(part)
            await self.write_eof()
            is_complete = True
        except TimeoutError:
            pass
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


def retry_after(seconds: float) -> dict[str, str]:
    """Return the header that says when to come back: whole seconds, at least one."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def freshness(as_of: float | None, stale: Iterable[MachineStatus], now: float) -> dict[str, str]:
    """Return the headers that say how old the answer's truth is.

    `as_of` is the oldest machine's last proof of life, None when there is none yet.
    """
    headers = {} if as_of is None else {"Callstate-As-Of": f"{as_of:.3f}"}
    said = ", ".join(f"{status.machine};{_staleness(status, now)}" for status in stale)
    if said:
        headers["Callstate-Stale"] = said
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
