"""The patience with a link: what ends it, what keeps it up, and what another patience does."""

import asyncio
from functools import partial

import msgspec

from callstate.ami.decode import END
from tests.ami.doubles import PATIENT, Peer, RecordingSink, against, until


async def _log_in_and_stay(peer: Peer) -> None:
    await peer.log_in()
    await peer.wait_closed()


async def _answer(actions: list[str], peer: Peer) -> None:
    """Answer every action as a ping, and note its name."""
    await peer.log_in()
    while True:
        action = await peer.action()
        actions.append(action["Action"])
        peer.reply(action, "Response: Success", "Ping: Pong")


async def test_a_half_open_link_is_noticed() -> None:
    sink = RecordingSink()
    watchful = msgspec.structs.replace(PATIENT, silence_seconds=0.05)
    async with against(_log_in_and_stay, sink=sink, ami=watchful):
        await until(lambda: sink.count("closed"))
    assert sink.log[:2] == [("opened", "11.0.0"), ("closed", "silent for 0.05 s")]


async def test_pings_keep_a_quiet_link_up() -> None:
    pings: list[str] = []
    sink = RecordingSink()
    lively = msgspec.structs.replace(PATIENT, ping_seconds=0.001)
    async with against(partial(_answer, pings), sink=sink, ami=lively):
        await until(lambda: len(pings) >= 5)
        assert sink.log == [("opened", "11.0.0")]
    assert set(pings) == {"Ping"}


async def test_an_unanswered_ping_ends_the_link_though_events_come() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        while True:
            peer.send(b"Event: Noise" + END)
            await asyncio.sleep(0.001)

    sink = RecordingSink()
    hasty = msgspec.structs.replace(PATIENT, ping_seconds=0.001, action_seconds=0.5)
    async with against(script, sink=sink, ami=hasty):
        await until(lambda: sink.count("closed"))
    assert ("closed", "no answer to Ping within 0.5 s") in sink.log


async def test_less_patience_counts_on_a_link_that_is_up() -> None:
    sink = RecordingSink()
    start = msgspec.structs.replace(PATIENT, silence_seconds=0.5, action_seconds=60)
    async with against(_log_in_and_stay, sink=sink, ami=start) as connection:
        await until(lambda: connection.is_open)
        connection.use(msgspec.structs.replace(start, silence_seconds=0.25))
        await until(lambda: sink.count("closed"))
    assert sink.log[1] == ("closed", "silent for 0.25 s")


async def test_another_patience_begins_with_a_ping() -> None:
    pings: list[str] = []
    sink = RecordingSink()
    async with against(partial(_answer, pings), sink=sink) as connection:
        await until(lambda: connection.is_open)
        for number in range(1, 4):
            connection.use(msgspec.structs.replace(PATIENT, action_seconds=50 + number))
            await until(lambda: len(pings) == number)  # noqa: B023  # it is waited for here
        assert sink.log == [("opened", "11.0.0")]
