"""What `deploy/asterisk` holds, loaded as it is into real servers: the account and the dialplan."""

import asyncio
import re
import shutil
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.live.conftest import StartServer
from tests.live.lab.ami import SECRET, frame, parse
from tests.live.lab.server import HERE, Server
from tests.live.live import LiveLab
from tests.live.watcher import Seat, Watcher, until, watching

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
ASTERISK = ROOT / "deploy/asterisk"
LIMIT_SECONDS = 20

# Every variable that the snippet sets, under the name that the example configuration has for it.
EXAMPLE = (ROOT / "config.example.toml").read_text(encoding="utf-8")
SNIPPET = (ASTERISK / "extensions-callstate.conf").read_text(encoding="utf-8")
SET = set(re.findall(r"Set\(_*(cs_\w+)=", SNIPPET))

# The lab's own account beside, which acts and sees everything.
LAB_ACCOUNT = f"""
[lab]
secret = {SECRET}
read = all
write = all
"""

# A platform's dialplan, as the snippet's head describes it.
DIALPLAN = """
[from-phone]
exten => _10X,1,Gosub(callstate-source,s,1(phone,${CALLERID(num)},17))
 same => n,Gosub(callstate-sip,s,1)
 same => n,Gosub(callstate-destination,s,1(phone,${EXTEN},17))
 same => n,Dial(PJSIP/c17-${EXTEN},30,b(callstate-destination^s^1(phone^${EXTEN}^17)))
exten => _0X.,1,Gosub(callstate-source,s,1(phone,${CALLERID(num)},17))
 same => n,Gosub(callstate-destination,s,1(external,${EXTEN:1}))
 same => n,Gosub(callstate-route,s,1(carrier-a,,out-17,1))
 same => n,Dial(PJSIP/${EXTEN:1}@carrier-a,30,b(callstate-destination^s^1(external^${EXTEN:1})))

[from-peer]
exten => _31170XXX,1,Gosub(callstate-source,s,1(external,${CALLERID(num)},,00${EXTEN}))
 same => n,Gosub(callstate-destination,s,1(forward,${EXTEN:5},17))
 same => n,Gosub(callstate-route,s,1(carrier-a,in-17))
 same => n,Gosub(callstate-destination,s,1(phone,${EXTEN:5},17))
 same => n,Dial(PJSIP/c17-${EXTEN:5},30,b(callstate-destination^s^1(phone^${EXTEN:5}^17)))

#include "extensions-callstate.conf"
"""

FROM_OUTSIDE = {
    "stype": "external",
    "snumber": "0031205550001",
    "scustomer": 0,
    "cnumber": "0031170102",
    "ctype": "forward",
    "dtype": "phone",
    "dnumber": "102",
    "dcustomer": 17,
    "peer": 501,
    "billing_peer": 501,
    "ingroup": 617,
    "overmax": 0,
    "spresent": 1,
    "direction": "in",
}
INSIDE = {
    "stype": "phone",
    "snumber": "101",
    "scustomer": 17,
    "cnumber": "102",
    "ctype": "phone",
    "dtype": "phone",
    "dnumber": "102",
    "dcustomer": 17,
    "peer": 0,
    "direction": "internal",
}
TO_OUTSIDE = {
    "stype": "phone",
    "snumber": "101",
    "scustomer": 17,
    "cnumber": "00031205550002",
    "ctype": "external",
    "dtype": "external",
    "dnumber": "0031205550002",
    "dcustomer": 0,
    "peer": 501,
    "billing_peer": 501,
    "outgroup": 717,
    "overmax": 1,
    "direction": "out",
}

Rows = list[dict[str, Any]]


def _conf(folder: Path, filters: str) -> Path:
    """Make a lab's configuration in which the manager and the dialplan are those of `deploy`.

    What an operator has to change is changed: the secret, and the way in which events are
    filtered, by name or by the pattern.
    """
    shutil.copytree(HERE / "conf", folder)
    manager = (ASTERISK / "manager.conf").read_text(encoding="utf-8")
    manager = manager.replace("CHANGE-ME", SECRET).replace("[general]", "[general]\nport = @AMI@")
    if filters == "pattern":
        manager = manager.replace(";eventfilter = ", "eventfilter = ")
    elif filters == "pattern alone":
        manager = re.sub(r"^eventfilter\(.*\n", "", manager, flags=re.MULTILINE)
        manager = manager.replace(";eventfilter = ", "eventfilter = ")
    (folder / "manager.conf").write_text(manager + LAB_ACCOUNT, encoding="utf-8")
    (folder / "extensions.conf").write_text(DIALPLAN, encoding="utf-8")
    shutil.copy(ASTERISK / "extensions-callstate.conf", folder)
    return folder


# An older release passes over the names, which stay there.
@pytest.fixture(
    scope="module",
    params=[("22", "names"), ("22", "pattern alone"), ("16", "pattern")],
    ids=" ".join,
)
def deployed(
    request: pytest.FixtureRequest,
    start_server: StartServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Server:
    release, filters = request.param
    conf = _conf(tmp_path_factory.mktemp("deploy") / "conf", filters)
    return start_server(release, timestamps=True, channelvars=False, conf=conf)


def _variables() -> dict[str, str]:
    """The table [variables] of the example, with every `#` taken away."""
    table = EXAMPLE.partition("\n[variables]\n")[2].partition("\n[")[0]
    table = re.sub(r"^#(?=\w+ = )", "", table, flags=re.MULTILINE)
    return dict(tomllib.loads(table))


def test_the_snippet_sets_what_the_example_reads() -> None:
    assert SET
    assert SET - set(_variables().values()) == set()


async def _rows_when(watcher: Watcher, condition: Callable[[Rows], bool]) -> Rows:
    """Poll, as a wallboard does, until `condition` holds."""
    rows: Rows = []
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            while not condition(rows := await watcher.rows(1)):  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"never so: {rows}")
    return rows


def _shown(row: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in wanted}


async def test_a_call_through_the_snippet_is_a_row_with_those_fields(
    deployed: Server, tmp_path: Path
) -> None:
    tables = {
        "peers": {"carrier-a": 501},
        "groups": {"in-17": 617, "out-17": 717},
    }
    async with LiveLab(deployed) as lab:
        await lab.clear()
        async with _watching(tmp_path, lab, tables) as watcher:
            for caller, number, callee, wanted in (
                ("carrier-a", "31170102", "c17-102", FROM_OUTSIDE),
                ("c17-101", "102", "c17-102", INSIDE),
                ("c17-101", "00031205550002", "carrier-a", TO_OUTSIDE),
            ):
                options: dict[str, Any] = {}
                if caller == "carrier-a":
                    options["num"] = "0031205550001"
                call, _ = await lab.pair(caller, number, callee, **options)
                rows = await _rows_when(watcher, _two_talk)
                assert [_shown(row, wanted) for row in rows] == [wanted, wanted], caller
                assert len({row["callid"] for row in rows}) == 1
                if wanted is INSIDE:
                    assert call.callid in {row["sip_callid"] for row in rows}
                call.hangup()
                await _rows_when(watcher, lambda rows: rows == [])


def _two_talk(rows: Rows) -> bool:
    return [row["status"] for row in rows] == ["answer", "answer"]


@asynccontextmanager
async def _watching(
    folder: Path, lab: LiveLab, tables: dict[str, dict[str, Any]]
) -> AsyncIterator[Watcher]:
    seats = [Seat(lab.server.ami_port, "callstate")]
    async with watching(folder, seats, tables, variables=_variables()) as watcher:
        await until(lambda: watcher.in_step(1))
        yield watcher


class Listener:
    """A manager connection that notes the name of each event that comes."""

    def __init__(self, port: int, user: str) -> None:
        self._port = port
        self._user = user
        self.names: set[str] = set()

    async def __aenter__(self) -> "Listener":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        await self._reader.readline()
        login = [("Action", "Login"), ("Username", self._user), ("Secret", SECRET)]
        self._writer.write(frame(login))
        async with asyncio.timeout(LIMIT_SECONDS):
            while (await self._message()).get("Response") != "Success":
                pass
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def until(self, name: str) -> None:
        """Read on to an event of this name."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while str((await self._message()).get("Event")) != name:
                pass

    async def _message(self) -> dict[str, Any]:
        raw = await self._reader.readuntil(b"\r\n\r\n")
        message: dict[str, Any] = parse(raw.decode())
        if "Event" in message:
            self.names.add(str(message["Event"]))
        return message


# What a call and two queue members bring to who hears everything, and callstate need not hear.
UNWANTED = {"DeviceStateChange", "OriginateResponse", "HangupHandlerPush", "HangupHandlerRun"}


async def test_the_account_hears_of_calls_and_of_nothing_that_is_filtered(
    deployed: Server,
) -> None:
    async with LiveLab(deployed) as lab:
        await lab.clear()
        ports = lab.server.ami_port
        async with Listener(ports, "callstate") as callstate, Listener(ports, "lab") as all_ears:
            call, _ = await lab.pair("c17-101", "102", "c17-102")
            channel = await lab.chan("PJSIP/c17-101")
            handler = {"Variable": "CHANNEL(hangup_handler_push)", "Value": "callstate-sip,s,1"}
            await lab.act(Action="Setvar", Channel=channel, **handler)
            call.hangup()
            await all_ears.until("HangupHandlerRun")
            await lab.clear()
            await lab.act(Action="Originate", Channel="Local/none@none", Async="true")
            await all_ears.until("OriginateResponse")
            await lab.act(Action="Reload", Module="manager")
            await all_ears.until("Reload")
            await callstate.until("Reload")
    assert all_ears.names >= UNWANTED
    assert callstate.names.isdisjoint(UNWANTED), callstate.names & UNWANTED
    wanted = {"Newchannel", "Newexten", "VarSet", "DialBegin", "BridgeEnter", "Hangup"}
    assert callstate.names >= wanted
    assert callstate.names <= all_ears.names
