"""A request known by its bytes: answered as the long way would answer it now, or not at all."""

import logging
import random
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from callstate.core.model import Leg
from callstate.core.state import CallState
from callstate.metrics import Metrics
from callstate.web.answering import Answering
from callstate.web.app import LIST_PATH, PANEL_PATH
from callstate.web.auth import REMEMBER_SECONDS
from callstate.web.server import Server
from callstate.web.shortcuts import LENGTH, Shortcuts
from tests.web.wire import REQUEST, Raw, Serve, connections

LOOPS = ("asyncio", "uvloop")
STEPS = 400

replace = msgspec.structs.replace


class Taken:
    """How many requests were answered by their bytes."""

    def __init__(self) -> None:
        self.count = 0


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    taken, answer = Taken(), Shortcuts.answer

    def counted(self: Shortcuts, key: bytes) -> bytes | None:
        given = answer(self, key)
        taken.count += given is not None
        return given

    monkeypatch.setattr(Shortcuts, "answer", counted)
    return taken


@pytest.fixture
async def server(serve: Serve) -> Server:
    return await serve()


@pytest.fixture
def write(password: str) -> Callable[..., bytes]:
    """Write a request."""

    def write(
        user: str = "alice", *, path: str = LIST_PATH, head: str = "", secret: str = password,
        version: str = "1.1", **given: object,
    ) -> bytes:  # fmt: skip
        query = urlencode({"auth_username": user, "auth_password": secret} | given)
        return f"GET {path}?{query} HTTP/{version}\r\nHost: x\r\n{head}\r\n".encode()

    return write


async def whole(client: Raw, request: bytes) -> tuple[dict[str, str], bytes]:
    """Send a request; return the headers of the answer and its body, as they come."""
    client.send(request)
    head = (await client.reader.readuntil(b"\r\n\r\n")).decode()
    status, *lines = head.rstrip("\r\n").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert len(headers) == len(lines), "a header twice"
    body = await client.reader.readexactly(int(headers["Content-Length"]))
    return headers | {"": status}, body


async def known(client: Raw, request: bytes, taken: Taken) -> tuple[dict[str, str], bytes]:
    """Send a request until it is answered by its bytes; return that answer."""
    before = taken.count
    for _ in range(20):
        answer = await whole(client, request)
        if taken.count > before:
            return answer
    raise AssertionError("never known")


async def refused(client: Raw, request: bytes, taken: Taken) -> str:
    """Send a request that must go the long way; return the code of the answer, not 200."""
    before = taken.count
    _, body = await whole(client, request)
    assert taken.count == before
    [response] = msgspec.json.decode(body)["responses"]
    code: str = response["code"]
    assert code != "200"
    return code


@pytest.mark.parametrize(
    ("path", "given"),
    [
        (LIST_PATH, {}),
        (LIST_PATH, {"count": 1}),
        (LIST_PATH, {"names": 1}),
        (LIST_PATH, {"customer": 18, "sort": "snumber"}),
        (LIST_PATH, {"recursive": 1, "limit": 1}),
        (f"{LIST_PATH}/", {"snumber": "no such"}),
    ],
)
async def test_it_is_the_answer_of_the_long_way(
    serve: Serve, write: Any, taken: Taken, path: str, given: dict[str, object]
) -> None:
    async with Raw(await serve()) as client:
        request = write(path=path, **given)
        headers, body = await whole(client, request)
        short_headers, short_body = await known(client, request, taken)
    assert short_body == body
    assert short_headers | {"Date": ""} == headers | {"Date": ""}
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", short_headers["Date"])


async def test_the_panel_has_its_own(serve: Serve, write: Any, taken: Taken) -> None:
    async with Raw(await serve()) as client:
        request = write("wall", path=PANEL_PATH)
        _, body = await whole(client, request)
        assert (await known(client, request, taken))[1] == body
        assert b"billing_peer" not in body


async def test_a_web_site_is_named_in_both(serve: Serve, write: Any, taken: Taken) -> None:
    async with Raw(await serve(cors_origins=("https://wall.example",))) as client:
        for origin in ("https://wall.example", "https://other.example"):
            request = write(head=f"Origin: {origin}\r\n")
            headers, _ = await whole(client, request)
            short, _ = await known(client, request, taken)
            assert short | {"Date": ""} == headers | {"Date": ""}
            assert ("Access-Control-Allow-Origin" in short) == ("wall" in origin)


async def test_any_other_bytes_go_the_long_way(serve: Serve, write: Any, taken: Taken) -> None:
    async with Raw(await serve()) as client:
        await known(client, write(), taken)
        before = taken.count
        for other in (write(limit=1), write("wide"), write(path=f"{LIST_PATH}/"), REQUEST):
            await whole(client, other)
        assert await refused(client, write(secret="wrong"), taken) == "401"
        assert taken.count == before


# What it may be, and what is in it, is asked each time


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("401", {"password_hash": "$argon2id$another"}),
        ("401", {"disabled": True}),
        ("401", None),
        ("402", {"role": "none"}),
    ],
)
async def test_a_change_of_the_user_is_in_force_at_once(
    server: Server, write: Any, taken: Taken, state: CallState, *, code: str, changed: Any
) -> None:
    async with Raw(server) as client:
        await known(client, write(), taken)
        users = dict(state.directory.users)
        alice = users.pop("alice")
        if changed is not None:
            users["alice"] = replace(alice, **changed)
        state.directory = replace(state.directory, users=users)
        assert await refused(client, write(), taken) == code


async def test_a_new_directory_is_in_force_at_once(
    serve: Serve, write: Any, taken: Taken, state: CallState
) -> None:
    server = await serve()
    async with Raw(server) as client:
        request = write(names=1)
        _, before = await known(client, request, taken)
        assert b"Reception" in before
        directory = state.directory
        state.directory = replace(directory, names={(17, "101"): "Front desk"})
        for _ in range(2):
            _, after = await whole(client, request)
            assert b"Reception" not in after
            assert after == before.replace(b"Reception", b"Front desk")
        user = replace(directory.users["alice"], customer=18)
        state.directory = replace(directory, users={"alice": user})
        _, body = await known(client, write(), taken)
        assert {row["scustomer"] for row in msgspec.json.decode(body)["data"]} == {18}
        assert len(server._shortcuts) == 1


async def test_a_password_is_verified_again_in_time(
    serve: Serve, write: Any, taken: Taken, clock: Any, hasher: Any
) -> None:
    async with Raw(await serve()) as client:
        await known(client, write(), taken)
        clock.now += REMEMBER_SECONDS - 1
        await known(client, write(), taken)
        verified, before = len(hasher.verified), taken.count
        clock.now += 1
        await whole(client, write())
        assert (len(hasher.verified), taken.count) == (verified + 1, before)
        await known(client, write(), taken)


async def test_who_is_not_ready_gives_no_answer(
    serve: Serve, write: Any, taken: Taken, state: CallState
) -> None:
    async with Raw(await serve()) as client:
        await known(client, write(), taken)
        state.ready = False
        assert await refused(client, write(), taken) == "503"


async def test_it_says_how_old_its_truth_is(
    serve: Serve, write: Any, taken: Taken, state: CallState, clock: Any
) -> None:
    async with Raw(await serve()) as client:
        first, _ = await known(client, write(), taken)
        assert first["Callstate-As-Of"] == f"{clock.now - 2:.3f}"
        clock.now += 1
        state.alive(1, clock.now)
        state.alive(2, clock.now)
        then, _ = await known(client, write(), taken)
        assert then["Callstate-As-Of"] == f"{clock.now:.3f}"
        assert then["Date"] != first["Date"]
        state.closed(2, clock.now, "gone")
        clock.now += 14.2
        stale, _ = await known(client, write(), taken)
        assert stale["Callstate-Stale"] == "2;down=14.2"
        other, _ = await known(client, write(machines=1), taken)
        assert "Callstate-Stale" not in other


async def test_whatever_happens_it_answers_what_the_long_way_does(
    serve: Serve, write: Any, taken: Taken, state: CallState, *, clock: Any
) -> None:
    dice, store, usual = random.Random(5), state.store, state.directory
    wide = usual.users["wide"]
    directories = [
        replace(usual, users={**usual.users, "wide": user})
        for user in (wide, replace(wide, customer=1), replace(wide, role="none"))
    ]
    requests = [write(), write("wide", recursive=1), write("bob"), write(count=1), write(limit=2)]

    def happen() -> None:
        match dice.randrange(8):
            case 0:
                state.directory = dice.choice(directories)
            case 1:
                clock.now += dice.choice((0.1, 60))
            case 2:
                store.remove(dice.choice(list(store)).key)
            case _:
                customer, second = dice.choice((17, 18, 20)), dice.randrange(4)
                store.put(
                    Leg(
                        machine=1, uniqueid=f"17954792{second}0.1", start=1795479200 + second,
                        scustomer=customer, snumber="101", stype=dice.choice(("phone", "queue")),
                    )
                )  # fmt: skip

    server = await serve()
    async with Raw(server) as one, Raw(server) as other:
        for step in range(STEPS):
            if dice.random() < 0.5:
                happen()
            request = dice.choice(requests)
            headers, body = await whole(one, request)
            # Another header each time: nobody knows these bytes.
            long = request[:-2] + b"X-Request-Id: %d\r\n\r\n" % step
            long_headers, long_body = await whole(other, long)
            assert body == long_body
            assert headers | {"Date": ""} == long_headers | {"Date": ""}
    assert taken.count > STEPS / 4


# What is never taken for a known request


@pytest.mark.parametrize(
    "head", ["Expect: 100-continue\r\n", "Upgrade: h2c\r\n", f"X: {'x' * LENGTH}\r\n"]
)
async def test_some_requests_go_the_long_way_always(
    serve: Serve, write: Any, taken: Taken, head: str
) -> None:
    server = await serve()
    async with Raw(server) as client:
        for _ in range(3):
            client.send(write(head=head))
            answer = await client.reader.readuntil(b"\r\n\r\n")
            if b" 100 " in answer:
                answer = await client.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", answer)
            assert length is not None
            await client.reader.readexactly(int(length[1]))
    assert (taken.count, len(server._shortcuts)) == (0, 0)


async def test_nor_is_what_must_close(serve: Serve, write: Any) -> None:
    server = await serve()
    for request in (write(head="Connection: close\r\n"), write(version="1.0")):
        async with Raw(server) as client:
            client.send(request)
            assert b" 200 OK" in await client.rest()
    assert len(server._shortcuts) == 0


async def test_nor_is_a_request_with_a_body(serve: Serve, write: Any, taken: Taken) -> None:
    server = await serve()
    body = b"limit=1"
    head = write(head=f"Content-Length: {len(body)}\r\nContent-Type: text/plain\r\n")
    form = head.replace(b"text/plain", b"application/x-www-form-urlencoded")
    async with Raw(server) as client:
        for _ in range(3):
            client.send(form)
            rows = msgspec.json.decode((await whole(client, body))[1])["data"]
            assert len(rows) == 1
    assert (taken.count, len(server._shortcuts)) == (0, 0)


@pytest.mark.parametrize(
    "begin",
    [
        b"GET /healthz HTTP/1.1\r\nX-Part: ",
        REQUEST + b"GET /healthz HTTP/1.1\r\nX-Part: ",
        b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
        REQUEST + b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
    ],
)
async def test_known_bytes_within_another_request_are_none(
    server: Server, write: Any, taken: Taken, begin: bytes
) -> None:
    async with Raw(server) as client:
        await known(client, write(), taken)
        before = taken.count
        client.send(begin)
        if begin.startswith(REQUEST):
            assert (await client.answer())[0] == 200
        _, body = await whole(client, write())
        assert b"uniqueid" not in body
        assert taken.count == before


async def test_nor_are_known_bytes_behind_a_request(serve: Serve, write: Any, taken: Taken) -> None:
    async with Raw(await serve()) as client:
        await known(client, write(), taken)
        client.send(write("wide", customer="system") + write())
        four, two = (await client.answer())[1], (await client.answer())[1]
        assert (len(four["data"]), len(two["data"])) == (4, 2)


async def test_an_answer_that_became_long_goes_the_long_way(
    serve: Serve, write: Any, taken: Taken, state: CallState
) -> None:
    async with Raw(await serve()) as client:
        await known(client, write(), taken)
        for number in range(300):
            state.store.put(Leg(machine=1, uniqueid=f"1795480000.{number}", scustomer=17))
        before = taken.count
        client.send(write())
        answer = b""
        while not answer.endswith(b"\r\n0\r\n\r\n"):
            answer += await client.reader.read(1 << 16)
        assert (answer.count(b'"uniqueid"'), taken.count) == (302, before)


async def test_as_many_are_known_as_is_allowed(server: Server, write: Any, taken: Taken) -> None:
    shortcuts = server._shortcuts
    shortcuts._size = 3
    async with Raw(server) as client:
        for limit in range(5):
            await known(client, write(limit=limit), taken)
        assert len(shortcuts) == len(shortcuts._seen) == 3
        before = taken.count
        await whole(client, write(limit=0))
        assert taken.count == before


async def test_what_comes_once_only_pushes_nobody_out(
    server: Server, write: Any, taken: Taken
) -> None:
    shortcuts = server._shortcuts
    shortcuts._size = 3
    async with Raw(server) as client:
        await known(client, write(), taken)
        for number in range(10):
            await whole(client, write(head=f"X-Request-Id: {number}\r\n"))
        assert len(shortcuts) == 1
        before = taken.count
        await whole(client, write())
        assert taken.count == before + 1


# What is told of it


async def test_it_is_counted_and_logged_like_any_other(
    serve: Serve, write: Any, taken: Taken, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    async with Raw(await serve()) as client:
        await whole(client, write())
        before = metrics.requests[200]
        with caplog.at_level(logging.INFO):
            await known(client, write(), taken)
    *_, record = [record for record in caplog.records if record.message == "request"]
    told = vars(record)
    assert (told["method"], told["path"], told["code"], told["rows"]) == ("GET", LIST_PATH, 200, 2)
    assert told["milliseconds"] >= 0
    assert metrics.requests[200] > before
    assert sum(metrics.queries.counts) == metrics.requests[200]


async def test_a_fault_of_ours_is_told_by_the_long_way(
    serve: Serve, write: Any, taken: Taken, *, monkeypatch: Any, caplog: Any
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("a detail")

    async with Raw(await serve()) as client:
        await known(client, write(), taken)
        monkeypatch.setattr(Answering, "at_once", fail)
        assert await refused(client, write(), taken) == "500"
    assert "shortcut failed" in caplog.text
    assert "correct" not in caplog.text


async def test_a_connection_that_is_answered_so_is_not_idle(
    serve: Serve, write: Any, taken: Taken
) -> None:
    server = await serve()
    async with Raw(server) as client:
        await known(client, write(), taken)
        [connection] = connections(server)
        connection._next_keepalive_close_time = 0.0
        await known(client, write(), taken)
        assert connection._next_keepalive_close_time > connection._loop.time()
