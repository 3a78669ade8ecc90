"""What becomes of a request: codes, the access log, the metrics."""

import logging
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from callstate.core.errors import AuthenticationFailed, BadParameter, NotAllowed
from callstate.web.answers import Answer
from callstate.web.errors import BadParameters, BodyTimeout, NotReady, TooManyAttempts
from callstate.web.outcome import METER, outcome, refusal_of


class RecordingMeter:
    """Remembers what was counted."""

    content_type = "text/plain"

    def __init__(self) -> None:
        self.codes: list[int] = []

    def count_request(self, code: int) -> None:
        self.codes.append(code)

    def observe_query(self, seconds: float) -> None:
        raise AssertionError(seconds)

    def render(self) -> bytes:
        return b""


async def respond(raised: Exception | None, path: str = "/here?secret=1") -> Any:
    """Let a handler raise `raised`; return HTTP status, body and what was counted."""

    async def handler(_request: web.Request) -> web.StreamResponse:
        if raised is not None:
            raise raised
        return Answer(b"{}", row_count=3)

    meter = RecordingMeter()
    app = web.Application(middlewares=[outcome])
    app[METER] = meter
    app.router.add_get("/here", handler)
    async with TestClient(TestServer(app)) as client:
        response = await client.get(path)
        return response.status, await response.text(), meter.codes


@pytest.mark.parametrize(
    ("error", "code", "status", "keys"),
    [
        (BadParameters([BadParameter("a", "A."), BadParameter("b", "B.")]), 400, 200, ["a", "b"]),
        (AuthenticationFailed(), 401, 200, [""]),
        (NotAllowed(), 402, 200, [""]),
        (web.HTTPNotFound(), 404, 404, [""]),
        (web.HTTPMethodNotAllowed("PUT", ["GET"]), 405, 405, [""]),
        (BodyTimeout(), 408, 408, [""]),
        (web.HTTPRequestEntityTooLarge(5, 6), 413, 413, [""]),
        (TooManyAttempts(2.5), 429, 429, [""]),
        (NotReady(), 503, 503, [""]),
    ],
)
def test_every_error_has_its_code(
    error: Exception, code: int, status: int, keys: list[str]
) -> None:
    answer = refusal_of(error)
    assert (answer.code, answer.status) == (code, status)
    assert isinstance(answer.body, bytes)
    assert answer.body.count(f'"code":"{code}"'.encode()) == len(keys)
    for key in keys:
        assert f'"key":"{key}"'.encode() in answer.body


def test_headers_that_matter_are_kept() -> None:
    assert refusal_of(TooManyAttempts(2.5)).headers["Retry-After"] == "3"
    assert refusal_of(NotReady()).headers["Retry-After"] == "1"
    assert refusal_of(web.HTTPMethodNotAllowed("PUT", ["GET"])).headers["Allow"] == "GET"


async def test_a_request_is_one_line_without_what_was_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "callstate.web.outcome")
    status, _, codes = await respond(None)
    assert (status, codes) == (200, [200])
    [record] = [record for record in caplog.records if record.name == "callstate.web.outcome"]
    said = vars(record)
    assert (said["method"], said["path"], said["code"], said["rows"]) == ("GET", "/here", 200, 3)
    assert said["milliseconds"] >= 0
    assert "secret" not in str(said)


async def test_the_path_of_no_route_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "callstate.web.outcome")
    assert (await respond(None, "/here&auth_password=hunter2"))[0] == 404
    [record] = [record for record in caplog.records if record.name == "callstate.web.outcome"]
    assert vars(record)["path"] == "unknown"
    assert "hunter2" not in str(vars(record))


async def test_nothing_is_logged_when_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "callstate.web.outcome")
    assert (await respond(AuthenticationFailed()))[2] == [401]
    assert not [record for record in caplog.records if record.name == "callstate.web.outcome"]


async def test_a_bug_is_logged_with_its_traceback_and_told_without(
    caplog: pytest.LogCaptureFixture,
) -> None:
    status, body, codes = await respond(RuntimeError("a detail"))
    assert (status, codes) == (500, [500])
    assert "a detail" not in body
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert vars(record)["path"] == "/here"
