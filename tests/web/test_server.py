"""The listening sockets: addresses, a path, TLS, and what they answer first."""

import asyncio
import logging
import os
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from callstate.core.errors import ConfigError
from callstate.web.door import Limit
from callstate.web.server import Server
from tests.certificates import make_certificate
from tests.web.wire import REQUEST, Raw, Serve, until

LOOPS = ("asyncio", "uvloop")


@pytest.fixture
async def server(serve: Serve) -> Server:
    return await serve()


async def exchange(server: Server, request: bytes) -> bytes:
    async with Raw(server) as client:
        client.send(request)
        return await client.rest()


async def test_it_listens_on_a_free_port_and_answers(server: Server) -> None:
    assert server.port > 0
    answer = await exchange(
        server, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Server: callstate\r\n" in answer


async def test_a_stopped_server_refuses(serve: Serve) -> None:
    server = await serve()
    await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_an_address_in_use_is_an_error_of_the_configuration(
    server: Server, serve: Serve
) -> None:
    with pytest.raises(ConfigError) as caught:
        await serve(port=server.port)
    assert caught.value.key == "http"
    place = f"127.0.0.1:{server.port}"
    assert caught.value.problem == f"{place} cannot be listened on: Address already in use"


async def test_an_address_that_fails_leaves_none_of_the_others(
    serve: Serve, unused_port: int
) -> None:
    with pytest.raises(ConfigError):
        await serve(host=("127.0.0.1", "192.0.2.1"), port=unused_port)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", unused_port)


async def test_it_listens_at_several_addresses(serve: Serve, unused_port: int) -> None:
    await serve(host=("127.0.0.1", "127.0.0.2"), port=unused_port)
    async with aiohttp.ClientSession() as session:
        for host in ("127.0.0.1", "127.0.0.2"):
            async with session.get(f"http://{host}:{unused_port}/healthz") as response:
                assert response.status == 200


async def test_it_listens_at_a_path_that_goes_with_it(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    server = await serve(host=(), unix_socket=str(path))
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session:
        async with session.get("http://x/healthz") as response:
            assert response.status == 200
        assert server.door.open == 1
    await server.stop()
    assert not path.exists()


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


# TLS


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, str]:
    """The keys that say where certificate and key are."""
    certificate, key = make_certificate(tmp_path)
    return {"tls_certificate_file": str(certificate), "tls_key_file": str(key)}


def trusting(tls: dict[str, str]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=tls["tls_certificate_file"])


def shown(client: Raw) -> Any:
    return client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)


async def test_with_a_certificate_it_speaks_tls(serve: Serve, tls: dict[str, str]) -> None:
    server = await serve(**tls)
    async with Raw(server, tls=trusting(tls)) as client:
        client.send(REQUEST)
        assert (await client.answer())[0] == 200
        spoken = client.writer.get_extra_info("ssl_object")
        assert spoken.version() in ("TLSv1.2", "TLSv1.3")
        assert server.door.open == 1
    await until(lambda: server.door.open == 0)


async def test_who_speaks_old_tls_or_none_is_let_go(serve: Serve, tls: dict[str, str]) -> None:
    server = await serve(**tls)
    assert await exchange(server, REQUEST) == b""
    old = trusting(tls)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        async with Raw(server, tls=old):
            pass
    await until(lambda: server.door.open == 0)


async def test_who_does_not_shake_hands_is_counted_and_cut(
    serve: Serve, tls: dict[str, str]
) -> None:
    server = await serve(**tls, limits={"head_seconds": 0.2, "connections": 1})
    assert await exchange(server, REQUEST) == b""
    await until(lambda: server.door.open == 0)
    files = len(os.listdir("/proc/self/fd"))
    async with Raw(server) as idle:
        await until(lambda: server.door.open == 1)
        assert await exchange(server, b"") == b""
        assert server.door.ended[Limit.CONNECTIONS] == 1
        assert await idle.rest() == b""
    await until(lambda: server.door.open == 0)
    await until(lambda: len(os.listdir("/proc/self/fd")) == files)


async def test_a_new_certificate_is_met_by_new_connections(
    serve: Serve, tls: dict[str, str], tmp_path: Path
) -> None:
    server = await serve(**tls)
    async with Raw(server, tls=trusting(tls)) as before:
        make_certificate(tmp_path)
        server.reload_certificate()
        async with Raw(server, tls=trusting(tls)) as after:
            assert shown(before) != shown(after)
            for client in (before, after):
                client.send(REQUEST)
                assert (await client.answer())[0] == 200


async def test_a_certificate_that_cannot_be_used_changes_nothing(
    serve: Serve, tls: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = await serve(**tls)
    context = trusting(tls)
    make_certificate(tmp_path, stem="other")
    (tmp_path / "other.key").rename(tls["tls_key_file"])
    server.reload_certificate()
    async with Raw(server, tls=context) as client:
        client.send(REQUEST)
        assert (await client.answer())[0] == 200
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert vars(record)["key"] == "http.tls_key_file"


async def test_without_a_certificate_there_is_none_to_load(serve: Serve) -> None:
    server = await serve()
    server.reload_certificate()
    assert (await exchange(server, REQUEST.replace(b"1.1", b"1.0"))).startswith(b"HTTP/1.0 200")


async def test_long_answers_to_who_does_not_read_are_cut_under_tls_too(
    serve: Serve, tls: dict[str, str]
) -> None:
    server = await serve(**tls, limits={"reader_seconds": 0.3, "head_seconds": 0.3})
    async with Raw(server, tls=trusting(tls), receive_bytes=4096) as client:
        client.send(REQUEST.replace(b"/healthz", b"/openapi.json") * 1000)
        await until(lambda: server.door.ended[Limit.READER_SECONDS] == 1)
        await until(lambda: server.door.open == 0)
