"""The endpoints, composed into one aiohttp application."""

import asyncio
import time
from collections.abc import Callable

import msgspec
from aiohttp import HttpVersion11, web

from callstate.config import Http, HttpLimits
from callstate.core.access import Principal, Scope, authorize, authorize_panel
from callstate.core.directory import Directory, SourceState
from callstate.core.errors import BadParameter
from callstate.core.state import CallState
from callstate.web import cors, openapi, params, rows
from callstate.web.admission import Admission, Admitted, Asking
from callstate.web.answering import Answering
from callstate.web.answers import Answer, phrase, refuse, retry_after
from callstate.web.auth import Authenticator
from callstate.web.door import DOOR, Door
from callstate.web.errors import BadParameters, BodyTimeout, NotReady
from callstate.web.forwarded import Proxies
from callstate.web.outcome import METER, Meter, outcome
from callstate.web.params import Asked
from callstate.web.shortcuts import SHORTCUTS, Shortcuts
from callstate.web.standing import standing, waited_for

LIST_PATH = "/api/json/calls/active/list"
PANEL_PATH = f"{LIST_PATH}/panel"

_DEFAULTS = Http()

STATE = web.AppKey("STATE", CallState)
LIST = web.AppKey("LIST", Admission)
PANEL = web.AppKey("PANEL", Admission)
ANSWERING = web.AppKey("ANSWERING", Answering)
LIMITS = web.AppKey("LIMITS", HttpLimits)
PROXIES = web.AppKey("PROXIES", Proxies)
CLOCK: web.AppKey[Callable[[], float]] = web.AppKey("CLOCK")


def build_app(
    state: CallState,
    authenticator: Authenticator,
    meter: Meter,
    *,
    http: Http = _DEFAULTS,
    clock: Callable[[], float] = time.time,
) -> web.Application:
    """Return the application that answers from `state`; `clock` gives unix time."""
    app = web.Application(client_max_size=http.limits.body_bytes, middlewares=[outcome])
    app[STATE] = state
    app[LIST] = Admission(state, authenticator, kinds=params.KINDS, authorize=_list_scope)
    app[PANEL] = Admission(state, authenticator, kinds=params.PANEL_KINDS, authorize=_panel_scope)
    app[METER] = meter
    app[ANSWERING] = answering = Answering(state, meter, http.limits, clock)
    app[SHORTCUTS] = Shortcuts(state, answering, meter, clock)
    app[CLOCK] = clock
    app[LIMITS] = http.limits
    app[PROXIES] = Proxies(http.trusted_proxies)
    app[DOOR] = Door(http.limits, app[PROXIES])
    for path, handler in ((LIST_PATH, list_legs), (PANEL_PATH, list_panel)):
        for spelling in (path, f"{path}/"):
            # No HEAD: without the envelope, a refusal would look like success.
            app.router.add_get(spelling, handler, allow_head=False, expect_handler=_expect)
            app.router.add_post(spelling, handler, expect_handler=_expect)
    api = [f"{path}{end}" for path in (LIST_PATH, PANEL_PATH) for end in ("", "/")]
    cors.allow_origins(app, http.cors_origins, api)
    app.router.add_get("/healthz", health)
    app.router.add_get("/readyz", readiness)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/openapi.json", describe)
    return app


async def list_legs(request: web.Request) -> web.StreamResponse:
    """Answer `calls/active/list`."""
    app = request.app
    state, judge = app[STATE], app[LIST]
    admitted = await _admit(request, state, judge)
    encode: rows.Encoder = rows.encode_rows
    if admitted.query.names:
        encode = rows.rows_with_names(rows.names_within(state.directory.names, admitted.scope))
    return await app[ANSWERING].answer(request, Asking(judge, admitted, encode))


async def list_panel(request: web.Request) -> web.StreamResponse:
    """Answer `calls/active/list/panel`."""
    app = request.app
    admitted = await _admit(request, app[STATE], app[PANEL])
    asking = Asking(app[PANEL], admitted, rows.encode_panel_rows)
    return await app[ANSWERING].answer(request, asking)


async def health(_request: web.Request) -> web.StreamResponse:
    """Say that the daemon runs."""
    return Answer(rows.envelope(b"{}"))


async def readiness(request: web.Request) -> web.StreamResponse:
    """Say whether the daemon answers for its machines, and how fresh what it answers from is."""
    state = request.app[STATE]
    try:
        _check_ready(state)
    except NotReady as error:
        reasons = [BadParameter("", str(error)), *waited_for(state)]
        return refuse(503, reasons, headers=retry_after(error.retry_seconds))
    told = standing(state, request.app[CLOCK]())
    return Answer(rows.envelope(msgspec.json.encode(told)))


async def metrics(request: web.Request) -> web.StreamResponse:
    """Give the metrics, in the text format of Prometheus."""
    meter = request.app[METER]
    return Answer(meter.render(), headers={"Content-Type": meter.content_type})


async def describe(_request: web.Request) -> web.StreamResponse:
    """Give the OpenAPI document."""
    return Answer(openapi.DOCUMENT_BYTES)


async def _admit(request: web.Request, state: CallState, admission: Admission) -> Admitted:
    _check_ready(state)
    query = request.rel_url.raw_query_string
    if not request.body_exists:
        return admission.recall(query) or await admission.admit(query, address=_address(request))
    return await admission.admit(
        query,
        body=await _body(request),
        content_type=request.content_type,
        address=_address(request),
    )


def _check_ready(state: CallState) -> None:
    if state.ready:
        return
    if state.source.state is SourceState.UNAVAILABLE and state.source.loaded_at is None:
        raise NotReady("the directory's database does not answer; the log says why")
    raise NotReady


async def _body(request: web.Request) -> bytes:
    if "Content-Encoding" in request.headers:
        raise BadParameters([BadParameter("", "The body must not be compressed.")])
    try:
        async with asyncio.timeout(request.app[LIMITS].body_seconds):
            return await request.read()
    except TimeoutError:
        raise BodyTimeout from None
    except web.RequestPayloadError:
        problem = BadParameter("", "The body is not sent as its headers say.")
        raise BadParameters([problem]) from None


async def _expect(request: web.Request) -> web.StreamResponse | None:
    """Ask for the body that a client holds back; what else it expects is not to be had."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        return refuse(417, message=phrase(417))
    if request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # else an answer to the body would count as begun
    return None


def _address(request: web.Request) -> str:
    """Return the address of whoever asks, "" when that is the Unix socket."""
    remote = request.remote
    if remote is None:  # he has gone, and must not be taken for the Unix socket
        return "unknown"
    forwarded = request.headers.getall("X-Forwarded-For", ())
    return request.app[PROXIES].client_of(remote, forwarded)


def _list_scope(directory: Directory, who: Principal, asked: Asked) -> Scope:
    return authorize(directory.customers, who, customer=asked.customer, recursive=asked.recursive)


def _panel_scope(directory: Directory, who: Principal, asked: Asked) -> Scope:
    return authorize_panel(directory.customers, who, customer=asked.customer)
