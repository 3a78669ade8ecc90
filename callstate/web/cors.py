"""Which web sites' scripts may read answers (CORS): none, unless the configuration names them.

Answers never allow credentials of the browser's own (cookies, client certificates): the API
has none, its users' names and passwords are parameters.
"""

from collections.abc import Collection

from aiohttp import web

from callstate.web.answers import Answer

_EVERY = "*"
_EXPOSED = "Callstate-As-Of, Callstate-Stale, Retry-After"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Content-Type",
    # Two hours are what browsers take at most.
    "Access-Control-Max-Age": "7200",
}


def allow_origins(app: web.Application, origins: Collection[str], paths: Collection[str]) -> None:
    """Let scripts of `origins` read what `app` answers on `paths`; without any, nothing changes."""
    if not origins:
        return

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        if request.path not in paths:
            return
        headers = response.headers
        if _EVERY in origins:
            headers["Access-Control-Allow-Origin"] = _EVERY
        else:
            headers["Vary"] = "Origin"
            origin = request.headers.get("Origin", "")
            if origin not in origins:
                return
            headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = _EXPOSED

    async def preflight(request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin", "")
        is_allowed = origin and (_EVERY in origins or origin in origins)
        if not is_allowed or "Access-Control-Request-Method" not in request.headers:
            raise web.HTTPMethodNotAllowed("OPTIONS", ["GET", "POST"])
        answer = Answer(b"", code=204, status=204, headers=_PREFLIGHT)
        del answer.headers["Content-Type"]
        return answer

    app.on_response_prepare.append(add_headers)
    for path in paths:
        app.router.add_route("OPTIONS", path, preflight)
