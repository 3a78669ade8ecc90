"""HTTP around the envelope."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

import pytest
from aiohttp import ClientPayloadError, web
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict

from callstate.config import HttpLimits
from callstate.core.state import MachineStatus
from callstate.web.answers import (
    HEADERS,
    SlicedAnswer,
    freshness,
    phrase,
    raw_refusal,
    refuse,
    retry_after,
)
from callstate.web.door import DOOR, Door, Limit
from callstate.web.forwarded import Proxies
from callstate.web.turns import Turns
from tests.web.envelope import envelope


def serve(slices: Callable[[], Iterator[bytes]], seconds: float = 60.0) -> Any:
    async def handler(request: web.Request) -> web.StreamResponse:
        answer = SlicedAnswer(row_count=1, headers={"Callstate-Stale": "1;never"})
        await answer.send(request, slices(), Turns(), seconds=seconds)
        return answer

    app = web.Application()
    app[DOOR] = Door(HttpLimits(), Proxies())
    app.router.add_get("/", handler)
    return TestClient(TestServer(app))


async def test_slices_arrive_in_order_with_all_headers() -> None:
    async with serve(lambda: iter([b"[", b"1", b"]"])) as client:
        response = await client.get("/")
        assert await response.text() == "[1]"
        assert response.headers["Callstate-Stale"] == "1;never"
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_others_run_between_slices() -> None:
    turns: list[str] = []

    def slices() -> Iterator[bytes]:
        for _ in range(3):
            asyncio.get_running_loop().call_soon(turns.append, "other")
            turns.append("slice")
            yield b"x"

    async with serve(slices) as client:
        await (await client.get("/")).read()
    assert turns == ["slice", "other"] * 3


async def test_an_answer_that_breaks_off_is_not_taken_for_all() -> None:
    def slices() -> Iterator[bytes]:
        yield b"["
        raise RuntimeError

    async with serve(slices) as client:
        with pytest.raises(ClientPayloadError):
            await (await client.get("/")).read()


async def test_a_reader_that_is_too_slow_is_given_up() -> None:
    async with serve(lambda: repeat(b"x"), seconds=0.05) as client:
        with pytest.raises(ClientPayloadError):
            await (await client.get("/")).read()
        assert client.app[DOOR].ended[Limit.ANSWER_SECONDS] == 1


def test_a_raw_refusal_is_an_answer_like_the_others() -> None:
    head, _, body = raw_refusal(408, "Too late.").partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    assert status == "HTTP/1.1 408 Request Timeout"
    headers = CIMultiDict[str]((line.partition(": ")[0], line.partition(": ")[2]) for line in lines)
    assert headers.popone("Content-Length") == str(len(body))
    assert headers.popone("Connection") == "close"
    assert headers == HEADERS
    assert envelope(body.decode(), HEADERS, 408)["responses"][0]["message"] == "Too late."


@pytest.mark.parametrize(
    ("code", "status"), [(400, 200), (401, 200), (402, 200), (404, 404), (429, 429), (503, 503)]
)
def test_what_the_api_decides_is_http_200(code: int, status: int) -> None:
    answer = refuse(code, message="No.", headers={"Retry-After": "1"})
    assert (answer.status, answer.code, answer.row_count) == (status, code, 0)
    assert answer.headers["Retry-After"] == "1"


def test_answers_share_no_headers() -> None:
    refuse(429, message="No.", headers={"Retry-After": "1"})
    assert "Retry-After" not in refuse(401, message="No.").headers


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "1"), (0.2, "1"), (1.1, "2"), (300.0, "300")])
def test_retry_after_is_whole_seconds(seconds: float, text: str) -> None:
    assert retry_after(seconds) == {"Retry-After": text}


@pytest.mark.parametrize(
    ("as_of", "down_since", "text"),
    [
        (None, None, "5;never"),
        (None, 90.0, "5;never"),
        (85.8, 85.8, "5;down=14.2"),
        (80.0, 85.8, "5;down=20.0"),
        (80.0, None, "5;down=20.0"),
        (101.0, 102.0, "5;down=0.0"),
    ],
)
def test_staleness_is_never_or_since_when(
    as_of: float | None, down_since: float | None, text: str
) -> None:
    status = MachineStatus(machine=5, as_of=as_of, down_since=down_since)
    assert freshness(None, [status], 100.0) == {"Callstate-Stale": text}


def test_freshness_has_milliseconds_and_no_empty_header() -> None:
    assert freshness(1_795_479_234.1, [], 0.0) == {"Callstate-As-Of": "1795479234.100"}


def test_a_phrase_is_a_sentence() -> None:
    assert phrase(404) == "Not Found."
