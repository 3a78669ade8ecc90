"""One link: the ways to log in, the patience with answers, TLS."""

import asyncio
import hashlib
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from callstate.ami import link as link_module
from callstate.ami.errors import (
    ActionTimedOut,
    AmiError,
    ConnectionLost,
    LoginRefused,
    PermissionDenied,
)
from callstate.ami.link import Link
from callstate.ami.playback import Playback
from callstate.config import Ami, Machine
from tests.ami.doubles import BANNER, PATIENT, Peer, ScriptedServer
from tests.certificates import make_certificate

MACHINE = Machine(id=3, username="callstate", secret="s3cret")


async def with_link(
    port: int,
    use: Callable[[Link], Awaitable[None]],
    *,
    machine: Machine = MACHINE,
    ami: Ami = PATIENT,
) -> None:
    """Connect, let `use` do its part, and close."""
    machine = msgspec.structs.replace(machine, port=port)
    link = Link(machine, ami, lambda _raw, _at: None, clock=lambda: 1.0)
    try:
        await link.connect()
        await use(link)
    finally:
        await link.close("done")


async def log_in(link: Link) -> None:
    assert not link.is_logged_in
    await link.log_in()
    assert link.is_logged_in


async def test_the_secret_is_proven_without_being_sent() -> None:
    sent: list[dict[str, str]] = []

    async def script(peer: Peer) -> None:
        peer.send(BANNER)
        sent.append(await peer.action())
        peer.reply(sent[0], "Response: Success", "Challenge: 123456")
        sent.append(await peer.action())
        peer.reply(sent[1], "Response: Success", "Message: Authentication accepted")

    async with ScriptedServer(script) as server:
        await with_link(server.port, log_in)
    challenge, login = sent
    assert (challenge["Action"], challenge["AuthType"]) == ("Challenge", "MD5")
    key = hashlib.md5(b"123456s3cret", usedforsecurity=False).hexdigest()
    assert (login["AuthType"], login["Key"], login["Events"]) == ("MD5", key, "on")
    assert login["Username"] == "callstate"
    assert "s3cret" not in str(sent)


async def test_a_server_without_challenge_gets_the_secret_on_the_same_host_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Playback(secret="s3cret") as playback:
        playback.offers_challenge = False
        await with_link(playback.port, log_in)
        monkeypatch.setattr(link_module, "_is_loopback", lambda _address: False)
        with pytest.raises(LoginRefused, match="no TLS for a plain secret"):
            await with_link(playback.port, log_in)


@pytest.mark.parametrize(
    ("address", "is_loopback"),
    [("127.0.0.1", True), ("::1", True), ("192.0.2.1", False), ("", False), ("/run/x", False)],
)
def test_what_is_the_same_host(address: str, is_loopback: bool) -> None:
    assert link_module._is_loopback(address) is is_loopback


async def test_a_wrong_secret_is_refused() -> None:
    async with Playback(secret="another") as playback:
        playback.login_delay = 0
        with pytest.raises(LoginRefused, match="login refused: Authentication failed"):
            await with_link(playback.port, log_in)


@pytest.mark.parametrize("text", ["No s3cret for you", "Asterisk is shutting down: s3cret"])
@pytest.mark.parametrize("has_challenge", [True, False])
async def test_a_server_that_repeats_the_secret_is_not_quoted(
    text: str, has_challenge: bool
) -> None:
    async def script(peer: Peer) -> None:
        peer.send(BANNER)
        outcome = "Response: Success" if has_challenge else "Response: Error"
        peer.reply(await peer.action(), outcome, "Challenge: 1")
        peer.reply(await peer.action(), "Response: Error", f"Message: {text}")

    async with ScriptedServer(script) as server:
        with pytest.raises(AmiError) as caught:
            await with_link(server.port, log_in)
    assert caught.value.reason.removeprefix("login refused: ") == text.replace("s3cret", "***")


@pytest.mark.parametrize("refused_at", [1, 2])
async def test_a_machine_that_goes_down_is_no_reason_for_a_human(refused_at: int) -> None:
    async def script(peer: Peer) -> None:
        peer.send(BANNER)
        for number in (1, 2):
            going_down = ["Response: Error", "Message: Asterisk is shutting down"]
            challenge = ["Response: Success", "Challenge: 1"]
            action = await peer.action()
            peer.reply(action, *(going_down if number == refused_at else challenge))

    async with ScriptedServer(script) as server:
        with pytest.raises(ConnectionLost, match="shutting down"):
            await with_link(server.port, log_in)


async def test_an_error_is_an_answer_but_a_missing_permission_is_raised() -> None:
    async def ask(link: Link) -> None:
        await link.log_in()
        assert (await link.ask("Status", [("Channel", "x")])).message == "No such channel"
        playback.denied = {"Status"}
        with pytest.raises(PermissionDenied, match="Status"):
            await link.ask("Status")

    async with Playback(secret="s3cret") as playback:
        await with_link(playback.port, ask)


async def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    async def ask(link: Link) -> None:
        with pytest.raises(ActionTimedOut, match=r"no answer to Ping within 0.05 s"):
            await link.ask("Ping")
        assert link.protocol.pending == 0

    async def script(peer: Peer) -> None:
        peer.send(BANNER)
        await peer.wait_closed()

    hasty = msgspec.structs.replace(PATIENT, action_seconds=0.05)
    async with ScriptedServer(script) as server:
        await with_link(server.port, ask, ami=hasty)


async def test_who_waits_behind_a_long_list_is_patient() -> None:
    async def ask(link: Link) -> None:
        listed, pinged = await asyncio.gather(link.ask("Status"), link.ask("Ping"))
        assert listed.get("ListItems") == "40"
        assert pinged.success

    async def script(peer: Peer) -> None:
        peer.send(BANNER)
        status, ping = await peer.action(), await peer.action()
        peer.reply(status, "Response: Success", "EventList: start")
        for _ in range(40):
            await asyncio.sleep(0.01)
            peer.reply(status, "Event: Status")
        peer.reply(status, "Event: StatusComplete", "EventList: Complete", "ListItems: 40")
        peer.reply(ping, "Response: Success")
        await peer.wait_closed()

    hasty = msgspec.structs.replace(PATIENT, action_seconds=0.3)
    async with ScriptedServer(script) as server:
        await with_link(server.port, ask, ami=hasty)


async def test_who_is_cancelled_while_asking_leaves_no_question_behind() -> None:
    async def ask(link: Link) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await link.ask("Ping")
        assert link.protocol.pending == 0

    async def script(peer: Peer) -> None:
        peer.send(BANNER)
        await peer.wait_closed()

    async with ScriptedServer(script) as server:
        await with_link(server.port, ask)


async def test_repeated_headers_are_sent_as_such() -> None:
    async def ask(link: Link) -> None:
        await link.ask("Status", [("Variable", "a"), ("Variable", "b")])

    lines: list[bytes] = []

    async def script(peer: Peer) -> None:
        peer.send(BANNER)
        raw = await peer.raw_action()
        lines.extend(raw.split(b"\r\n"))
        action_id = next(line for line in lines if line.startswith(b"ActionID: "))
        peer.send(b"Response: Success\r\n" + action_id + b"\r\n\r\n")
        await peer.wait_closed()

    async with ScriptedServer(script) as server:
        await with_link(server.port, ask)
    assert [line for line in lines if line.startswith(b"Variable")] == [
        b"Variable: a",
        b"Variable: b",
    ]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that nobody trusts, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"tls_ca_file": "trusted"}, ""),
        ({"tls_verify": False}, ""),
        ({}, "certificate verify failed"),
        ({"tls_ca_file": "trusted", "host": "127.0.0.1"}, "certificate verify failed"),
        ({"tls_ca_file": "/nowhere/ca.pem"}, "cannot connect"),
    ],
)
async def test_tls_trusts_whom_it_is_told_to(
    certificate: tuple[Path, Path], changes: dict[str, str | bool], problem: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    settings = {"host": "localhost", "tls": True, **changes}
    if settings.get("tls_ca_file") == "trusted":
        settings["tls_ca_file"] = str(certificate[0])
    machine = msgspec.structs.replace(MACHINE, **settings)
    async with Playback(secret="s3cret", host="127.0.0.1", tls=context) as playback:
        playback.offers_challenge = False
        if not problem:
            await with_link(playback.port, log_in, machine=machine)
            return
        with pytest.raises(AmiError, match=problem):
            await with_link(playback.port, log_in, machine=machine)
