"""The contract with clients, row by row, against the running application over a socket.

The tests follow the contract: the request, the answer, the fields, users, customers, the
panel. Each row has one test here that would fail without it; what a row means in all its
cases is tested beside the module that does it.
"""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from callstate.core import events as ev
from callstate.core.directory import Directory
from callstate.core.events import ChannelSnapshot, ChannelState
from callstate.core.inference import Endpoint
from callstate.core.model import Leg
from callstate.core.state import CallState
from callstate.web.app import LIST_PATH, PANEL_PATH
from callstate.web.params import PARAMS
from callstate.web.throttle import ADDRESS_FAILURES, NAME_FAILURES
from tests.web.envelope import Ask, code_of, ids_of, keys_of

WHO = "auth_username=alice&auth_password=correct+horse"
ROW = (
    "answered int, billing_peer int, callerid_external str, callerid_internal str, "
    "callername_external str, callername_internal str, callid str, channel str, cnumber str, "
    "ctype str, dcustomer int, dnumber str, dtype str, ingroup int, machine int, outgroup int, "
    "overmax int, peer int, recording str, scustomer int, sip_callid str, snumber str, "
    "spresent int, start int, status str, stype str, uniqueid str, direction str"
)
NAMES = (
    "snumber_name str, cnumber_name str, dnumber_name str, "
    "snumber_display str, cnumber_display str, dnumber_display str"
)
BILLING = {"billing_peer", "ingroup", "outgroup", "overmax"}


def described(row: Any) -> str:
    return ", ".join(f"{name} {type(value).__name__}" for name, value in row.items())


@pytest.fixture
def put(state: CallState) -> Callable[..., None]:
    """Put legs of customer 17 in the place of all others: one for each value of a field."""

    def put(field: str, *values: Any, **others: Any) -> None:
        for leg in list(state.store):
            state.store.remove(leg.key)
        for number, value in enumerate(values):
            given: dict[str, Any] = {"machine": 1, "uniqueid": f"1000000000.{number}"}
            given["scustomer"] = 17
            state.store.put(Leg(**(given | others | {field: value})))

    return put


# 1. Request


@pytest.mark.parametrize("path", [LIST_PATH, PANEL_PATH])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_path_with_and_without_slash(ask: Ask, path: str, slash: str) -> None:
    assert len(ids_of(await ask("alice" if path == LIST_PATH else "wall", path + slash))) == 2


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("GET", {}),
        ("POST", {"data": {"limit": "1"}}),
        ("POST", {"json": {"limit": 1}}),
        ("POST", {"json": {"limit": "1"}}),
    ],
)
async def test_methods_get_post_form_and_json(fetch: Ask, method: str, body: Any) -> None:
    answer = await fetch(f"{LIST_PATH}?{WHO}{'' if body else '&limit=1'}", method=method, **body)
    assert len(ids_of(answer)) == 1


@pytest.mark.parametrize("query", ["{0};limit=1", "{0}&limit=1", "limit=1;{0};count=0"])
async def test_separators(fetch: Ask, query: str) -> None:
    for who in (WHO, WHO.replace("&", ";")):
        assert len(ids_of(await fetch(f"{LIST_PATH}?{query.format(who)}"))) == 1


async def test_encoding(fetch: Ask, put: Any) -> None:
    put("callername_internal", "Jürgen Maß", "x")
    for text in ("J%C3%BCrgen+Ma%C3%9F", "J%c3%bcrgen%20Ma%c3%9f"):
        assert len(ids_of(await fetch(f"{LIST_PATH}?{WHO}&callername_number={text}"))) == 1
    for bad in ("%FC", "%C3", "%C0%80", "%ED%A0%80", "%F4%90%80%80"):
        body = await fetch(f"{LIST_PATH}?{WHO}&callername_number={bad}")
        assert (code_of(body), keys_of(body)) == ("400", ["callername_number"])


@pytest.mark.parametrize("param", PARAMS, ids=[param.name for param in PARAMS])
async def test_a_parameter_twice(fetch: Ask, param: Any) -> None:
    for query, data in ((f"{param.name}=1;{param.name}=1", ""), (f"{param.name}=1",) * 2):
        kwargs = {"data": data, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
        body = await fetch(f"{LIST_PATH}?{query}", method="POST", **kwargs)
        assert (code_of(body), keys_of(body)) == ("400", [param.name])


async def test_query_string_and_body(fetch: Ask) -> None:
    body = await fetch(f"{LIST_PATH}?{WHO}", method="POST", data={"limit": "1", "sort": "peer"})
    assert len(ids_of(body)) == 1


async def test_unknown_parameters(ask: Ask) -> None:
    assert len(ids_of(await ask(nonsense="1", callback="x", Limit="x"))) == 2


@pytest.mark.parametrize(
    "param", [param for param in PARAMS if not param.required], ids=lambda param: param.name
)
async def test_empty_value(ask: Ask, param: Any) -> None:
    assert (await ask(**{param.name: ""}))["data"] == (await ask())["data"]


async def test_empty_password(fetch: Ask) -> None:
    assert code_of(await fetch(f"{LIST_PATH}?auth_username=empty&auth_password=")) == "401"


@pytest.mark.parametrize("missing", ["auth_username", "auth_password"])
async def test_auth_is_required(fetch: Ask, missing: str) -> None:
    given = {"auth_username": "alice", "auth_password": "correct horse"}
    del given[missing]
    assert code_of(await fetch(method="POST", data=given)) == "401"


async def test_customer_default(ask: Ask) -> None:
    assert (await ask())["data"] == (await ask(customer="17"))["data"]


async def test_recursive(ask: Ask) -> None:
    assert len(ids_of(await ask(recursive="1"))) == len(ids_of(await ask(recursive="0"))) + 1
    assert ids_of(await ask(customer="all", recursive="1")) == ids_of(await ask(customer="all"))


async def test_count(ask: Ask) -> None:
    assert (await ask(count="1", limit="1"))["data"] == {"count": 2}
    assert isinstance((await ask(count="0"))["data"], list)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", "012345"),
        ("in", "03"),
        ("out", "123"),
        ("internal", "45"),
        ("in_out", "0123"),
    ],
)
async def test_direction(ask: Ask, state: CallState, wanted: str, found: str) -> None:
    for leg in list(state.store):
        state.store.remove(leg.key)
    sides = ["external>phone in", "phone>external out", "phone>peer out", "peer>external out"]
    sides += ["phone>phone internal", "queue>phone internal"]
    for number, side in enumerate(sides):
        types, _, direction = side.partition(" ")
        stype, _, dtype = types.partition(">")
        state.store.put(
            Leg(machine=1, uniqueid=f"1.{number}", scustomer=17, stype=stype, dtype=dtype,
                direction=direction)
        )  # fmt: skip
    rows = (await ask(direction=wanted))["data"]
    assert "".join(sorted(row["uniqueid"][-1] for row in rows)) == found


TEXTS = ("aB", "b", "C", "ä")
NUMBERS = (2, 10, 100)


@pytest.mark.parametrize(
    ("sort", "values"),
    [
        *[(name, TEXTS) for name in ["cnumber", "ctype", "dnumber", "dtype", "snumber", "stype"]],
        ("direction", ("in", "internal", "out")),
        *[(name, NUMBERS) for name in ("machine", "peer")],
        ("scustomer", (2, 10, 17)),
        ("uniqueid", ("999999999.10", "x-1000000000.2", "1000000000.10", "1000000000.100")),
        ("start", NUMBERS),
    ],
)
async def test_sort(ask: Ask, put: Any, sort: str, values: Any) -> None:
    put(sort, *reversed(values), dcustomer=17)
    for descending, expected in (("0", [*values]), ("1", [*reversed(values)])):
        rows = (await ask(sort=sort, descending=descending))["data"]
        assert [row[sort] for row in rows] == expected


async def test_sort_default_is_start(ask: Ask, put: Any) -> None:
    put("start", 100, 2, 10)
    assert (await ask())["data"] == (await ask(sort="start"))["data"]
    assert [row["start"] for row in (await ask())["data"]] == [2, 10, 100]


async def test_ties(ask: Ask, state: CallState, put: Any) -> None:
    put("start", 2, 1, 1, snumber="1")
    state.store.put(Leg(machine=2, uniqueid="1000000000.1", start=1, scustomer=17, snumber="1"))
    expected = [(1, "1000000000.1", 1), (1, "1000000000.1", 2), (1, "1000000000.2", 1)]
    expected.append((2, "1000000000.0", 1))
    for sort in ("snumber", "peer", "start"):
        for descending in (False, True):
            rows = (await ask(sort=sort, descending=int(descending)))["data"]
            found = [(row["start"], row["uniqueid"], row["machine"]) for row in rows]
            assert found == (expected[::-1] if descending else expected)
            [first] = (await ask(sort=sort, descending=int(descending), limit=1))["data"]
            assert first == rows[0]


async def test_names(ask: Ask) -> None:
    [row, _] = (await ask(names="1"))["data"]
    assert described(row) == f"{ROW}, {NAMES}"
    assert (row["snumber_name"], row["snumber_display"]) == ("Reception", "Reception <101>")
    assert (row["cnumber_name"], row["cnumber_display"]) == ("", "202")
    assert described((await ask(names="0"))["data"][0]) == ROW


@pytest.mark.parametrize(
    ("match", "found"),
    [("", "0123"), ("contains", "0123"), ("exact", "0"), ("start", "02"), ("end", "01")],
)
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("snumber", "snumber"),
        ("cnumber", "cnumber"),
        ("dnumber", "dnumber"),
        ("callername_number", "callername_internal"),
        ("callername_number", "callername_external"),
    ],
)
async def test_match(ask: Ask, put: Any, *, name: str, field: str, match: str, found: str) -> None:
    put(field, "Ab", "xaB", "abx", "xABx", "ac")
    how = "callername_match" if name == "callername_number" else f"{name[0]}match"
    rows = (await ask(**{name: "aB", how: match}))["data"]
    assert "".join(row["uniqueid"][-1] for row in rows) == found


@pytest.mark.parametrize("name", ["callid", "stype", "ctype", "dtype"])
async def test_exact(ask: Ask, put: Any, name: str) -> None:
    put(name, "own type", "Own type", "own", "")
    assert [row[name] for row in (await ask(**{name: "own type"}))["data"]] == ["own type"]
    assert (await ask(**{name: "no such"}))["data"] == []


async def test_phone(ask: Ask, put: Any) -> None:
    put("stype", "phone", "queue", "", snumber="101")
    assert [row["stype"] for row in (await ask(phone="101"))["data"]] == ["phone"]
    assert (await ask(phone="10"))["data"] == []
    assert len((await ask(phone=""))["data"]) == 3


async def test_machines(ask: Ask, put: Any) -> None:
    put("machine", 1, 2, 3)
    for given, found in (("2", [2]), ("1,3", [1, 3]), (" 1 , 9 ", [1]), ("9", []), ("", [1, 2, 3])):
        assert [row["machine"] for row in (await ask(machines=given))["data"]] == found
    body = await ask(machines="1,x")
    assert (code_of(body), keys_of(body)) == ("400", ["machines"])


async def test_limit(ask: Ask, put: Any) -> None:
    put("snumber", "3", "1", "2")
    assert [row["snumber"] for row in (await ask(limit=2, sort="snumber"))["data"]] == ["1", "2"]
    assert len((await ask(limit=0))["data"]) == len((await ask(limit=9))["data"]) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, "2") for name in ("recursive", "count", "descending", "names")],
        *[(name, "begin") for name in ("callername_match", "smatch", "cmatch", "dmatch")],
        *[("limit", value) for value in ("-1", "1.5", "x")],
        *[("machines", value) for value in ("x", "1,", "1 2")],
        ("direction", "OUT"),
        ("sort", "answered"),
        ("customer", "x"),
    ],
)
async def test_a_bad_value(ask: Ask, name: str, value: str) -> None:
    body = await ask(**{name: value})
    assert (code_of(body), keys_of(body)) == ("400", [name])
    [entry] = body["responses"]
    assert entry["message"].startswith("Must be ")


async def test_all_bad_values_in_the_order_of_the_table(ask: Ask) -> None:
    bad = {
        param.name: "no such value"
        for param in reversed(PARAMS)
        if not param.required and param.kind != "text"
    }
    assert keys_of(await ask(**bad)) == [*reversed(bad)]


# 2. Answer


async def test_status_200_for_what_the_api_decides(client: Any) -> None:
    wrong = "auth_username=alice&auth_password=x"
    for query, code in ((f"{WHO}&limit=x", 400), (wrong, 401), (f"{WHO}&customer=system", 402)):
        async with client.get(f"{LIST_PATH}?{query}") as response:
            assert response.status == 200
            assert code_of(await response.json()) == str(code)


async def test_other_statuses_carry_the_envelope(
    fetch: Ask, state: CallState, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert code_of(await fetch("/api/json/calls/active")) == "404"
    assert code_of(await fetch(method="PUT")) == "405"
    assert code_of(await fetch(method="POST", data=b"x" * 100_000)) == "413"
    monkeypatch.setattr("callstate.web.answering.run_short", lambda *_: 1 / 0)
    assert code_of(await fetch(f"{LIST_PATH}?{WHO}")) == "500"
    state.ready = False
    assert code_of(await fetch()) == "503"


async def test_bytes_of_success_and_refusal(client: Any) -> None:
    async with client.get(f"{LIST_PATH}?{WHO}&snumber=none") as response:
        expected = '{"responses":[{"code":"200","key":"","message":"OK"}],"data":[]}'
        assert await response.text() == expected
    async with client.get(f"{LIST_PATH}?{WHO}&customer=system") as response:
        text = '{"responses":[{"code":"402","key":"","message":"Your role does not allow this."}]}'
        assert await response.text() == text


async def test_headers(client: Any) -> None:
    async with client.get(f"{LIST_PATH}?{WHO}") as response:
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-store"


async def test_text_is_utf8_unescaped(client: Any) -> None:
    async with client.get(f"{LIST_PATH}?{WHO}") as response:
        assert "Jürgen".encode() in await response.read()


async def test_no_jsonp(client: Any) -> None:
    async with client.get(f"{LIST_PATH}?{WHO}&callback=f&jsonp=f") as response:
        assert (await response.text()).startswith('{"responses"')


async def test_a_row_has_these_fields_in_this_order(ask: Ask) -> None:
    assert {described(row) for row in (await ask())["data"]} == {ROW}


async def test_absent_is_0_or_empty(ask: Ask, state: CallState) -> None:
    state.store.put(Leg(machine=1, uniqueid="bare", scustomer=17))
    [row] = [row for row in (await ask())["data"] if row["uniqueid"] == "bare"]
    assert None not in row.values()
    set_fields = {"machine", "uniqueid", "scustomer", "spresent", "status", "direction"}
    assert all(row[name] in (0, "") for name in row.keys() - set_fields)


async def test_freshness(ask: Ask, state: CallState, clock: Any) -> None:
    headers = (await ask())["headers"]
    assert headers["Callstate-As-Of"] == f"{clock.now - 2:.3f}"
    assert "Callstate-Stale" not in headers
    clock.now += 12.2
    state.closed(2, clock.now, "gone")
    state.add_machine(5)
    assert (await ask())["headers"]["Callstate-Stale"] == "2;down=14.2, 5;never"
    headers = (await ask(machines="1"))["headers"]
    assert headers["Callstate-As-Of"] == f"{clock.now - 13.2:.3f}"
    assert "Callstate-Stale" not in headers


# 3. Fields, from what Asterisk says to the answer


SNAPSHOT = ChannelSnapshot(
    uniqueid="1795479234.7", linkedid="1795479234.7", channel="PJSIP/c17-101-00000001",
    channel_state=ChannelState.RING, caller_number="101", caller_name="Eva",
    connected_number="", connected_name="", account_code="", context="default", exten="0301",
    priority=1,
)  # fmt: skip
CARRIER = msgspec.structs.replace(
    SNAPSHOT, uniqueid="1795479235.8", channel="PJSIP/carrier-a-00000002",
    channel_state=ChannelState.DOWN, caller_number="", caller_name="", exten="",
)  # fmt: skip
LOCAL = msgspec.structs.replace(SNAPSHOT, uniqueid="1795479236.9", channel="Local/1@x-00000001;1")
AT = 1795479240.5


@pytest.fixture
def happen(state: CallState, make_directory: Callable[..., Directory]) -> Callable[..., None]:
    """Let events happen on machine 1, which is in step and empty; carrier-a is peer 9."""
    state._endpoints = (
        Endpoint(pattern="PJSIP/carrier-a-*", type="external", peer=9, billing_peer=9),
    )
    for leg in list(state.store):
        state.store.remove(leg.key)
    state.use_directory(make_directory())
    state.opened(1)
    state.released(1, AT)

    def happen(*events: ev.Event) -> None:
        for event in events:
            state.apply(1, event)

    return happen


@pytest.fixture
def shown(ask: Ask) -> Callable[..., Any]:
    """Return one field of the rows."""

    async def shown(field: str) -> list[Any]:
        return [row[field] for row in (await ask())["data"]]

    return shown


def up(snapshot: ChannelSnapshot) -> ev.ChannelUpdate:
    return ev.ChannelUpdate(
        AT + 2, snapshot=msgspec.structs.replace(snapshot, channel_state=ChannelState.UP)
    )


CALL = (ev.Newchannel(AT, snapshot=SNAPSHOT), ev.Newchannel(AT, snapshot=CARRIER),
        ev.DialBegin(AT, caller=SNAPSHOT, dest=CARRIER))  # fmt: skip


async def test_one_row_is_one_leg_and_halves_of_local_channels_are_none(
    happen: Any, shown: Any
) -> None:
    happen(*CALL, ev.Newchannel(AT, snapshot=LOCAL))
    assert await shown("channel") == [SNAPSHOT.channel, CARRIER.channel]


async def test_uniqueid_channel_machine_start(happen: Any, ask: Ask) -> None:
    happen(CALL[0])
    [row] = (await ask())["data"]
    assert (row["uniqueid"], row["channel"]) == (SNAPSHOT.uniqueid, SNAPSHOT.channel)
    assert (row["machine"], row["start"]) == (1, 1795479234)


async def test_answered_is_when_first_seen_up(happen: Any, shown: Any) -> None:
    happen(*CALL)
    assert await shown("answered") == [0, 0]
    happen(up(SNAPSHOT))
    assert await shown("answered") == [int(AT + 2), 0]


async def test_callid_is_one_for_all_legs_of_a_call(happen: Any, shown: Any) -> None:
    happen(*CALL)
    assert await shown("callid") == [SNAPSHOT.uniqueid] * 2


async def test_source_called_and_destination(happen: Any, ask: Ask) -> None:
    happen(*CALL)
    for row in (await ask())["data"]:
        assert (row["scustomer"], row["stype"], row["snumber"]) == (17, "phone", "101")
        assert (row["cnumber"], row["dtype"], row["peer"]) == ("0301", "external", 9)


async def test_caller_and_presentation(happen: Any, ask: Ask) -> None:
    happen(CALL[0])
    [row] = (await ask())["data"]
    assert (row["callerid_internal"], row["callername_internal"]) == ("101", "Eva")
    assert row["spresent"] == 1
    happen(ev.NewCallerid(AT, snapshot=SNAPSHOT, presentation=0x20))
    assert [row["spresent"] for row in (await ask())["data"]] == [0]


async def test_recording_while_it_runs(happen: Any, shown: Any) -> None:
    path = ("MIXMONITOR_FILENAME", "/var/spool/x.wav")
    happen(CALL[0], ev.VarSet(AT, snapshot=SNAPSHOT, variable=path[0], value=path[1]))
    happen(ev.MixMonitorStart(AT, snapshot=SNAPSHOT))
    assert await shown("recording") == [path[1]]
    happen(ev.MixMonitorStop(AT, snapshot=SNAPSHOT))
    assert await shown("recording") == [""]


async def test_sip_callid(happen: Any, shown: Any) -> None:
    happen(CALL[0], ev.VarSet(AT, snapshot=SNAPSHOT, variable="SIPCALLID", value="a@b"))
    assert await shown("sip_callid") == ["a@b"]


async def test_status_of_a_call_through_its_life(happen: Any, shown: Any) -> None:
    happen(*CALL)
    assert await shown("status") == ["new", "new"]
    ringing = msgspec.structs.replace(CARRIER, channel_state=ChannelState.RINGING)
    happen(ev.ChannelUpdate(AT, snapshot=ringing))
    assert await shown("status") == ["ringing", "ringing"]
    happen(up(CARRIER), up(SNAPSHOT))
    assert await shown("status") == ["answer", "answer"]
    happen(ev.Hold(AT, snapshot=up(SNAPSHOT).snapshot))
    assert await shown("status") == ["hold", "answer"]


async def test_direction_of_a_row(happen: Any, shown: Any) -> None:
    happen(*CALL)
    assert await shown("direction") == ["out", "out"]


# 4. Users and roles


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("nobody", "correct horse"),
        ("alice", "wrong"),
        ("alice", ""),
        ("", "correct horse"),
        ("empty", "x"),
        ("gone", "correct horse"),
        ("broken", "x"),
    ],
)
async def test_401_has_one_text(
    fetch: Ask, state: CallState, make_directory: Any, name: str, secret: str
) -> None:
    state.directory = make_directory(disabled=("owner",))
    user = "owner" if name == "gone" else name
    body = await fetch(method="POST", data={"auth_username": user, "auth_password": secret})
    assert body["responses"] == [{"code": "401", "key": "", "message": "Authentication failed."}]
    assert "Retry-After" not in body["headers"]


@pytest.mark.parametrize("user", ["nina", "wall"])
async def test_402_without_one_of_three_privileges(ask: Ask, user: str) -> None:
    assert code_of(await ask(user)) == "402"


async def test_429_for_a_name_and_others_go_on(fetch: Ask, ask: Ask) -> None:
    given = {"auth_username": "alice", "auth_password": "x"}
    codes = [
        code_of(await fetch(method="POST", data=given | {"auth_password": f"x{number}"}))
        for number in range(NAME_FAILURES + 1)
    ]
    assert codes == ["401"] * NAME_FAILURES + ["429"]
    body = await fetch(method="POST", data=given)
    assert int(body["headers"]["Retry-After"]) > 0
    assert code_of(await ask("owner")) == "200"


async def test_429_for_an_address(fetch: Ask) -> None:
    codes = [
        code_of(await fetch(method="POST", data={"auth_username": f"u{n}", "auth_password": "x"}))
        for n in range(ADDRESS_FAILURES + 1)
    ]
    assert codes == ["401"] * ADDRESS_FAILURES + ["429"]


async def test_a_credential_is_remembered_and_forgotten_with_the_user(
    ask: Ask, hasher: Any, state: CallState, make_directory: Any
) -> None:
    for number in range(3):
        assert code_of(await ask(limit=number)) == "200"
    assert len(hasher.verified) == 1
    state.directory = make_directory(disabled=("alice",))
    assert code_of(await ask(limit=0)) == "401"


async def test_a_personal_user_sees_legs_of_his_own_lines(ask: Ask, put: Any) -> None:
    put("snumber", "101", "102", stype="phone")
    assert [row["snumber"] for row in (await ask("bob"))["data"]] == ["101"]
    put("dnumber", "102", "101", dtype="phone", dcustomer=17)
    assert [row["dnumber"] for row in (await ask("bob"))["data"]] == ["101"]
    assert len((await ask("alice"))["data"]) == 2


# 5. Customers


@pytest.mark.parametrize(
    ("user", "customer", "found"),
    [
        ("alice", "", {17}),
        ("alice", "17", {17}),
        ("alice", "18", {18}),
        ("alice", "all", {18}),
        ("owner", "all", {17, 20}),
        ("owner", "system", {0, 1, 17, 18, 20}),
        ("wide", "system", {0, 1, 17, 18, 20}),
        ("alice", "1", "400"),
        ("alice", "20", "400"),
        ("alice", "99", "400"),
        ("alice", "recursive", "400"),
        ("alice", "system", "402"),
    ],
)
async def test_customer(ask: Ask, put: Any, user: str, customer: str, found: Any) -> None:
    put("scustomer", 0, 1, 17, 18, 20)
    body = await ask(user, customer=customer)
    if isinstance(found, str):
        assert code_of(body) == found
        assert keys_of(body) == ["customer" if found == "400" else ""]
    else:
        assert {row["scustomer"] for row in body["data"]} == found


async def test_names_of_other_customers_are_not_shown(ask: Ask, put: Any, state: CallState) -> None:
    names = {(20, "1"): "Theirs", (17, "2"): "Ours", (0, "3"): "Everybody's", (20, "3"): "Theirs"}
    state.directory = msgspec.structs.replace(state.directory, names=names)
    put("snumber", "1", "2", "3", scustomer=20, dcustomer=17, dnumber="1", cnumber="1")
    rows = (await ask(names="1"))["data"]
    assert [row["snumber_name"] for row in rows] == ["", "Ours", "Everybody's"]
    assert {row["cnumber_name"] + row["dnumber_name"] for row in rows} == {""}
    rows = (await ask("owner", names="1", customer="system"))["data"]
    assert [row["snumber_name"] for row in rows] == ["Theirs", "Ours", "Theirs"]


async def test_a_leg_belongs_to_both_its_customers(ask: Ask, put: Any) -> None:
    put("scustomer", 20, dcustomer=17)
    assert len((await ask())["data"]) == 1


async def test_all_without_children_is_empty(ask: Ask, state: CallState) -> None:
    [nina] = [user for user in state.directory.users.values() if user.name == "alice"]
    users = {"alice": msgspec.structs.replace(nina, customer=18)}
    state.directory = msgspec.structs.replace(state.directory, users=users)
    assert (await ask(customer="all"))["data"] == []


async def test_foreign_and_missing_customers_have_one_text(ask: Ask) -> None:
    assert len({json.dumps((await ask(customer=c))["responses"]) for c in ("1", "20", "99")}) == 1


async def test_recursive_as_a_customer_names_its_parameter(ask: Ask) -> None:
    assert "recursive=1" in (await ask(customer="recursive"))["responses"][0]["message"]


# 7. The panel


async def test_panel_privilege(ask: Ask) -> None:
    assert code_of(await ask("wall", PANEL_PATH)) == "200"
    assert code_of(await ask("alice", PANEL_PATH)) == "402"


async def test_panel_rows(ask: Ask) -> None:
    fields = [field for field in ROW.split(", ") if field.split()[0] not in BILLING]
    for row in (await ask("wall", PANEL_PATH, names="1"))["data"]:
        assert described(row) == ", ".join(fields)


async def test_panel_customer(ask: Ask) -> None:
    assert code_of(await ask("wall", PANEL_PATH, customer="18")) == "200"
    for customer in ("all", "system", "recursive", "1", "99"):
        assert keys_of(await ask("wall", PANEL_PATH, customer=customer)) == ["customer"]


async def test_panel_says_how_fresh_it_is(ask: Ask) -> None:
    assert "Callstate-As-Of" in (await ask("wall", PANEL_PATH))["headers"]
