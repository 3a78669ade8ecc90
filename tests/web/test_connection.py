"""One connection: what a client may take of the daemon, over real sockets, on both event loops."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from callstate.core.model import Leg
from callstate.core.state import CallState
from callstate.web.app import LIST_PATH
from callstate.web.connection import LINE_BYTES, Connection, address_of
from callstate.web.door import Limit
from callstate.web.rows import SLICE
from callstate.web.server import Server
from tests.web.wire import HEAD, REQUEST, Raw, Serve, connections, until

LOOPS = ("asyncio", "uvloop")

LONG = 10_000
# What 250 rows have at most here; two slices are never in the buffer at once.
SLICE_BYTES = SLICE * 1000


@pytest.fixture
def long_list(state: CallState, password: str) -> Iterator[bytes]:
    """A request that 10 000 legs are the answer to."""
    for number in range(LONG):
        state.store.put(
            Leg(machine=1, uniqueid=f"1795480000.{number}", start=1795480000, scustomer=17)
        )
    query = urlencode({"auth_username": "alice", "auth_password": password})
    return iter([f"GET {LIST_PATH}?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode()])


# Heads


async def test_a_head_that_does_not_end_is_408(serve: Serve) -> None:
    server = await serve(limits={"head_seconds": 0.05})
    async with Raw(server) as client:
        client.send(HEAD)
        status, body = await client.answer()
        assert (status, body["responses"][0]["code"]) == (408, "408")
        assert await client.rest() == b""
    assert server.door.ended[Limit.HEAD_SECONDS] == 1
    await until(lambda: server.door.open == 0)


async def test_a_head_that_comes_byte_by_byte_is_cut_all_the_same(serve: Serve) -> None:
    server = await serve(limits={"head_seconds": 0.2, "idle_seconds": 60})
    async with Raw(server) as client:
        client.send(HEAD + b"X: ")
        received = asyncio.create_task(client.rest())
        while not received.done():
            client.send(b"x")
            await asyncio.wait([received], timeout=0.01)
        assert b"HTTP/1.1 408 " in await received
    assert server.door.ended[Limit.HEAD_SECONDS] == 1


async def test_a_head_in_parts_is_a_head(serve: Serve) -> None:
    server = await serve()
    async with Raw(server) as client:
        for _ in range(2):
            client.send(HEAD)
            await until(lambda: any(each._head_timer for each in connections(server)))
            client.send(b"\r\n")
            assert (await client.answer())[0] == 200
            assert [each._head_timer for each in connections(server)] == [None]


async def test_a_head_that_waits_behind_a_long_answer_is_not_late(
    serve: Serve, long_list: Iterator[bytes]
) -> None:
    server = await serve(limits={"head_seconds": 0.05})
    async with Raw(server, receive_bytes=4096) as client:
        client.send(next(long_list))
        [connection] = await _connected(server)
        await until(lambda: connection._reader_timer is not None)
        client.send(HEAD)
        await until(lambda: connection._head_timer is not None)
        first = connection._head_timer
        await until(lambda: connection._head_timer is not first)
        client.send(b"Connection: close\r\n\r\n")
        await until(lambda: connection._head_timer is None)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # it can read
        received = await client.rest()
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert received.count(b'"uniqueid"') > LONG


async def _connected(server: Server) -> list[Connection]:
    await until(lambda: server.door.open == 1)
    return connections(server)


@pytest.mark.parametrize("parts", [1, 4])
async def test_a_head_that_is_too_long_as_a_whole_is_400(serve: Serve, parts: int) -> None:
    server = await serve()
    head = HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 1000) for n in range(20)) + b"\r\n"
    size = len(head) // parts + 1
    async with Raw(server) as client:
        for start in range(0, len(head), size):
            client.send(head[start : start + size])
            await client.writer.drain()
            await asyncio.sleep(0)
        status, body = await client.answer()
        assert (status, body["responses"][0]["code"]) == (400, "400")
        assert "POST" in body["responses"][0]["message"]
    assert server.door.ended[Limit.HEAD_BYTES] == 1


async def test_requests_may_come_before_answers_but_no_flood_of_long_ones(serve: Serve) -> None:
    server = await serve()
    async with Raw(server) as client:
        client.send(REQUEST * 100)
        for _ in range(100):
            assert (await client.answer())[0] == 200
        long = HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 1000) for n in range(15)) + b"\r\n"
        client.send(long)
        assert (await client.answer())[0] == 200
        client.send(long * 20)
        await client.rest()
    assert server.door.ended[Limit.HEAD_BYTES] == 1


async def test_a_line_that_is_too_long_is_400_whatever_the_head_may_have(serve: Serve) -> None:
    server = await serve(limits={"head_bytes": 1 << 20})
    async with Raw(server) as client:
        client.send(HEAD + b"X: " + b"x" * (LINE_BYTES + 1) + b"\r\n\r\n")
        assert (await client.answer())[0] == 400


@pytest.mark.parametrize("parts", [1, 30])
async def test_a_body_is_no_head(serve: Serve, parts: int) -> None:
    server = await serve(limits={"head_bytes": 1024, "head_seconds": 0.05})
    body = b"a=" + b"x" * 59_998
    head = f"POST {LIST_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    request = head.encode() + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + body
    size = len(request) // parts + 1
    async with Raw(server) as client:
        for start in range(0, len(request), size):
            client.send(request[start : start + size])
            await client.writer.drain()
            await asyncio.sleep(0.01)
        status, answered = await client.answer()
        assert (status, answered["responses"][0]["code"]) == (200, "401")
        client.send(REQUEST)
        assert (await client.answer())[0] == 200


# Idling


@pytest.mark.parametrize("requests", [0, 1])
async def test_an_idle_connection_is_closed(serve: Serve, requests: int) -> None:
    server = await serve(limits={"idle_seconds": 0.1})
    async with Raw(server) as client:
        for _ in range(requests):
            client.send(REQUEST)
            await client.answer()
        assert await client.rest() == b""
    await until(lambda: server.door.open == 0)


# Readers


async def test_who_stops_reading_a_long_answer_is_cut_and_costs_little(
    serve: Serve, long_list: Iterator[bytes]
) -> None:
    server = await serve(limits={"reader_seconds": 0.3})
    async with Raw(server, receive_bytes=4096) as client:
        client.send(next(long_list))
        [connection] = await _connected(server)
        held: list[int] = []

        def is_cut() -> bool:
            if connection.transport is not None:
                held.append(connection.transport.get_write_buffer_size())
            return server.door.ended[Limit.READER_SECONDS] == 1

        await until(is_cut)
        assert 0 < max(held) < SLICE_BYTES
        await until(lambda: server.door.open == 0)
        await until(lambda: not connections(server))


async def test_who_reads_no_short_answers_is_cut_too(serve: Serve) -> None:
    server = await serve(limits={"reader_seconds": 0.3})
    async with Raw(server, receive_bytes=4096) as client:
        await until(lambda: server.door.open == 1)
        request = REQUEST.replace(b"/healthz", b"/openapi.json")

        def is_cut() -> bool:
            if server.door.open:
                client.send(request * 10)
            return server.door.ended[Limit.READER_SECONDS] == 1

        await until(is_cut)
        await until(lambda: server.door.open == 0)


async def test_who_vanishes_leaves_nothing_behind(serve: Serve, long_list: Iterator[bytes]) -> None:
    server = await serve()
    async with Raw(server, receive_bytes=4096) as client:
        client.send(next(long_list))
        [connection] = await _connected(server)
        await until(lambda: connection._reader_timer is not None)
    await until(lambda: server.door.open == 0)
    assert connection._reader_timer is None
    await until(lambda: not connections(server))
    assert not any(server.door.ended.values())


async def test_a_slow_reader_that_goes_on_gets_everything(
    serve: Serve, long_list: Iterator[bytes]
) -> None:
    server = await serve()
    async with Raw(server, receive_bytes=4096) as client:
        client.send(next(long_list).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        [connection] = await _connected(server)
        await until(lambda: connection._reader_timer is not None)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # it can read
        received = await client.rest()
    assert received.count(b'"uniqueid"') == LONG + 2
    assert received.endswith(b"\r\n0\r\n\r\n")


# Connections


async def test_one_connection_too_many_is_503_until_another_leaves(serve: Serve) -> None:
    server = await serve(limits={"connections": 2})
    async with Raw(server) as first:
        async with Raw(server):
            await until(lambda: server.door.open == 2)
            async with Raw(server) as third:
                status, body = await third.answer()
                assert (status, body["responses"][0]["code"]) == (503, "503")
                assert await third.rest() == b""
            first.send(REQUEST)
            assert (await first.answer())[0] == 200
        await until(lambda: server.door.open == 1)
        async with Raw(server) as fourth:
            fourth.send(REQUEST)
            assert (await fourth.answer())[0] == 200
    assert server.door.ended[Limit.CONNECTIONS] == 1


async def test_one_client_may_have_so_many_and_a_trusted_proxy_any_number(serve: Serve) -> None:
    server = await serve(limits={"connections_per_client": 1})
    async with Raw(server), Raw(server) as second:
        assert (await second.answer())[0] == 503
    assert server.door.ended[Limit.CONNECTIONS_PER_CLIENT] == 1
    server = await serve(limits={"connections_per_client": 1}, trusted_proxies=("127.0.0.0/8",))
    async with Raw(server), Raw(server) as second:
        second.send(REQUEST)
        assert (await second.answer())[0] == 200


@pytest.mark.parametrize(
    ("peer", "address"), [(("192.0.2.1", 5), "192.0.2.1"), ("", ""), (None, "")]
)
def test_an_address_is_what_the_other_end_has(peer: Any, address: str) -> None:
    transport = asyncio.Transport({"peername": peer})
    assert address_of(transport) == address
