"""A client of the pretended Asterisk: logging in, masks, being slow."""

import asyncio
import hashlib

import pytest

from callstate.ami.playback import Playback
from tests.ami.doubles import until
from tests.ami.playback.raw_client import connected, logged_in

EVENT = b"Event: Newchannel\r\nPrivilege: call,all\r\nUniqueid: 1.1"


async def test_the_banner_comes_first() -> None:
    async with Playback() as playback, connected(playback) as client:
        assert client.banner == b"Asterisk Call Manager/11.0.0\r\n"


async def test_who_logs_in_is_told_that_it_is_up() -> None:
    async with Playback() as playback, connected(playback) as client:
        response = await client.log_in(ActionID="1")
        assert response == [
            ("Response", "Success"),
            ("ActionID", "1"),
            ("Message", "Authentication accepted"),
        ]
        assert [key for key, _ in await client.message()] == [
            "Event", "Privilege", "Uptime", "LastReload", "Status",
        ]  # fmt: skip


async def test_the_secret_can_be_proven() -> None:
    async with Playback(secret="s3cret") as playback, connected(playback) as client:
        challenge = (await client.ask("Challenge", AuthType="MD5"))["Challenge"]
        key = hashlib.md5(f"{challenge}s3cret".encode(), usedforsecurity=False).hexdigest()
        answer = await client.ask("Login", AuthType="MD5", Username="callstate", Key=key)
        assert answer["Response"] == "Success"
        assert playback.clients == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Username": "callstate", "Secret": "wrong"},
        {"Username": "somebody", "Secret": "callstate"},
        {"Username": "callstate", "AuthType": "MD5", "Key": "x"},
        {"Username": "callstate", "AuthType": "MD5", "Secret": "callstate"},
        {},
    ],
)
async def test_a_wrong_login_is_refused_and_the_connection_ended(headers: dict[str, str]) -> None:
    async with Playback() as playback, connected(playback) as client:
        playback.login_delay = 0
        answer = await client.ask("Login", **headers)
        assert (answer["Response"], answer["Message"]) == ("Error", "Authentication failed")
        assert await client.is_at_end()


async def test_nothing_is_answered_before_the_login() -> None:
    async with Playback() as playback, connected(playback) as client:
        playback.emit(EVENT)
        assert (await client.ask("Ping"))["Message"] == "Permission denied"
        assert (await client.ask("Challenge"))["Message"] == "Must specify AuthType"


async def test_a_challenge_can_be_withheld() -> None:
    async with Playback() as playback, connected(playback) as client:
        playback.offers_challenge = False
        answer = await client.ask("Challenge", AuthType="MD5")
        assert answer["Response"] == "Error"


async def test_who_logs_off_is_let_go() -> None:
    async with Playback() as playback, logged_in(playback) as client:
        answer = await client.ask("Logoff")
        assert (answer["Response"], answer["Message"]) == ("Goodbye", "Thanks for all the fish.")
        assert await client.is_at_end()
        await until(lambda: playback.clients == 0)


@pytest.mark.parametrize(
    ("mask", "says", "comes"),
    [
        ("on", "On", True),
        ("off", "Off", False),
        ("call,system", "On", True),
        ("system, user", "On", False),
        ("nonsense", "On", False),
    ],
)
async def test_the_mask_chooses_events(mask: str, says: str, comes: bool) -> None:
    async with Playback() as playback, logged_in(playback) as client:
        assert (await client.ask("Events", EventMask=mask))["Events"] == says
        playback.emit(EVENT)
        client.send("Ping", ActionID="end")
        messages = await client.until("ActionID", "end")
        assert (("Event", "Newchannel") in messages[0]) is comes


@pytest.mark.parametrize(
    ("mask", "count"), [("off", 1), ("call", 1), ("call,system", 2), ("on", 2)]
)
async def test_the_mask_may_come_with_the_login(mask: str, count: int) -> None:
    async with Playback() as playback, connected(playback) as client:
        await client.log_in(Events=mask)
        client.send("Ping", ActionID="end")
        assert len(await client.until("ActionID", "end")) == count, "FullyBooted is of class system"


async def test_actions_may_come_in_any_pieces_and_with_bare_line_feeds() -> None:
    async with Playback() as playback, logged_in(playback) as client:
        for byte in b"action:Ping\nACTIONID: 1\n\nAction: Ping\r\nActionID: 2\r\n\r\n":
            client.writer.write(bytes([byte]))
            await client.writer.drain()
        messages = await client.until("ActionID", "2")
        assert [dict(one)["ActionID"] for one in messages] == ["1", "2"]


async def test_an_action_without_end_is_not_collected() -> None:
    async with Playback() as playback, connected(playback) as client:
        client.writer.write(b"Action: " + b"x" * 70_000)
        assert await client.is_at_end()


async def test_who_is_stalled_hears_nothing_until_he_is_resumed() -> None:
    async with Playback() as playback, logged_in(playback) as client:
        playback.stall()
        playback.stall()
        playback.emit(EVENT)
        client.send("Ping", ActionID="1")
        await client.writer.drain()
        silent = asyncio.create_task(client.until("ActionID", "1"))
        async with logged_in(playback) as other:
            await other.ask("Ping")
        assert not silent.done()
        playback.resume()
        assert (await silent)[0][0] == ("Event", "Newchannel")


@pytest.mark.parametrize("stalled", [True, False])
async def test_who_is_too_slow_is_dropped(stalled: bool) -> None:
    async with Playback() as playback, logged_in(playback) as client:
        playback.write_limit = 100_000
        if stalled:
            playback.stall()
        # More than the buffers of both ends take, and nobody reads.
        for _ in range(10_000):
            playback.emit(EVENT + b"\r\nText: " + b"x" * 5000)
            if not playback.clients:
                break
            await asyncio.sleep(0)
        assert playback.clients == 0
        assert client.banner
