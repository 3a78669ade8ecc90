"""What becomes of a request: its answer or error, one line in the access log, the metrics.

Every error ends in the envelope here, and only here codes are given to errors. The log
names the route, never what was asked: query strings hold passwords, and so do paths when
somebody mistypes the `?`.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from aiohttp import web

from callstate.core.errors import AuthenticationFailed, NotAllowed
from callstate.web.answers import Answer, SlicedAnswer, phrase, refuse, retry_after
from callstate.web.errors import BadParameters, BodyTimeout, NotReady, TooManyAttempts

logger = logging.getLogger(__name__)

_ROUTELESS = "unknown"
_CODES: dict[type[Exception], int] = {
    BadParameters: 400,
    AuthenticationFailed: 401,
    NotAllowed: 402,
    BodyTimeout: 408,
    TooManyAttempts: 429,
    NotReady: 503,
}
_REFUSED: tuple[type[Exception], ...] = (*_CODES, web.HTTPException)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Meter(Protocol):
    """What is measured of the HTTP side; `callstate.metrics` does it."""

    content_type: str

    def count_request(self, code: int) -> None:
        """Count an answer with `code`."""

    def observe_query(self, seconds: float) -> None:
        """Take note of what a query took, from parameters to bytes."""

    def render(self) -> bytes:
        """Return all metrics as text."""


METER: web.AppKey[Meter] = web.AppKey("METER", Meter)


@web.middleware
async def outcome(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever happens, and record it."""
    started = time.perf_counter()
    try:
        response = await handler(request)
    except _REFUSED as error:
        response = refusal_of(error)
    except ConnectionError:
        raise  # the client has gone: there is nobody to answer
    except Exception:  # the one boundary: a bug here must not end the daemon, nor tell secrets
        logger.exception("request failed", extra=route_of(request))
        response = refuse(500, message="Internal server error.")
    assert isinstance(response, Answer | SlicedAnswer)
    request.app[METER].count_request(response.code)
    if is_logged():
        log(route_of(request), started, code=response.code, row_count=response.row_count)
    return response


def is_logged() -> bool:
    """Tell whether requests are written to the access log."""
    return logger.isEnabledFor(logging.INFO)


def log(route: Mapping[str, object], started: float, *, code: int, row_count: int) -> None:
    """Log an answer to a request that came at `started`, of `time.perf_counter`."""
    milliseconds = round((time.perf_counter() - started) * 1000, 2)
    told = {"code": code, "rows": row_count, "milliseconds": milliseconds}
    logger.info("request", extra={**route, **told})


def refusal_of(error: Exception) -> Answer:
    """Return the answer that says `error`, which is one of those known here."""
    if isinstance(error, web.HTTPException):
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return refuse(error.status, message=phrase(error.status), headers=allow)
    code = _CODES[type(error)]
    if isinstance(error, BadParameters):
        return refuse(code, error.errors)
    if isinstance(error, TooManyAttempts | NotReady):
        return refuse(code, message=str(error), headers=retry_after(error.retry_seconds))
    return refuse(code, message=str(error))


def route_of(request: web.Request) -> dict[str, object]:
    """Return how the log names what `request` asked for."""
    resource = request.match_info.route.resource
    path = _ROUTELESS if resource is None else resource.canonical
    return {"method": request.method[:16], "path": path}
