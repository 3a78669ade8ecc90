"""The load in small, in every run; `make load` is the whole of it, half an hour."""

from pathlib import Path

import pytest

from callstate.ami.decode import Decoder
from callstate.ami.playback.answers import Action
from tests.load.__main__ import text_of
from tests.load.calls import forms
from tests.load.machine import Machine, pace_of
from tests.load.processes import Plan, configure
from tests.load.run import Result, run
from tests.load.truth import differences
from tests.streams import END

SMALL = Plan(machines=2, legs=60, events=200, clients=8, bad=4, seconds=8.0, record=True)
BEGIN = 1_700_000_000.0


async def test_nothing_is_lost_under_load(tmp_path: Path) -> None:
    result = await run(SMALL, tmp_path)
    assert result.is_right, text_of(result)
    assert result.sent > SMALL.machines * SMALL.events * SMALL.seconds / 2
    assert result.legs > 0
    assert {kind for kind, *_ in result.times} >= {"count", "with names"}
    assert result.samples[-1].megabytes > 0


def _busy(tmp_path: Path) -> Machine:
    chosen = forms("cs_callid")
    pace = pace_of(chosen, legs=300, events=600)
    machine = Machine(chosen, pace, wanted="cs_callid", record=None)
    machine.fill(BEGIN)
    for second in range(20):
        machine.go_on(BEGIN + second)
    machine.write_down(tmp_path, 1)
    return machine


def test_as_many_are_up_as_were_asked_for(tmp_path: Path) -> None:
    legs = sum(call.form.moments[len(call.stamps) - 1].legs for call in _busy(tmp_path).up)
    assert 200 < legs < 400


@pytest.mark.parametrize("name", ["CoreShowChannels", "Status", "BridgeList"])
def test_a_list_has_what_it_says(tmp_path: Path, name: str) -> None:
    asked = Action({"action": name, "actionid": "7", "variables": "cs_callid"})
    answer, event = _busy(tmp_path).carry_out(asked)
    assert event is None
    assert len(answer) > 100
    assert b"\r\nListItems: %d" % (len(answer) - 2) in answer[-1]
    assert all(raw.count(b"\r\nActionID: 7") == 1 for raw in answer)
    assert Decoder().feed(END.join((b"", *answer, b""))) == answer


def test_what_is_up_is_what_follows_from_its_bytes_and_a_leg_too_many_is_seen(
    tmp_path: Path,
) -> None:
    _busy(tmp_path)
    (tmp_path / "older-1.json").write_text("[]", encoding="utf-8")
    settings = configure(tmp_path, [1])
    said = [*differences(tmp_path, settings, [])]
    assert any("is up, and not shown" in each for each in said)
    ghost = {"machine": 1, "uniqueid": "x"}
    assert "(1, 'x') is shown, and not up" in [*differences(tmp_path, settings, [ghost])]


def test_what_is_wrong_is_said() -> None:
    result = Result(plan=SMALL, sent=9, lost=1, differences=["a leg"])
    assert not result.is_right
    assert "WRONG" in text_of(result)
    assert "* a leg" in text_of(result)
