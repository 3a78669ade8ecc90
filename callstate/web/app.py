"""The endpoints, composed into one aiohttp application."""

import asyncio
import time
from collections.abc import Callable

import msgspec
from aiohttp import web

from callstate.core.access import Principal, Scope, authorize, authorize_panel
from callstate.core.directory import Directory
from callstate.core.errors import BadParameter
from callstate.core.query import count, run
from callstate.core.state import CallState
from callstate.web import openapi, params, rows
from callstate.web.admission import Admission, Admitted
from callstate.web.answers import Answer, SlicedAnswer, freshness
from callstate.web.auth import Authenticator
from callstate.web.errors import BadParameters, BodyTimeout, NotReady
from callstate.web.outcome import METER, Meter, outcome
from callstate.web.params import Asked

LIST_PATH = "/api/json/calls/active/list"
PANEL_PATH = f"{LIST_PATH}/panel"

# All parameters, percent-encoded, with thousands of machines, are far below.
BODY_BYTES = 64 * 1024
BODY_SECONDS = 10.0

STATE = web.AppKey("STATE", CallState)
LIST = web.AppKey("LIST", Admission)
PANEL = web.AppKey("PANEL", Admission)
CLOCK: web.AppKey[Callable[[], float]] = web.AppKey("CLOCK")


def build_app(
    state: CallState,
    authenticator: Authenticator,
    meter: Meter,
    *,
    clock: Callable[[], float] = time.time,
) -> web.Application:
    """Return the application that answers from `state`; `clock` gives unix time."""
    app = web.Application(client_max_size=BODY_BYTES, middlewares=[outcome])
    app[STATE] = state
    app[LIST] = Admission(state, authenticator, kinds=params.KINDS, authorize=_list_scope)
    app[PANEL] = Admission(state, authenticator, kinds=params.PANEL_KINDS, authorize=_panel_scope)
    app[METER] = meter
    app[CLOCK] = clock
    for path, handler in ((LIST_PATH, list_legs), (PANEL_PATH, list_panel)):
        for spelling in (path, f"{path}/"):
            # No HEAD: without the envelope, a refusal would look like success.
            app.router.add_get(spelling, handler, allow_head=False)
            app.router.add_post(spelling, handler)
    app.router.add_get("/healthz", health)
    app.router.add_get("/readyz", readiness)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/openapi.json", describe)
    return app


async def list_legs(request: web.Request) -> web.StreamResponse:
    """Answer `calls/active/list`."""
    app = request.app
    admitted = await _admit(request, app[STATE], app[LIST])
    if admitted.query.names:
        encode = rows.rows_with_names(app[STATE].directory.name_of)
        return await _answer(request, app, admitted, encode)
    return await _answer(request, app, admitted, rows.encode_rows)


async def list_panel(request: web.Request) -> web.StreamResponse:
    """Answer `calls/active/list/panel`."""
    app = request.app
    admitted = await _admit(request, app[STATE], app[PANEL])
    return await _answer(request, app, admitted, rows.encode_panel_rows)


async def health(_request: web.Request) -> web.StreamResponse:
    """Say that the daemon runs."""
    return Answer(rows.envelope(b"{}"))


async def readiness(request: web.Request) -> web.StreamResponse:
    """Say whether the daemon answers for its machines, and which of them are in step."""
    state = request.app[STATE]
    if not state.ready:
        raise NotReady
    machines = [{"machine": each.machine, "in_step": each.in_step} for each in state.statuses()]
    return Answer(rows.envelope(msgspec.json.encode({"machines": machines})))


async def metrics(request: web.Request) -> web.StreamResponse:
    """Give the metrics, in the text format of Prometheus."""
    meter = request.app[METER]
    return Answer(meter.render(), headers={"Content-Type": meter.content_type})


async def describe(_request: web.Request) -> web.StreamResponse:
    """Give the OpenAPI document."""
    return Answer(openapi.DOCUMENT_BYTES)


async def _admit(request: web.Request, state: CallState, admission: Admission) -> Admitted:
    if not state.ready:
        raise NotReady
    query = request.rel_url.raw_query_string
    if not request.body_exists:
        return admission.recall(query) or await admission.admit(query, address=_address(request))
    return await admission.admit(
        query,
        body=await _body(request),
        content_type=request.content_type,
        address=_address(request),
    )


async def _body(request: web.Request) -> bytes:
    if "Content-Encoding" in request.headers:
        raise BadParameters([BadParameter("", "The body must not be compressed.")])
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise BodyTimeout from None
    except web.RequestPayloadError:
        problem = BadParameter("", "The body is not sent as its headers say.")
        raise BadParameters([problem]) from None


async def _answer(
    request: web.Request, app: web.Application, admitted: Admitted, encode: rows.Encoder
) -> web.StreamResponse:
    """Run the query and render what it finds: at once, or in slices when it is much."""
    started = time.perf_counter()
    state, query = app[STATE], admitted.query
    headers = freshness(*state.freshness(query.machines), app[CLOCK]())
    if query.count:
        number = count(state.store, query, admitted.scope)
        answer = Answer(rows.count_envelope(number), headers=headers)
        app[METER].observe_query(time.perf_counter() - started)
        return answer
    legs = run(state.store, query, admitted.scope)
    if len(legs) <= rows.SLICE:
        answer = Answer(rows.envelope(encode(legs)), row_count=len(legs), headers=headers)
        app[METER].observe_query(time.perf_counter() - started)
        return answer
    app[METER].observe_query(time.perf_counter() - started)
    sliced = SlicedAnswer(row_count=len(legs), headers=headers)
    await sliced.send(request, rows.slices(legs, encode))
    return sliced


def _address(request: web.Request) -> str:
    return request.remote or ""


def _list_scope(directory: Directory, who: Principal, asked: Asked) -> Scope:
    return authorize(directory.customers, who, customer=asked.customer, recursive=asked.recursive)


def _panel_scope(directory: Directory, who: Principal, asked: Asked) -> Scope:
    return authorize_panel(directory.customers, who, customer=asked.customer)
