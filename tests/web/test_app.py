"""The contract: every route, code and error through one assertion, and each parameter's effect."""

import gzip
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web

from callstate.config import HttpLimits
from callstate.core.directory import Directory, SourceState, SourceStatus
from callstate.core.model import Leg
from callstate.core.state import CallState
from callstate.web import answering
from callstate.web.app import LIST_PATH, PANEL_PATH
from callstate.web.rows import FIELDS, NAME_FIELDS, PANEL_FIELDS
from callstate.web.throttle import ADDRESS_FAILURES, NAME_FAILURES
from tests.web.envelope import JSON, Ask, code_of, ids_of, keys_of
from tests.web.wire import Raw, Serve

OURS = ("1795479234.1", "1795479240.2")


# Routes, methods, codes


@pytest.mark.parametrize("path", [LIST_PATH, f"{LIST_PATH}/"])
async def test_the_list_is_answered_with_and_without_a_slash(ask: Ask, path: str) -> None:
    assert ids_of(await ask(path=path)) == OURS


@pytest.mark.parametrize("path", [PANEL_PATH, f"{PANEL_PATH}/"])
async def test_the_panel_is_answered_with_and_without_a_slash(ask: Ask, path: str) -> None:
    body = await ask("wall", path=path)
    assert ids_of(body) == OURS
    assert all(list(row) == [field.name for field in PANEL_FIELDS] for row in body["data"])


@pytest.mark.parametrize("path", [LIST_PATH, PANEL_PATH])
async def test_forms_and_json_are_answered_too(fetch: Ask, password: str, path: str) -> None:
    user = "alice" if path == LIST_PATH else "wall"
    given = {"auth_username": user, "auth_password": password, "customer": 17}
    for kwargs in ({"data": given}, {"json": given}):
        assert len(ids_of(await fetch(path, method="POST", **kwargs))) == 2


async def test_query_string_and_body_are_one_request(fetch: Ask, password: str) -> None:
    path = f"{LIST_PATH}?auth_username=alice"
    body = await fetch(path, method="POST", data={"auth_password": password})
    assert ids_of(body) == OURS
    body = await fetch(path, method="POST", data={"auth_username": "alice"})
    assert (code_of(body), keys_of(body)) == ("400", ["auth_username"])


@pytest.mark.parametrize("path", ["/", "/api/json/calls/active/list/x", "/API/json", "/%FF", "//"])
async def test_other_paths_are_404(fetch: Ask, path: str) -> None:
    assert code_of(await fetch(path)) == "404"


@pytest.mark.parametrize("path", [LIST_PATH, PANEL_PATH, "/healthz", "/openapi.json"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_other_methods_are_405(fetch: Ask, path: str, method: str) -> None:
    body = await fetch(path, method=method)
    assert code_of(body) == "405"
    assert "GET" in body["headers"]["Allow"]


async def test_a_head_request_is_not_answered_as_if_it_were_a_success(client: Any) -> None:
    assert (await client.head(LIST_PATH)).status == 405
    assert (await client.head("/healthz")).status == 200


async def test_a_large_body_is_413(fetch: Ask) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    large = b"x" * (HttpLimits().body_bytes + 1)
    assert code_of(await fetch(method="POST", data=large, headers=headers)) == "413"


async def test_a_body_that_is_not_what_it_says_is_400(fetch: Ask) -> None:
    headers = {"Content-Type": "application/json"}
    for data in (b"no json", b"x" * 100):
        assert code_of(await fetch(method="POST", data=data, headers=headers)) == "400"
    assert code_of(await fetch(method="POST", data=b"x", headers={})) == "400"


async def test_a_compressed_body_is_400(fetch: Ask) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    data = gzip.compress(b'{"auth_username": "alice"}')
    assert code_of(await fetch(method="POST", data=data, headers=headers)) == "400"


async def test_a_body_that_cannot_be_received_is_400(
    fetch: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(_request: web.Request) -> bytes:
        raise web.RequestPayloadError("a broken chunk")

    monkeypatch.setattr(web.Request, "read", read)
    body = await fetch(method="POST", data=b"limit=1")
    assert (code_of(body), keys_of(body)) == ("400", [""])


async def test_a_body_that_does_not_come_is_408(serve: Serve) -> None:
    server = await serve(limits={"body_seconds": 0.05})
    async with Raw(server) as client:
        client.send(f"POST {LIST_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n".encode())
        assert (await client.answer())[0] == 408


async def test_who_failed_behind_a_trusted_proxy_does_not_hold_up_the_others(serve: Serve) -> None:
    server = await serve(trusted_proxies=("127.0.0.1",))
    request = f"GET {LIST_PATH}?auth_username=%s&auth_password=wrong HTTP/1.1\r\nHost: x\r\n"

    async def ask(number: int, forwarded: str) -> str:
        head = f"{request % number}X-Forwarded-For: {forwarded}\r\n\r\n"
        client.send(head.encode())
        return code_of((await client.answer())[1])

    async with Raw(server) as client:
        for number in range(ADDRESS_FAILURES):
            # What the client itself wrote is not believed.
            assert await ask(number, f"198.51.100.{number}, 192.0.2.1") == "401"
        assert await ask(99, "198.51.100.99, 192.0.2.1") == "429"
        assert await ask(99, "192.0.2.1, 192.0.2.2") == "401"


async def test_without_a_trusted_proxy_nobody_is_believed(serve: Serve) -> None:
    server = await serve()
    request = f"GET {LIST_PATH}?auth_username=%s&auth_password=wrong HTTP/1.1\r\nHost: x\r\n"
    codes = []
    async with Raw(server) as client:
        for number in range(ADDRESS_FAILURES + 1):
            client.send(f"{request % number}X-Forwarded-For: 192.0.2.{number}\r\n\r\n".encode())
            codes.append(code_of((await client.answer())[1]))
    assert codes == ["401"] * ADDRESS_FAILURES + ["429"]


@pytest.mark.parametrize("path", [LIST_PATH, "/healthz", "/metrics", "/nowhere"])
async def test_every_answer_has_the_headers_of_security(client: Any, path: str) -> None:
    async with client.get(path) as response:
        headers = response.headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Server"] == "callstate"


@pytest.mark.parametrize("path", [LIST_PATH, PANEL_PATH, "/readyz"])
async def test_before_it_is_ready_it_is_503(fetch: Ask, state: CallState, path: str) -> None:
    state.ready = False
    body = await fetch(path)
    assert code_of(body) == "503"
    assert body["headers"]["Retry-After"] == "1"


async def test_before_it_is_ready_it_says_of_each_machine_why(fetch: Ask, state: CallState) -> None:
    state.ready = False
    state.closed(2, 0.0, "silent for 15 s")
    told = await fetch("/readyz")
    assert code_of(told) == "503"
    first, *machines = told["responses"]
    assert first["message"].startswith("Not ready: ")
    assert machines == [{"code": "503", "key": "machine[2]", "message": "silent for 15 s"}]


async def test_without_a_directory_it_says_what_it_waits_for(fetch: Ask, state: CallState) -> None:
    state.ready = False
    state.source = SourceStatus(state=SourceState.UNAVAILABLE)
    said = (await fetch("/readyz"))["responses"][0]
    assert said["code"] == "503"
    assert said["message"].startswith("Not ready: the directory's database does not answer")


async def test_a_fault_of_ours_is_500_without_details(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("a detail")

    monkeypatch.setattr(answering, "run_short", fail)
    body = await ask()
    assert body["responses"] == [{"code": "500", "key": "", "message": "Internal server error."}]
    assert "a detail" in caplog.text


async def test_the_other_endpoints(client: Any, fetch: Ask, ask: Ask, state: CallState) -> None:
    assert code_of(await fetch("/healthz")) == "200"
    await ask()
    state.closed(2, 0.0, "gone")
    state.source = SourceStatus(state=SourceState.REFUSED, loaded_at=1795479234.5)
    told = await fetch("/readyz")
    assert code_of(told) == "200"
    machines = told["data"]["machines"]
    assert [(each["in_step"], each["last_error"]) for each in machines] == [
        (True, ""),
        (False, "gone"),
    ]
    assert told["data"]["directory"]["state"] == "refused"
    async with client.get("/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert 'callstate_http_requests_total{code="200"}' in await response.text()
    async with client.get("/openapi.json") as response:
        assert response.headers["Content-Type"] == JSON
        assert (await response.json())["openapi"] == "3.1.0"


# Credentials and roles


@pytest.mark.parametrize(
    "query",
    [
        "",
        "auth_username=alice",
        "auth_password=correct+horse",
        "auth_username=alice&auth_password=",
        "auth_username=alice&auth_password=wrong",
        "auth_username=nobody&auth_password=correct+horse",
        "auth_username=empty&auth_password=x",
        # Bad parameters are no business of strangers.
        "auth_username=alice&auth_password=wrong&limit=x",
    ],
)
async def test_every_fault_of_credentials_is_the_same_401(fetch: Ask, query: str) -> None:
    body = await fetch(f"{LIST_PATH}?{query}")
    assert body["responses"] == [{"code": "401", "key": "", "message": "Authentication failed."}]


async def test_a_request_that_may_mean_two_things_is_400_whoever_asks(fetch: Ask) -> None:
    body = await fetch(f"{LIST_PATH}?limit=1&limit=2&auth_password=a;auth_password=b")
    assert keys_of(body) == ["auth_password", "limit"]
    assert code_of(body) == "400"


async def test_repeated_failures_are_429(fetch: Ask) -> None:
    path = f"{LIST_PATH}?auth_username=alice&auth_password=wrong"
    codes = [code_of(await fetch(path)) for _ in range(NAME_FAILURES + 1)]
    assert codes == ["401"] * NAME_FAILURES + ["429"]
    assert int((await fetch(path))["headers"]["Retry-After"]) >= 1


async def test_others_are_not_locked_out(fetch: Ask, ask: Ask) -> None:
    path = f"{LIST_PATH}?auth_username=alice&auth_password=wrong"
    for _ in range(NAME_FAILURES + 1):
        await fetch(path)
    assert code_of(await ask("owner")) == "200"


@pytest.mark.parametrize(
    ("user", "path"),
    [("nina", LIST_PATH), ("wall", LIST_PATH), ("nina", PANEL_PATH), ("alice", PANEL_PATH)],
)
async def test_a_role_without_the_privilege_is_402(ask: Ask, user: str, path: str) -> None:
    body = await ask(user, path=path, limit="x", customer="x")
    assert body["responses"] == [
        {"code": "402", "key": "", "message": "Your role does not allow this."}
    ]


async def test_a_personal_user_sees_his_own_lines_only(ask: Ask) -> None:
    assert ids_of(await ask("bob")) == OURS[:1]


# Customers


@pytest.mark.parametrize(
    ("user", "given", "number"),
    [
        ("alice", {}, 2),
        ("alice", {"customer": "17"}, 2),
        ("alice", {"customer": "17", "recursive": "1"}, 3),
        ("alice", {"recursive": "1"}, 3),
        ("alice", {"customer": "18"}, 1),
        ("alice", {"customer": "all"}, 1),
        ("owner", {"customer": "all"}, 3),
        ("owner", {"customer": "all", "recursive": "1"}, 3),
        ("owner", {}, 0),
        ("owner", {"customer": "system"}, 4),
        ("wide", {"customer": "system"}, 4),
    ],
)
async def test_a_customer_gives_the_scope(
    ask: Ask, user: str, given: dict[str, str], number: int
) -> None:
    assert len(ids_of(await ask(user, **given))) == number


@pytest.mark.parametrize("customer", ["1", "20", "99", "0", "-1", "x", "ALL", "9" * 50])
async def test_any_other_customer_is_400_with_one_text(ask: Ask, customer: str) -> None:
    body = await ask(customer=customer)
    other = await ask(customer="1")
    assert (code_of(body), keys_of(body)) == ("400", ["customer"])
    assert body["responses"] == other["responses"]


async def test_customer_recursive_names_what_replaced_it(ask: Ask) -> None:
    [entry] = (await ask(customer="recursive"))["responses"]
    assert (entry["code"], entry["key"]) == ("400", "customer")
    assert "recursive=1" in entry["message"]


async def test_customer_system_is_not_for_everybody(ask: Ask) -> None:
    assert code_of(await ask(customer="system")) == "402"


async def test_the_panel_takes_an_id_only(ask: Ask) -> None:
    assert len(ids_of(await ask("wall", path=PANEL_PATH, customer="18"))) == 1
    for customer in ("all", "system", "20"):
        body = await ask("wall", path=PANEL_PATH, customer=customer)
        assert (code_of(body), keys_of(body)) == ("400", ["customer"])


async def test_the_panel_has_no_other_parameters(ask: Ask) -> None:
    assert len(ids_of(await ask("wall", path=PANEL_PATH, limit="x", count="1"))) == 2


# Parameters, one by one


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ({"direction": "internal"}, OURS[:1]),
        ({"direction": "out"}, OURS[1:]),
        ({"direction": "in_out"}, OURS[1:]),
        ({"sort": "snumber", "descending": "1"}, OURS[::-1]),
        ({"sort": "cnumber"}, OURS[::-1]),
        ({"descending": "1"}, OURS[::-1]),
        ({"callername_number": "jÜRG"}, OURS[:1]),
        ({"callername_number": "carrier"}, OURS[1:]),
        ({"callername_number": "arrier", "callername_match": "start"}, ()),
        ({"callid": "1795479234.1"}, OURS),
        ({"callid": "1795479234"}, ()),
        ({"phone": "101"}, OURS[:1]),
        ({"phone": "303"}, ()),
        ({"stype": "queue"}, OURS[1:]),
        ({"ctype": "phone"}, OURS[:1]),
        ({"dtype": "external"}, OURS[1:]),
        ({"dtype": "extern"}, ()),
        ({"snumber": "0"}, OURS),
        ({"snumber": "10", "smatch": "start"}, OURS[:1]),
        ({"snumber": "01", "smatch": "exact"}, ()),
        ({"cnumber": "202"}, OURS[:1]),
        ({"cnumber": "555", "cmatch": "end"}, OURS[1:]),
        ({"cnumber": "+4930555", "cmatch": "exact"}, OURS[1:]),
        ({"dnumber": "202"}, OURS[:1]),
        ({"dnumber": "55", "dmatch": "start"}, ()),
        ({"machines": " 1 , 7"}, OURS),
        ({"machines": "2"}, ()),
        ({"machines": "7"}, ()),
        ({"limit": "1"}, OURS[:1]),
        ({"limit": "1", "descending": "1"}, OURS[1:]),
        ({"limit": "0"}, OURS),
        ({"nonsense": "1"}, OURS),
        ({"snumber": "", "limit": "", "customer": "", "sort": ""}, OURS),
    ],
)
async def test_a_parameter_does_what_the_table_says(
    ask: Ask, given: dict[str, str], ids: tuple[str, ...]
) -> None:
    assert ids_of(await ask(**given)) == ids


async def test_count_counts_all_whatever_the_limit(ask: Ask) -> None:
    assert (await ask(count="1", limit="1"))["data"] == {"count": 2}
    assert (await ask(count="1", snumber="none"))["data"] == {"count": 0}


async def test_names_adds_six_fields(ask: Ask) -> None:
    for row in (await ask())["data"]:
        assert list(row) == [field.name for field in FIELDS]
    first, _ = (await ask(names="1"))["data"]
    assert list(first) == [field.name for field in (*FIELDS, *NAME_FIELDS)]
    assert (first["snumber_name"], first["snumber_display"]) == ("Reception", "Reception <101>")
    assert (first["dnumber_name"], first["dnumber_display"]) == ("", "202")


async def test_all_bad_parameters_are_told_in_the_order_of_the_table(ask: Ask) -> None:
    body = await ask(limit="-1", machines="a", customer="99", recursive="2", sort="x")
    assert code_of(body) == "400"
    assert keys_of(body) == ["customer", "recursive", "sort", "machines", "limit"]


async def test_bytes_that_are_not_utf8_are_400(fetch: Ask) -> None:
    body = await fetch(f"{LIST_PATH}?auth_username=alice&snumber=%FF")
    assert (code_of(body), keys_of(body)) == ("400", ["snumber"])


# Freshness


async def test_every_success_says_how_old_its_truth_is(ask: Ask) -> None:
    for given in ({}, {"count": "1"}, {"snumber": "none"}):
        headers = (await ask(**given))["headers"]
        assert headers["Callstate-As-Of"] == "1795479298.000"
        assert "Callstate-Stale" not in headers
    headers = (await ask(machines="1"))["headers"]
    assert headers["Callstate-As-Of"] == "1795479299.000"


async def test_machines_out_of_step_are_named(ask: Ask, state: CallState, clock: Any) -> None:
    state.closed(2, clock.now - 14.2, "gone")
    state.add_machine(5)
    headers = (await ask())["headers"]
    assert headers["Callstate-Stale"] == "2;down=14.2, 5;never"
    assert "Callstate-Stale" not in (await ask(machines="1"))["headers"]
    headers = (await ask("wall", path=PANEL_PATH))["headers"]
    assert headers["Callstate-Stale"] == "2;down=14.2, 5;never"


async def test_nothing_known_of_a_machine_is_not_called_fresh(ask: Ask, state: CallState) -> None:
    state.add_machine(5)
    headers = (await ask(machines="5"))["headers"]
    assert headers["Callstate-Stale"] == "5;never"
    assert "Callstate-As-Of" not in headers


# Long lists


@pytest.mark.parametrize("names", ["0", "1"])
async def test_a_long_list_is_the_same_list(ask: Ask, state: CallState, names: str) -> None:
    for number in range(1100):
        state.store.put(
            Leg(machine=1, uniqueid=f"1795480000.{number}", start=1795480000, scustomer=17)
        )
    body = await ask(names=names)
    assert len(ids_of(body)) == 1102
    assert body["headers"]["Transfer-Encoding"] == "chunked"
    assert "Callstate-As-Of" in body["headers"]
    assert (await ask(count="1"))["data"] == {"count": 1102}


async def test_text_that_was_not_utf8_breaks_no_answer(ask: Ask, state: CallState) -> None:
    state.store.put(Leg(machine=1, uniqueid="\udcff", callid="odd", scustomer=17))
    [row] = (await ask(callid="odd"))["data"]
    assert row["uniqueid"] == "\ufffd"


# As the clients do


async def test_a_client_from_the_wild_is_content(client: Any, password: str) -> None:
    given = {"auth_username": "alice", "auth_password": password, "customer": "17"}
    query = ";".join(f"{name}={quote(value)}" for name, value in given.items())
    async with client.get(f"{LIST_PATH}/?{query}") as response:
        if response.status != 200:
            raise AssertionError("the server is broken")
        answer = await response.json()
    for entry in answer["responses"]:
        if entry["code"] != "200":
            raise AssertionError(entry["message"])
    newest = max(float(row["uniqueid"]) for row in answer["data"])
    assert newest == pytest.approx(1795479240.2)


async def test_one_connection_serves_many_requests(ask: Ask, client: Any) -> None:
    for _ in range(3):
        await ask()
        await ask(limit="x")
    assert len(client.server.handler.connections) == 1


async def test_a_new_directory_is_in_force_at_once(
    ask: Ask, state: CallState, make_directory: Callable[..., Directory]
) -> None:
    assert code_of(await ask()) == "200"
    state.directory = make_directory(password="another")
    assert code_of(await ask()) == "401"


async def test_credentials_are_nowhere(
    ask: Ask, fetch: Ask, caplog: pytest.LogCaptureFixture, password: str
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = [str(await ask()), str(await ask(limit="x"))]
    hunter = "auth_username=alice;auth_password=hunter2"
    for path in (
        f"{LIST_PATH}?{hunter}&{hunter}",
        f"{LIST_PATH}?{hunter}",
        f"{LIST_PATH}&{hunter}",
    ):
        shown.append(str(await fetch(path)))
        shown.append(str(await fetch(LIST_PATH, method="POST", data=f"{hunter}\xff")))
    shown += [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    assert any("callstate.web" in text for text in shown)
    for secret in ("hunter2", password, quote(password), "correct+horse"):
        assert not any(secret in text for text in shown)
