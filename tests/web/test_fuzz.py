"""Requests of every kind that the API's description allows or not, and bytes that are no request.

Whatever comes, nothing breaks: no 500, always the envelope, always as `openapi.json` has it.
"""

import asyncio
import json
import logging
import random
import re
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from aiohttp import web
from yarl import URL

from callstate.config import Http
from callstate.web.app import LIST_PATH, PANEL_PATH
from callstate.web.openapi import document
from callstate.web.server import Server

CASES = 1500
DOCUMENT = document()
HOST = b"\r\nHost: x\r\nConnection: close\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
GET = b"GET " + LIST_PATH.encode()
POST = b"POST " + LIST_PATH.encode() + b" HTTP/1.1" + HOST
CHUNKED = POST + FORM + b"Transfer-Encoding: chunked\r\n\r\n"

ODD = (
    b"", b"0", b"1", b"-1", b"all", b"system", b"recursive", b"\x00", b"\xff", b"\xc0\xaf",
    b"\xed\xa0\x80", b"'", b'"', b"%", b"%zz", b"a;b", b"a&b", b"1,2", b" 1 , 2 ", b"9" * 400,
    "\u0661".encode(), "\U0001f600".encode(), b"in_out", b"contains", b"null", b"1e9", b"+", b"=",
)  # fmt: skip


def is_valid(value: Any, schema: Any) -> bool:
    """Tell whether `value` is what `schema` says, for what our schemas use of JSON Schema."""
    if "$ref" in schema:
        return is_valid(value, DOCUMENT["components"]["schemas"][schema["$ref"].split("/")[-1]])
    if "oneOf" in schema:
        return sum(is_valid(value, each) for each in schema["oneOf"]) == 1
    match schema["type"]:
        case "object":
            properties = schema["properties"]
            return (
                isinstance(value, dict)
                and value.keys() >= set(schema.get("required", ()))
                and (schema.get("additionalProperties", True) or value.keys() <= properties.keys())
                and all(is_valid(each, properties[name]) for name, each in value.items())
            )
        case "array":
            return isinstance(value, list) and all(is_valid(v, schema["items"]) for v in value)
        case "integer":
            return type(value) is int and value >= schema.get("minimum", value)
        case _:
            return isinstance(value, str)


def test_the_validator_refuses() -> None:
    answer = {"$ref": "#/components/schemas/ListAnswer"}
    good = {"responses": [{"code": "200", "key": "", "message": "OK"}], "data": []}
    assert is_valid(good, answer)
    bads: list[Any] = [{}, good | {"data": 1}, good | {"data": [{}]}, good | {"responses": None}]
    for bad in bads:
        assert not is_valid(bad, answer)
    assert not is_valid(good | {"data": {"count": -1}}, answer)


def random_value(dice: random.Random, schema: Any) -> bytes:
    if "enum" in schema and dice.random() < 0.7:
        return str(dice.choice(schema["enum"])).encode()
    if dice.random() < 0.4:
        return str(dice.randrange(-2, 25)).encode()
    return dice.choice(ODD)


def random_request(dice: random.Random, path: str, password: str) -> Any:
    """Return method, query string, body and content type."""
    described = DOCUMENT["paths"][path]["get"]["parameters"]
    user = dice.choice(("alice", "owner", "bob", "wide")) if path == LIST_PATH else "wall"
    pairs = [(b"auth_username", user.encode()), (b"auth_password", password.encode())]
    chosen = dice.sample(described, dice.randrange(min(6, len(described))))
    pairs += [(each["name"].encode(), random_value(dice, each["schema"])) for each in chosen]
    if dice.random() < 0.1:
        pairs.append((dice.choice(ODD), dice.choice(ODD)))
    if dice.random() < 0.6:
        names = {name for name, _ in pairs}
        pairs = [(name, dict(pairs)[name]) for name in names]
    if dice.random() < 0.2:
        text = {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}
        return "POST", "", json.dumps(text).encode(), "application/json"
    parts = [f"{quote_from_bytes(name)}={quote_from_bytes(value)}" for name, value in pairs]
    query = dice.choice("&;").join(parts)
    if dice.random() < 0.3:
        return "POST", "", query.encode(), "application/x-www-form-urlencoded"
    return "GET", query, b"", ""


@pytest.mark.parametrize("path", [LIST_PATH, PANEL_PATH])
async def test_every_answer_is_as_described(client: Any, password: str, path: str) -> None:
    answers = DOCUMENT["paths"][path]["get"]["responses"]
    codes: dict[str, int] = {}
    for seed in range(CASES if path == LIST_PATH else CASES // 5):
        dice = random.Random(seed)
        method, query, body, kind = random_request(dice, path, password)
        headers = {"Content-Type": kind} if kind else {}
        url = f"http://{client.host}:{client.port}{path}?{query}"
        async with client.session.request(
            method, URL(url, encoded=True), data=body or None, headers=headers
        ) as response:
            answer = json.loads(await response.text())
            status = str(response.status)
        assert status in answers, (seed, status)
        assert status in ("200", "429"), (seed, query)
        schema = answers[status]["content"]["application/json"]["schema"]
        assert is_valid(answer, schema), (seed, answer)
        for code in {entry["code"] for entry in answer["responses"]}:
            codes[code] = codes.get(code, 0) + 1
    assert codes["200"] > 50
    assert codes["400"] > 20


# Bytes


@pytest.fixture
async def server(app: web.Application) -> AsyncIterator[Server]:
    server = Server(app, Http(port=0))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def send(server: Server) -> Callable[..., Any]:
    """Send bytes; return the HTTP statuses and the last body, until the server closes."""

    async def send(data: bytes, *, then_end: bool = False) -> tuple[list[int], Any]:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        received = b""
        try:
            writer.write(data)
            if then_end:
                writer.write_eof()
            async with asyncio.timeout(10):
                while part := await reader.read(65536):
                    received += part
        except ConnectionError:
            pass  # it may close before it has read all
        finally:
            writer.close()
        statuses = [int(status) for status in re.findall(rb"HTTP/\d\.\d (\d{3}) ", received)]
        body = received.rpartition(b"\r\n\r\n")[2]
        return statuses, json.loads(body) if body else None

    return send


# fmt: off
NO_HTTP = {
    "a method in small letters": b"get / HTTP/1.1" + HOST + b"\r\n",
    "garbage": b"\x00\x01\x02\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a version": GET + b" HTTP/9.7" + HOST + b"\r\n",
    "no host": GET + b" HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two hosts": GET + b" HTTP/1.1\r\nHost: a" + HOST + b"\r\n",
    "a port": b"GET http://x:99999999/hunter2 HTTP/1.1" + HOST + b"\r\n",
    "a bracket": b"GET http://[/?hunter2 HTTP/1.1" + HOST + b"\r\n",
    "no slash": b"GET hunter2 HTTP/1.1" + HOST + b"\r\n",
    "a long header": GET + b" HTTP/1.1" + HOST + b"X: " + b"hunter2" * 3000 + b"\r\n\r\n",
    "many headers": GET + b" HTTP/1.1" + HOST + b"X: hunter2\r\n" * 5000 + b"\r\n",
    "a long query": GET + b"?auth_password=" + b"hunter2" * 1200 + b" HTTP/1.1" + HOST + b"\r\n",
    "a zero": GET + b"?auth_password=hunter2\x00 HTTP/1.1" + HOST + b"\r\n",
    "bare UTF-8": GET + b"?auth_password=hunter2\xc3\xbc HTTP/1.1" + HOST + b"\r\n",
    "two lengths": POST + FORM + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a negative length": POST + FORM + b"Content-Length: -3\r\n\r\n",
    "a huge length": POST + FORM + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "length and chunks": POST + FORM + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "another coding": POST + FORM + b"Transfer-Encoding: gzip\r\n\r\n",
    "no chunk": CHUNKED + b"hunter2\r\n\r\n",
    "a header's name": GET + b" HTTP/1.1" + HOST + b"hunter2 y: 1\r\n\r\n",
    "a folded header": GET + b" HTTP/1.1" + HOST + b"X: 1\r\n hunter2\r\n\r\n",
    "bare line feeds": GET + b" HTTP/1.1\nHost: x\n\n",
}
# fmt: on


@pytest.mark.parametrize("data", NO_HTTP.values(), ids=NO_HTTP)
async def test_what_is_no_http_is_a_400_in_the_envelope_and_not_repeated(
    send: Any, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    statuses, body = await send(data)
    assert statuses == [400]
    [entry] = body["responses"]
    assert (entry["code"], entry["key"]) == ("400", "")
    assert "hunter2" not in f"{body}{caplog.text}"
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_what_is_too_long_says_what_to_do(send: Any) -> None:
    for name in ("a long query", "a long header"):
        _, body = await send(NO_HTTP[name])
        assert "POST" in body["responses"][0]["message"]


async def test_a_query_string_of_a_megabyte_breaks_nothing(send: Any) -> None:
    await send(GET + b"?" + b"a" * 1_000_000 + b" HTTP/1.1" + HOST + b"\r\n")
    assert (await send(b"GET /healthz HTTP/1.1" + HOST + b"\r\n"))[0] == [200]


@pytest.mark.parametrize(
    ("data", "statuses", "code"),
    [
        (GET + b" HTTP/1.0\r\n\r\n", [200], "401"),
        (GET + b"?auth_username=%00&auth_password=%00 HTTP/1.1" + HOST + b"\r\n", [200], "401"),
        (GET + b"?snumber=%C0%AF HTTP/1.1" + HOST + b"\r\n", [200], "400"),
        (GET + b"?snumber=%E0%80%AF HTTP/1.1" + HOST + b"\r\n", [200], "400"),
        (GET + b"?limit%3D1&%6Cimit=1&limit=2 HTTP/1.1" + HOST + b"\r\n", [200], "400"),
        (GET.replace(b"list", b"%6Cist") + b" HTTP/1.1" + HOST + b"\r\n", [200], "401"),
        (GET.replace(b"/list", b"%2Flist") + b" HTTP/1.1" + HOST + b"\r\n", [404], "404"),
        (b"GET /api/json/../json/calls HTTP/1.1" + HOST + b"\r\n", [404], "404"),
        (b"OPTIONS * HTTP/1.1" + HOST + b"\r\n", [404], "404"),
        (GET + b" HTTP/1.1" + HOST + FORM + b"Content-Length: 7\r\n\r\nlimit=x", [200], "401"),
        (CHUNKED + b"5\r\na=1&b\r\n0\r\n\r\n", [200], "401"),
        (CHUNKED + b"3\r\na=1\r\nzz\r\n", [400], "400"),
        (POST + b"Content-Type: \xff;=\r\nContent-Length: 1\r\n\r\na", [200], "400"),
        (POST + FORM + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\na=1", [100, 200], "401"),
        (POST + FORM + b"Expect: a-wonder\r\nContent-Length: 3\r\n\r\na=1", [417], "417"),
        (GET + b" HTTP/1.1\r\nHost: x\r\n\r\n" + GET + b" HTTP/1.1" + HOST + b"\r\n", [200, 200],
         "401"),
    ],
)  # fmt: skip
async def test_odd_requests_have_a_clear_answer(
    send: Any, data: bytes, statuses: list[int], code: str
) -> None:
    found, body = await send(data)
    assert (found, body["responses"][0]["code"]) == (statuses, code)


async def test_a_body_that_ends_early_leaves_no_error_in_the_log(
    send: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert (await send(POST + FORM + b"Content-Length: 10\r\n\r\nab", then_end=True))[0] == []
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("seed", range(40))
async def test_torn_and_mixed_up_requests_break_nothing(send: Any, seed: int) -> None:
    dice = random.Random(seed)
    whole = bytearray(dice.choice([*NO_HTTP.values(), CHUNKED + b"5\r\na=1&b\r\n0\r\n\r\n"])[:2000])
    for _ in range(dice.randrange(1, 8)):
        whole[dice.randrange(len(whole))] = dice.randrange(256)
    statuses, body = await send(bytes(whole), then_end=True)
    assert all(status < 500 for status in statuses)
    assert body is None or body["responses"]
