"""Whatever happens on the way: in step again without help, no ghost, no miss, nothing left.

That nothing is left, and that the last call's end is heard of, is checked by the fixture.
"""

from random import Random

import pytest

from tests.faults.conftest import MACHINE, Bed, until
from tests.streams import END


async def _reconnected(bed: Bed) -> None:
    """Return when what is shown comes from another connection than now."""
    await _accepted_more(bed, bed.proxy.accepted)


async def _accepted_more(bed: Bed, than: int) -> None:
    await until(lambda: bed.proxy.accepted > than)


@pytest.mark.parametrize("seed", range(4))
async def test_a_connection_cut_at_any_byte(bed: Bed, seed: int) -> None:
    """In the banner, the login, a list, between two bytes of an end of line."""
    random = Random(seed)
    for _ in range(15):
        bed.proxy.cut_after = random.choice(
            (0, 1, 30, random.randrange(1000), random.randrange(20000))
        )
        accepted = bed.proxy.accepted
        bed.proxy.cut()
        bed.call(7)
        # The one that is cut, unless it lived long enough to get in step, and its successor.
        await _accepted_more(bed, accepted)
        await bed.healed()


async def test_events_that_come_while_nobody_listens(bed: Bed) -> None:
    bed.proxy.is_shut = True
    bed.proxy.cut()
    await bed.out_of_step()
    bed.call(200)
    shown = len(bed.state.store)
    await _reconnected(bed)
    assert len(bed.state.store) == shown
    bed.proxy.is_shut = False
    await bed.healed()


async def test_a_link_that_dies_without_a_word(bed: Bed) -> None:
    bed.proxy.stall()
    bed.call(50)
    await bed.out_of_step()
    bed.proxy.resume()
    await bed.healed()


async def test_a_machine_that_answers_nobody_for_a_while(bed: Bed) -> None:
    bed.playback.stall()
    bed.call(50)
    await bed.out_of_step()
    await bed.healed()


async def test_a_stall_that_is_over_before_it_is_noticed(bed: Bed) -> None:
    for _ in range(5):
        bed.proxy.stall()
        bed.call(40)
        bed.proxy.resume()
        await bed.healed()


async def test_bytes_that_come_one_by_one(bed: Bed) -> None:
    bed.proxy.trickles = True
    bed.proxy.cut()
    await _reconnected(bed)
    bed.call(20)
    await bed.healed()


async def test_a_way_that_takes_calls_and_says_nothing(bed: Bed) -> None:
    bed.proxy.is_mute = True
    bed.proxy.cut()
    await _reconnected(bed)
    bed.call(20)
    await _reconnected(bed)
    bed.proxy.is_mute = False
    bed.proxy.cut()
    await bed.healed()


@pytest.mark.parametrize(
    "banner",
    [
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        b"\x16\x03\x01\x02\x00" + bytes(600),
        b"Asterisk Call Manager/",
        b"Asterisk Call Manager/11.0.0\r\n" + b"x" * 5000,
        b"\r\n" * 500,
    ],
    ids=["http", "tls", "half a banner", "no answer", "blank lines"],
)
async def test_somebody_else_on_the_port(bed: Bed, banner: bytes) -> None:
    bed.proxy.banner = banner
    bed.proxy.cut()
    await _reconnected(bed)
    bed.call(20)
    await _reconnected(bed)
    bed.proxy.banner = b""
    bed.proxy.cut()
    await bed.healed()


GARBAGE = {
    "noise": Random(1).randbytes(3000).replace(b"\r", b"") + END,
    "an event torn into the next": b"Event: Newstate\r\nPrivilege: call,all\r\nChannel: PJSIP/x",
    "two events in one": b"Event: Hold\r\nUniqueid: 1.1\r\nEvent: Hangup\r\nUniqueid: 1.2" + END,
    "a ghost": b"Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/ghost-1\r\n"
    b"ChannelState: 6\r\nUniqueid: 1000000000.9999999\r\nLinkedid: 1000000000.9999999" + END,
    "a bridge that is none": b"Event: BridgeCreate\r\nPrivilege: call,all\r\n"
    b"BridgeUniqueid: ghost\r\nBridgeType: basic" + END,
    "an answer to nobody": b"Response: Success\r\nActionID: nobody/1/1\r\nEventList: start" + END,
    "the end of a list of nobody's": b"Event: CoreShowChannelsComplete\r\nActionID: nobody/2\r\n"
    b"EventList: Complete\r\nListItems: 0" + END,
    "blank lines": END * 1000,
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
async def test_bytes_that_the_machine_never_sent(bed: Bed, data: bytes) -> None:
    bed.proxy.inject(data)
    bed.call(20)
    await bed.healed()


async def test_a_shutdown_that_was_none(bed: Bed) -> None:
    bed.proxy.inject(b"Event: Shutdown\r\nPrivilege: system,all\r\nShutdown: Cleanly" + END)
    bed.call(20)
    await bed.healed()


async def test_hangups_that_were_none(bed: Bed) -> None:
    for channel in bed.playback.state.channels.values():
        told = f"Event: Hangup\r\nPrivilege: call,all\r\nUniqueid: {channel.block['Uniqueid']}"
        bed.proxy.inject(told.encode() + END)
    await until(lambda: not bed.agrees())
    await bed.healed()


@pytest.mark.parametrize("seed", range(3))
async def test_bytes_that_get_lost(bed: Bed, seed: int) -> None:
    random = Random(seed)
    for _ in range(5):
        bed.proxy.lose(random.randrange(1, 5000))
        bed.call(30)
        await bed.healed()


async def test_a_flood_of_what_nobody_wants(bed: Bed) -> None:
    noise = b"Event: RTCPSent\r\nPrivilege: reporting,all\r\nChannel: x\r\nUniqueid: 1.1" + END
    for _ in range(20):
        bed.proxy.inject(noise * 3000)
        bed.call(5)
    await bed.healed()


async def test_a_message_without_end(bed: Bed) -> None:
    """Memory is bounded by the longest message that there can be; then it is lost, and said so."""
    for _ in range(4):
        bed.proxy.inject(b"Event: Newexten\r\nAppData: " + b"x" * (1 << 20))
    bed.call(20)
    await bed.healed()
    bed.call(20)
    await bed.healed()


async def test_a_login_that_is_refused_until_somebody_helps(bed: Bed) -> None:
    bed.playback.refuses_logins = True
    bed.playback.drop_clients()
    await bed.out_of_step()
    await _reconnected(bed)
    assert not bed.status.connected
    bed.call(50)
    bed.playback.refuses_logins = False
    await bed.healed()


@pytest.mark.parametrize("action", ["Status", "CoreShowChannels", "BridgeList", "Getvar", "Ping"])
async def test_an_action_that_is_denied_until_somebody_helps(bed: Bed, action: str) -> None:
    bed.playback.denied.add(action)
    bed.playback.drop_clients()
    await bed.out_of_step()
    await _reconnected(bed)
    bed.call(50)
    bed.playback.denied.clear()
    await bed.healed()


async def test_bridges_whose_members_nobody_tells(bed: Bed) -> None:
    """The rest is in step all the same."""
    bed.playback.denied.add("BridgeInfo")
    bed.playback.drop_clients()
    await _reconnected(bed)
    bed.playback.denied.clear()
    await bed.healed()


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "killed"])
async def test_a_machine_that_begins_anew(bed: Bed, *, announced: bool) -> None:
    before = set(bed.playback.state.channels)
    assert before
    bed.playback.restart(announced=announced)
    await bed.out_of_step()
    bed.call(20)
    await bed.healed()


async def test_what_is_shown_is_replaced_at_once_or_not_at_all(bed: Bed) -> None:
    """No query meets an empty or half a list while the machine is asked anew."""
    fewest = shown = len(bed.state.store)
    assert shown > 5

    def count(_change: object) -> None:
        nonlocal fewest
        fewest = min(fewest, len(bed.state.store))

    unsubscribe = bed.state.store.subscribe(count)
    for _ in range(3):
        bed.proxy.cut()
        await _reconnected(bed)
        await bed.healed()
    unsubscribe()
    assert fewest == shown


async def test_one_fault_after_the_other(bed: Bed) -> None:
    random = Random(5)
    for _ in range(12):
        fault = random.randrange(6)
        if fault == 0:
            bed.proxy.cut()
        elif fault == 1:
            bed.proxy.inject(random.choice(list(GARBAGE.values())))
        elif fault == 2:
            bed.proxy.lose(random.randrange(3000))
        elif fault == 3:
            bed.playback.drop_clients()
        elif fault == 4:
            bed.playback.restart(announced=random.random() < 0.5)
        else:
            bed.proxy.cut_after = random.randrange(5000)
            bed.proxy.cut()
        bed.call(random.randrange(40))
        await bed.healed()
    assert bed.state.sync_of(MACHINE).served.channels
