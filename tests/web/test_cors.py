"""Which web sites' scripts may read answers."""

from typing import Any

import aiohttp
import pytest

from callstate.web.app import LIST_PATH, PANEL_PATH
from tests.web.wire import Serve

WALL = "https://wall.example.com"
EVIL = "https://evil.example.com"
ASKED = {"Access_Control_Request_Method": "GET"}


async def ask(
    server: Any, method: str, path: str = LIST_PATH, **headers: str
) -> tuple[int, dict[str, str]]:
    """Return the status, and the headers of CORS."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"http://127.0.0.1:{server.port}{path}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=names) as response,
    ):
        shown = {
            name: value
            for name, value in response.headers.items()
            if name.startswith("Access-Control-") or name == "Vary"
        }
        return response.status, shown


async def test_without_origins_nobody_is_allowed_anything(serve: Serve) -> None:
    server = await serve()
    assert await ask(server, "GET", Origin=WALL) == (200, {})
    assert await ask(server, "OPTIONS", Origin=WALL, **ASKED) == (405, {})


@pytest.mark.parametrize("path", [LIST_PATH, f"{LIST_PATH}/", PANEL_PATH, f"{PANEL_PATH}/"])
async def test_a_site_of_the_list_may_read(serve: Serve, path: str) -> None:
    server = await serve(cors_origins=(WALL, "http://localhost:3000"))
    status, headers = await ask(server, "GET", path, Origin=WALL)
    assert status == 200
    assert headers == {
        "Access-Control-Allow-Origin": WALL,
        "Access-Control-Expose-Headers": "Callstate-As-Of, Callstate-Stale, Retry-After",
        "Vary": "Origin",
    }
    status, headers = await ask(server, "OPTIONS", path, Origin=WALL, **ASKED)
    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == WALL
    assert headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert headers["Access-Control-Allow-Headers"] == "Content-Type"


@pytest.mark.parametrize("origin", [EVIL, "null", "", f"{WALL}.evil.example", WALL.upper()])
async def test_no_other_site_may(serve: Serve, origin: str) -> None:
    server = await serve(cors_origins=(WALL,))
    assert await ask(server, "GET", Origin=origin) == (200, {"Vary": "Origin"})
    assert await ask(server, "OPTIONS", Origin=origin, **ASKED) == (405, {"Vary": "Origin"})


async def test_every_site_may_when_that_is_said_but_never_with_credentials(serve: Serve) -> None:
    server = await serve(cors_origins=("*",))
    for method in ("GET", "OPTIONS"):
        _, headers = await ask(server, method, Origin=EVIL, **ASKED)
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in headers


async def test_what_is_no_preflight_is_no_method(serve: Serve) -> None:
    server = await serve(cors_origins=(WALL,))
    assert (await ask(server, "OPTIONS", Origin=WALL))[0] == 405
    assert (await ask(server, "OPTIONS", **ASKED))[0] == 405


async def test_what_is_not_the_api_is_for_nobody(serve: Serve) -> None:
    server = await serve(cors_origins=("*",))
    for path in ("/metrics", "/readyz", "/nowhere"):
        assert (await ask(server, "GET", path, Origin=WALL))[1] == {}
