"""Fresh names: never the same twice, and the same wherever they stand."""

import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from callstate.ami.capture import load_capture
from callstate.ami.decode import Message
from callstate.ami.playback.names import Numbers, Renaming
from callstate.ami.playback.script import Script

NOW = 2_000_000_000.0


def script_of(tmp_path: Path, *messages: str) -> Script:
    text = "".join(f"{message}\r\n\r\n" for message in messages)
    (tmp_path / "ami.log").write_text(f"Asterisk Call Manager/11.0.0\r\n{text}", newline="")
    return Script(load_capture(tmp_path))


def call(*lines: str) -> str:
    return "\r\n".join(["Event: Newchannel", *lines])


def fresh(script: Script, *, now: float = NOW, pace: float = 1.0) -> Renaming:
    return Numbers(Random(1)).fresh(script, now=now, pace=pace)


def test_a_uniqueid_is_renamed_wherever_it_stands(tmp_path: Path) -> None:
    raw = call(
        "Channel: PJSIP/a-0000002a",
        "Uniqueid: 1700000000.42",
        "Linkedid: 1700000000.42",
        "ChanVariable: cs_callid=1700000000.42",
        "File: /spool/rec-1700000000.42.wav",
        "Value: 1700000000.421 11700000000.42 1700000000.4",
        "BRIDGEPEER: Local/1@x-0000002a;2",
    )
    renamed = fresh(script_of(tmp_path, raw))(raw.encode()).decode().split("\r\n")
    assert renamed[1:] == [
        "Channel: PJSIP/a-0000002a",
        "Uniqueid: 2000000000.0",
        "Linkedid: 2000000000.0",
        "ChanVariable: cs_callid=2000000000.0",
        "File: /spool/rec-2000000000.0.wav",
        "Value: 1700000000.421 11700000000.42 1700000000.4",
        "BRIDGEPEER: Local/1@x-0000002a;2",
    ]


def test_the_second_round_takes_nothing_of_the_first(tmp_path: Path) -> None:
    raws = [
        call("Channel: Local/1@x-00000000;1", "Uniqueid: 1700000000.0"),
        call("Channel: Local/1@x-00000000;2", "Uniqueid: 1700000001.1"),
        call("Channel: PJSIP/b-00000001", "Uniqueid: click-1", "Linkedid: click-1;2"),
    ]
    script, numbers = script_of(tmp_path, *raws), Numbers(Random(1))
    rounds = [numbers.fresh(script, now=NOW, pace=1.0) for _ in range(3)]
    assert not set.intersection(*(set(one.uniqueids) for one in rounds))
    assert rounds[1].uniqueids == {"2000000000.2", "2000000001.3", "click-1-2", "click-1-2;2"}
    channels = [[Message(one(raw.encode())).get("Channel") for raw in raws] for one in rounds]
    assert channels[0] == ["Local/1@x-00000000;1", "Local/1@x-00000000;2", "PJSIP/b-00000001"]
    assert channels[2] == ["Local/1@x-00000004;1", "Local/1@x-00000004;2", "PJSIP/b-00000005"]


def test_bridges_are_new_and_the_same_within_a_round(tmp_path: Path) -> None:
    uuid = "c8807fee-4850-4ce1-9043-b68c35ae3ab3"
    raw = f"Event: BridgeCreate\r\nBridgeUniqueid: {uuid}\r\nBridgeId: {uuid}".encode()
    script, numbers = script_of(tmp_path, raw.decode()), Numbers(Random(1))
    seen = set()
    for _ in range(3):
        renamed = Message(numbers.fresh(script, now=NOW, pace=1.0)(raw))
        assert renamed.get("BridgeUniqueid") == renamed.get("BridgeId")
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", renamed.get("BridgeId"))
        seen.add(renamed.get("BridgeId"))
    assert len(seen) == 3
    assert uuid not in seen


def test_the_system_name_stays(tmp_path: Path) -> None:
    raw = call("Channel: PJSIP/a-00000000", "Uniqueid: pbx-east-1700000000.7")
    assert fresh(script_of(tmp_path, raw)).uniqueids == {"pbx-east-2000000000.0"}


def test_one_assigned_name_may_begin_like_another(tmp_path: Path) -> None:
    raws = [call(f"Uniqueid: {name}") for name in ("chan", "chan-1", "chan-10")]
    renaming = fresh(script_of(tmp_path, *raws))
    assert renaming.uniqueids == {"chan-1", "chan-1-1", "chan-10-1"}


def test_no_name_is_that_of_no_channel(tmp_path: Path) -> None:
    raws = [call("Uniqueid: none"), call("Uniqueid: <unknown>"), call("Uniqueid: ")]
    assert fresh(script_of(tmp_path, *raws)).uniqueids == frozenset()


@pytest.mark.parametrize(("pace", "epoch"), [(1.0, 2_000_000_010), (0.1, 2_000_000_001), (0, NOW)])
def test_a_channel_is_as_young_as_the_pace_makes_it(
    tmp_path: Path, pace: float, epoch: float
) -> None:
    script = script_of(
        tmp_path,
        call("Uniqueid: 1700000000.0"),
        call("Uniqueid: 1700000010.1"),
    )
    assert f"{int(epoch)}.1" in fresh(script, pace=pace).uniqueids


def test_the_beginning_is_told_by_the_first_channel_that_is_created(tmp_path: Path) -> None:
    script = script_of(tmp_path, "Event: First", call("Uniqueid: 1700000005.1"))
    second = script.steps[1]._replace(second=5.0)
    script.steps[1] = second
    assert fresh(script).uniqueids == {"2000000005.0"}


def test_no_uniqueid_of_a_capture_stays(load_capture_path: Callable[[str], Path]) -> None:
    script = Script(load_capture(load_capture_path("asterisk-22/click-to-call-local")))
    renaming = fresh(script)
    text = b"\r\n\r\n".join(renaming(step.raw) for step in script.steps)
    assert b"Uniqueid: 1795" not in text
    assert not re.search(rb"Uniqueid: click-chan-1(;2)?\r", text)
    assert text.count(b"\r\n") == sum(step.raw.count(b"\r\n") + 2 for step in script.steps) - 2
