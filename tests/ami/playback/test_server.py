"""The pretended Asterisk as a whole: what a client sees of it, and the faults it can have."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from callstate.ami.capture import Capture, load_capture
from callstate.ami.decode import Message
from callstate.ami.playback import AT_ONCE, Playback
from callstate.ami.playback.script import Script
from tests.ami.doubles import until
from tests.ami.playback.raw_client import Headers, RawClient, connected, logged_in

LISTS = ("CoreShowChannels", "Status", "BridgeList")


@pytest.fixture
def load(load_capture_path: Callable[[str], Path]) -> Callable[[str], Capture]:
    return lambda name: load_capture(load_capture_path(name))


def newchannel(uniqueid: str) -> bytes:
    lines = [
        "Event: Newchannel",
        "Privilege: call,all",
        f"Channel: PJSIP/x-{uniqueid}",
        "ChannelState: 0",
        f"Uniqueid: {uniqueid}",
        f"Linkedid: {uniqueid}",
    ]
    return "\r\n".join(lines).encode()


def enter(uniqueid: str) -> bytes:
    bridge = b"Event: BridgeEnter\r\nPrivilege: call,all\r\nBridgeUniqueid: b1\r\nBridgeType: basic"
    return bridge + newchannel(uniqueid).removeprefix(b"Event: Newchannel\r\nPrivilege: call,all")


def get(message: Headers, key: str) -> str:
    return next((value for name, value in message if name == key), "")


async def heard(client: RawClient) -> list[Headers]:
    """Everything that was sent to `client` so far."""
    client.send("Ping", ActionID="so far")
    return (await client.until("ActionID", "so far"))[:-1]


async def listed(client: RawClient, name: str) -> set[str]:
    key = "BridgeUniqueid" if name == "BridgeList" else "Uniqueid"
    return {get(item, key) for item in await client.ask_list(name)}


async def test_who_joins_in_the_middle_can_ask_for_what_he_missed(
    load: Callable[[str], Capture],
) -> None:
    capture = load("asterisk-22/conference")
    async with (
        Playback([[capture]], speed=AT_ONCE, random=Random(1)) as playback,
        logged_in(playback) as first,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(playback.play(rounds=1))
        # Played on while this client asks, at every moment of the call.
        while not playback.rounds:
            async with logged_in(playback) as joined:
                channels = await joined.ask_list("CoreShowChannels")
                status = await joined.ask_list("Status", AllVariables="true")
                bridges = await joined.ask_list("BridgeList")
                for bridge in bridges:
                    await joined.ask("BridgeInfo", BridgeUniqueid=get(bridge, "BridgeUniqueid"))
        assert len(channels) == len(status)
        assert await heard(first)


async def test_the_lists_are_the_sum_of_the_events(load: Callable[[str], Capture]) -> None:
    capture = load("asterisk-22/ring-group-local")
    async with (
        Playback([[capture]], speed=AT_ONCE, random=Random(1)) as playback,
        logged_in(playback) as client,
    ):
        channels: set[str] = set()
        bridges: set[str] = set()
        play = asyncio.create_task(playback.play(rounds=1))
        while not play.done() or channels:
            # Between two answers, events; each list is the state at its own place in them.
            for name, known in zip(LISTS, (channels, channels, bridges), strict=True):
                client.send(name, ActionID="list")
                messages = await client.until("EventList", "start")
                for message in messages[:-1]:
                    apply(message, channels, bridges)
                *items, _ = await client.until("EventList", "Complete")
                key = "BridgeUniqueid" if name == "BridgeList" else "Uniqueid"
                assert {get(item, key) for item in items} == known
        await play
    assert (channels, bridges) == (set(), set())


def apply(message: Headers, channels: set[str], bridges: set[str]) -> None:
    match get(message, "Event"):
        case "Newchannel":
            channels.add(get(message, "Uniqueid"))
        case "Hangup":
            channels.discard(get(message, "Uniqueid"))
        case "BridgeCreate":
            bridges.add(get(message, "BridgeUniqueid"))
        case "BridgeDestroy":
            bridges.discard(get(message, "BridgeUniqueid"))
        case _:
            pass


async def test_each_round_is_of_other_calls_and_leaves_none(
    load: Callable[[str], Capture],
) -> None:
    lanes = [[load("asterisk-22/click-to-call-local")], [load("asterisk-16/join-midcall")]]
    async with (
        Playback(lanes, speed=AT_ONCE, random=Random(1)) as playback,
        logged_in(playback) as client,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(playback.play(rounds=3))
        messages = [await client.message()]
        while playback.rounds < 6:
            messages += await heard(client)
        messages += await heard(client)
    created = [get(one, "Uniqueid") for one in messages if ("Event", "Newchannel") in one]
    ended = [get(one, "Uniqueid") for one in messages if ("Event", "Hangup") in one]
    assert len(created) == len(set(created)) == len(ended)
    assert set(created) == set(ended)
    assert len(created) % 3 == 0
    assert playback.state.channels == {}
    assert playback.state.bridges == {}


async def test_captures_of_a_lane_follow_each_other(load: Callable[[str], Capture]) -> None:
    lane = [load("asterisk-22/busy"), load("asterisk-22/redirect-dual")]
    async with (
        Playback([lane], speed=AT_ONCE, random=Random(1)) as playback,
        logged_in(playback) as client,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(playback.play(rounds=1))
        messages = [await client.message()]
        while not playback.rounds:
            messages += await heard(client)
        messages += await heard(client)
    ups = [1 if get(one, "Event") == "Newchannel" else -1 for one in messages if is_edge(one)]
    assert sum(ups) == 0
    assert len(ups) > 4


def is_edge(message: Headers) -> bool:
    return get(message, "Event") in {"Newchannel", "Hangup"}


async def test_calls_are_played_at_their_pace(load: Callable[[str], Capture]) -> None:
    capture = load("asterisk-22/busy")
    loop = asyncio.get_running_loop()
    async with Playback([[capture]], speed=20.0, random=Random(1)) as playback:
        begin = loop.time()
        await playback.play(rounds=1)
        # Never faster than asked for; how much slower is up to the machine.
        assert loop.time() - begin >= Script(capture).seconds / 20


async def test_a_call_that_was_left_up_is_ended(tmp_path: Path) -> None:
    messages = [newchannel("1.1"), newchannel("1.2"), enter("1.1"), enter("1.2")]
    data = b"Asterisk Call Manager/11.0.0\r\n" + b"".join(one + b"\r\n\r\n" for one in messages)
    (tmp_path / "ami.log").write_bytes(data)
    lanes = [[load_capture(tmp_path)]]
    async with (
        Playback(lanes, speed=AT_ONCE, random=Random(1)) as playback,
        logged_in(playback) as client,
    ):
        await playback.play(rounds=1)
        names = [get(one, "Event") for one in await heard(client)]
    assert sorted(names[:4]) == ["BridgeEnter"] * 2 + ["Newchannel"] * 2
    assert sorted(names[4:]) == ["BridgeDestroy"] + ["BridgeLeave"] * 2 + ["Hangup"] * 2


async def test_events_come_only_after_the_login() -> None:
    async with Playback() as playback, connected(playback) as client:
        playback.emit(newchannel("1.1"))
        await client.log_in()
        playback.emit(newchannel("1.2"))
        assert get(await client.message(), "Event") == "FullyBooted"
        assert get(await client.message(), "Uniqueid") == "1.2"
        assert await listed(client, "CoreShowChannels") == {"1.1", "1.2"}


async def test_the_marker_comes_after_its_response_and_to_everybody() -> None:
    async with Playback() as playback, logged_in(playback) as one, logged_in(playback) as other:
        one.send("Getvar", ActionID="1", Variable="SET(X=token)")
        playback.emit(newchannel("1.1"))
        messages = await one.until("Value", "token")
        assert [get(message, "Response") or get(message, "Event") for message in messages] == [
            "Newchannel",
            "Success",
            "VarSet",
        ]
        assert get((await other.until("Value", "token"))[-1], "Variable") == "X"


async def test_an_action_can_be_denied() -> None:
    async with Playback() as playback, logged_in(playback) as client:
        playback.denied = {"CoreStatus"}
        assert (await client.ask("CoreStatus"))["Message"] == "Permission denied"
        assert (await client.ask("CoreSettings"))["Response"] == "Success"


async def test_connections_can_be_dropped() -> None:
    async with Playback() as playback, logged_in(playback) as client:
        playback.drop_clients()
        assert await client.is_at_end()
        await until(lambda: playback.clients == 0)


async def test_logins_can_be_refused() -> None:
    async with Playback() as playback, connected(playback) as client:
        playback.login_delay = 0
        playback.refuses_logins = True
        assert ("Message", "Authentication failed") in await client.log_in()


async def test_garbage_can_be_sent() -> None:
    async with Playback() as playback, logged_in(playback) as client, connected(playback):
        playback.send_garbage(b"\xff\x00 no colon\r\n\r\n")
        assert await client.message() == [("\udcff\x00 no colon", "")]


@pytest.mark.parametrize("announced", [True, False])
async def test_a_restart_ends_all_calls_and_connections(announced: bool) -> None:
    times = iter(range(1_800_000_000, 1_900_000_000))
    async with Playback(clock=lambda: next(times)) as playback:
        async with logged_in(playback) as client:
            playback.emit(newchannel("1.1"))
            before = await client.ask("CoreStatus")
            playback.restart(announced=announced)
            events: list[str] = []
            while not events or events[-1]:
                try:
                    events.append(get(await client.message(), "Event"))
                except asyncio.IncompleteReadError:
                    break
        assert events == (["Hangup", "Shutdown"] if announced else [])
        async with logged_in(playback) as client:
            assert await listed(client, "CoreShowChannels") == set()
            after = await client.ask("CoreStatus")
    assert before["CoreStartupTime"] != after["CoreStartupTime"]


async def test_after_a_restart_no_call_of_before_goes_on(load: Callable[[str], Capture]) -> None:
    capture = load("asterisk-22/conference")
    async with Playback([[capture]], speed=AT_ONCE, random=Random(1)) as playback:
        play = asyncio.create_task(playback.play())
        await until(lambda: len(playback.state.channels) > 2)
        before = set(playback.state.channels)
        playback.restart(announced=False)
        assert playback.state.channels == {}
        await until(lambda: playback.rounds >= 2)
        async with logged_in(playback) as client:
            assert not before & await listed(client, "Status")
        play.cancel()
        await asyncio.gather(play, return_exceptions=True)


async def test_it_says_of_which_asterisk_the_captures_are(
    load: Callable[[str], Capture],
) -> None:
    async with (
        Playback([[load("asterisk-16/internal")]]) as playback,
        logged_in(playback) as client,
    ):
        settings = await client.ask("CoreSettings")
    assert settings["AMIversion"] == "5.0.4"
    assert settings["AsteriskVersion"].startswith("16.28.0")
    assert settings["SystemName"] == "pbx-east"


async def test_leaving_ends_every_connection() -> None:
    async with Playback() as playback, connected(playback) as client:
        await client.log_in()
        await playback.__aexit__(None, None, None)
        assert await client.is_at_end()


async def test_a_name_of_no_event_is_nothing_to_it() -> None:
    async with Playback() as playback, logged_in(playback) as client:
        playback.emit(b"Nothing: at all")
        assert Message(b"Nothing: at all").headers() in await heard(client)
