"""Listening with TLS, where it differs: clients are counted before they shake hands."""

import asyncio
import os
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web

from callstate.config import HttpLimits
from callstate.web.certificate import Certificate
from callstate.web.connection import Connection
from callstate.web.door import Door
from callstate.web.forwarded import Proxies
from callstate.web.shortcuts import SHORTCUTS
from callstate.web.tls import TlsListener
from tests.certificates import make_certificate
from tests.web.wire import until

LOOPS = ("asyncio", "uvloop")


@pytest.fixture
def door() -> Door:
    return Door(HttpLimits(), Proxies())


@pytest.fixture
async def listening(
    app: web.Application, door: Door, tmp_path: Path
) -> AsyncIterator[tuple[TlsListener, int]]:
    certificate = Certificate(*map(str, make_certificate(tmp_path)))
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    server = web.Server(_answer)
    listener = TlsListener(
        listening,
        lambda guest: Connection(
            server, door=door, limits=HttpLimits(), shortcuts=app[SHORTCUTS], guest=guest
        ),
        door=door,
        context=certificate.context,
        handshake_seconds=60,
    )
    yield listener, listening.getsockname()[1]
    await listener.stop()


async def _answer(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="hello")


async def test_handshakes_that_are_under_way_are_given_up_when_it_stops(
    listening: tuple[TlsListener, int], door: Door
) -> None:
    listener, port = listening
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await until(lambda: door.open == 1)
    await listener.stop()
    assert door.open == 0
    assert not listener._tasks
    with suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()


async def test_who_goes_during_the_handshake_leaves(
    listening: tuple[TlsListener, int], door: Door
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", listening[1])
    await until(lambda: door.open == 1)
    writer.transport.abort()
    await until(lambda: door.open == 0)


async def test_when_no_descriptor_is_left_it_waits_and_goes_on(
    listening: tuple[TlsListener, int], door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as client:
        client.setblocking(False)
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest_free = os.dup(0)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))
        try:
            client.connect_ex(("127.0.0.1", listening[1]))
            await until(lambda: "cannot accept" in caplog.text)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        await until(lambda: door.open == 1)
    await until(lambda: door.open == 0)
    assert caplog.text.count("cannot accept") == 1
