"""The listening socket."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from callstate.core.errors import ConfigError
from callstate.web.server import Server


@pytest.fixture
async def server(app: web.Application) -> AsyncIterator[Server]:
    server = Server(app, host="127.0.0.1", port=0)
    await server.start()
    yield server
    await server.stop()


async def exchange(server: Server, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_it_listens_on_a_free_port_and_answers(server: Server) -> None:
    assert server.port > 0
    answer = await exchange(
        server, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Server: callstate\r\n" in answer


async def test_a_stopped_server_refuses(app: web.Application) -> None:
    server = Server(app, host="127.0.0.1", port=0)
    assert server.port == 0
    await server.start()
    port = server.port
    await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_an_address_in_use_is_an_error_of_the_configuration(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    other = Server(web.Application(), host="127.0.0.1", port=server.port)
    with pytest.raises(ConfigError) as caught:
        await other.start()
    assert caught.value.key == "http"
    assert str(server.port) in caught.value.problem


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /api/json/calls/active/list?auth_password=hunter2 HTTP/9.7\r\n\r\n",
        b"GET /" + b"auth_password=hunter2" * 1000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: hunter2\x00\r\n\r\n",
        b"hunter2\r\n\r\n",
        b"\x16\x03\x01hunter2\r\n\r\n",
    ],
)
async def test_bytes_that_are_no_http_are_400_and_not_repeated_in_the_log(
    server: Server, caplog: pytest.LogCaptureFixture, request_bytes: bytes
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = await exchange(server, request_bytes)
    assert answer.split()[1] == b"400"
    assert "hunter2" not in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_real_requests_leave_no_query_string_in_any_log(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    line = b"GET /api/json/calls/active/list?auth_username=alice;auth_password=hunter2 HTTP/1.1"
    await exchange(server, line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert "callstate.web.outcome" in caplog.text
    assert not any("hunter2" in f"{vars(record)}" for record in caplog.records)
