"""The endpoints, composed into one aiohttp application."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec
from aiohttp import HttpVersion11, web

from callstate.config import Http, HttpLimits
from callstate.core.access import Principal, Scope, authorize, authorize_panel
from callstate.core.directory import Directory, SourceState
from callstate.core.errors import BadParameter
from callstate.core.model import Leg
from callstate.core.query import Query, count_short, run_short
from callstate.core.state import CallState
from callstate.core.walk import Steps, count_walk, walk
from callstate.web import cors, openapi, params, rows
from callstate.web.admission import Admission, Admitted
from callstate.web.answers import Answer, SlicedAnswer, freshness, phrase, refuse, retry_after
from callstate.web.auth import Authenticator
from callstate.web.door import DOOR, Door
from callstate.web.errors import BadParameters, BodyTimeout, NotReady
from callstate.web.forwarded import Proxies
from callstate.web.outcome import METER, Meter, outcome
from callstate.web.params import Asked
from callstate.web.repeats import Repeats
from callstate.web.standing import standing, waited_for
from callstate.web.turns import Turns

LIST_PATH = "/api/json/calls/active/list"
PANEL_PATH = f"{LIST_PATH}/panel"

_DEFAULTS = Http()

T = TypeVar("T")
Headers = dict[str, str]

STATE = web.AppKey("STATE", CallState)
LIST = web.AppKey("LIST", Admission)
PANEL = web.AppKey("PANEL", Admission)
TURNS = web.AppKey("TURNS", Turns)
REPEATS = web.AppKey("REPEATS", Repeats)
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
    app[TURNS] = Turns()
    app[REPEATS] = Repeats()
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
    admitted = await _admit(request, app[STATE], app[LIST])
    if admitted.query.names:
        name_of = rows.names_within(app[STATE].directory.names, admitted.scope)
        return await _answer(request, app, admitted, rows.rows_with_names(name_of))
    return await _answer(request, app, admitted, rows.encode_rows, app[REPEATS])


async def list_panel(request: web.Request) -> web.StreamResponse:
    """Answer `calls/active/list/panel`."""
    app = request.app
    admitted = await _admit(request, app[STATE], app[PANEL])
    return await _answer(request, app, admitted, rows.encode_panel_rows, app[REPEATS])


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


async def _answer(
    request: web.Request,
    app: web.Application,
    admitted: Admitted,
    encode: rows.Encoder,
    repeats: Repeats | None = None,
) -> web.StreamResponse:
    """Run the query and render what it finds: at once, or in steps when it is much.

    `repeats`: the rows depend on the legs alone.
    """
    started = time.perf_counter()
    if admitted.query.count:
        number, headers = await _count(app, admitted)
        answer = Answer(rows.count_envelope(number), headers=headers)
        app[METER].observe_query(time.perf_counter() - started)
        return answer
    number = app[STATE].store.number
    given = None if repeats is None else repeats.unchanged(admitted, number)
    if given is not None:
        headers = _freshness(app, admitted.query)
        app[METER].observe_query(time.perf_counter() - started)
        return Answer(given.body, row_count=len(given.legs), headers=headers)
    legs, headers = await _run(app, admitted)
    if len(legs) <= rows.SLICE:
        if repeats is None:
            body = rows.envelope(encode(legs))
        else:
            body = repeats.answer(admitted, legs, number, encode)
        answer = Answer(body, row_count=len(legs), headers=headers)
        app[METER].observe_query(time.perf_counter() - started)
        return answer
    app[METER].observe_query(time.perf_counter() - started)
    sliced = SlicedAnswer(row_count=len(legs), headers=headers)
    slices, seconds = rows.slices(legs, encode), app[LIMITS].answer_seconds
    await sliced.send(request, slices, app[TURNS], seconds=seconds)
    return sliced


async def _run(app: web.Application, admitted: Admitted) -> tuple[list[Leg], Headers]:
    """Return the legs that the query finds, and how fresh they are."""
    store, query, scope = app[STATE].store, admitted.query, admitted.scope
    legs = run_short(store, query, scope)
    if legs is not None:
        return legs, _freshness(app, query)
    return await app[TURNS].finish(_dated(app, query, walk(store, query, scope)))


async def _count(app: web.Application, admitted: Admitted) -> tuple[int, Headers]:
    """Return how many legs the query finds, and how fresh they are."""
    store, query, scope = app[STATE].store, admitted.query, admitted.scope
    number = count_short(store, query, scope)
    if number is not None:
        return number, _freshness(app, query)
    return await app[TURNS].finish(_dated(app, query, count_walk(store, query, scope)))


def _dated(app: web.Application, query: Query, steps: Steps[T]) -> Steps[tuple[T, Headers]]:
    """Do `steps`; say also how fresh the state is that the first of them sees."""
    headers = _freshness(app, query)
    return (yield from steps), headers


def _freshness(app: web.Application, query: Query) -> Headers:
    return freshness(*app[STATE].freshness(query.machines), app[CLOCK]())


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
