"""The endpoints, composed into one aiohttp application.

The order in which a request is judged: not ready 503; ambiguous or unreadable 400; who
asks 401, 429; what his role allows 402; what he asked for 400, all of it at once. So a
stranger learns nothing of parameters, and no request is read in two ways.
"""

import asyncio
import time
from collections.abc import Callable, Mapping

import msgspec
from aiohttp import web

from callstate.core.access import Principal, Scope, authorize, authorize_panel
from callstate.core.directory import Directory, principal_of
from callstate.core.errors import BadParameter
from callstate.core.query import count, run
from callstate.core.state import CallState
from callstate.web import form, openapi, params, rows
from callstate.web.answers import Answer, SlicedAnswer, freshness
from callstate.web.auth import Authenticator
from callstate.web.errors import BadParameters, BodyTimeout, NotReady
from callstate.web.outcome import METER, Meter, outcome
from callstate.web.params import Asked, Kind

LIST_PATH = "/api/json/calls/active/list"
PANEL_PATH = f"{LIST_PATH}/panel"

# All parameters, percent-encoded, with thousands of machines, are far below.
BODY_BYTES = 64 * 1024
BODY_SECONDS = 10.0

STATE = web.AppKey("STATE", CallState)
AUTHENTICATOR = web.AppKey("AUTHENTICATOR", Authenticator)
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
    app[AUTHENTICATOR] = authenticator
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
    asked, who, directory = await _admit(request, params.KINDS)
    scope = _checked(
        asked,
        lambda: authorize(
            directory.customers, who, customer=asked.customer, recursive=asked.recursive
        ),
    )
    encode = rows.rows_with_names(directory.name_of) if asked.query.names else rows.encode_rows
    return await _answer(request, asked, scope, encode)


async def list_panel(request: web.Request) -> web.StreamResponse:
    """Answer `calls/active/list/panel`."""
    asked, who, directory = await _admit(request, params.PANEL_KINDS)
    scope = _checked(
        asked, lambda: authorize_panel(directory.customers, who, customer=asked.customer)
    )
    return await _answer(request, asked, scope, rows.encode_panel_rows)


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


async def _admit(
    request: web.Request, kinds: Mapping[str, Kind]
) -> tuple[Asked, Principal, Directory]:
    """Return what is asked, by whom, and the directory of which he is."""
    state = request.app[STATE]
    if not state.ready:
        raise NotReady
    body = await _body(request) if request.body_exists else b""
    given = form.read(
        request.rel_url.raw_query_string, names=kinds, body=body, content_type=request.content_type
    )
    asked = params.parse(given, kinds)
    authenticator = request.app[AUTHENTICATOR]
    user = await authenticator.authenticate(asked.credentials, request.remote or "")
    return asked, principal_of(state.directory, user), state.directory


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


def _checked(asked: Asked, authorize: Callable[[], Scope]) -> Scope:
    """Return what the user may see of what he asked for, once nothing is wrong with that.

    What `authorize` forbids goes before all else that is wrong.
    """
    errors = list(asked.errors)
    try:
        scope = authorize()
    except BadParameter as error:
        errors.append(error)
    if errors:
        raise BadParameters(params.in_order(errors))
    return scope


async def _answer(
    request: web.Request, asked: Asked, scope: Scope, encode: rows.Encoder
) -> web.StreamResponse:
    """Run the query and render what it finds: at once, or in slices when it is much."""
    started = time.perf_counter()
    state = request.app[STATE]
    headers = freshness(*state.freshness(asked.query.machines), request.app[CLOCK]())
    meter = request.app[METER]
    if asked.query.count:
        body = rows.count_envelope(count(state.store, asked.query, scope))
        meter.observe_query(time.perf_counter() - started)
        return Answer(body, headers=headers)
    legs = run(state.store, asked.query, scope)
    if len(legs) <= rows.SLICE:
        body = rows.envelope(encode(legs))
        meter.observe_query(time.perf_counter() - started)
        return Answer(body, row_count=len(legs), headers=headers)
    meter.observe_query(time.perf_counter() - started)
    answer = SlicedAnswer(row_count=len(legs), headers=headers)
    await answer.send(request, rows.slices(legs, encode))
    return answer
