"""What a manager account may read, and how `manager.conf` and `asterisk.conf` are set."""

import dataclasses
from pathlib import Path

import pytest

from callstate.ami import session as sessions
from tests.live.conftest import RELEASES, Fleet, StartServer
from tests.live.exact import Tally
from tests.live.play import NO_AUDITS, Run, play

pytestmark = pytest.mark.live

# Local channels that stay, a queue, and a transfer: what hangs together in every way.
CALLS = (
    ("forward", {"number": "111", "from": "phone"}),
    ("queue_call", {"number": "131"}),
    ("attended_transfer", {"how": "ami"}),
)


async def test_the_least_account_lacks_only_what_no_event_tells_it(
    fleet: Fleet, tally: Tally, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs = [Run(name, 96, params, user="least", least=True) for name, params in CALLS]
    cast = list(zip([run for run in runs for _ in RELEASES], fleet, strict=False))
    await play(cast, tally, tmp_path, sync=NO_AUDITS)
    warned = [record for record in caplog.records if record.getMessage().startswith("no barrier")]
    assert len(warned) == len(cast)


async def test_an_account_without_the_loud_classes_lacks_nothing(
    fleet: Fleet, tally: Tally, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs = [Run(name, 97, params, user="narrow") for name, params in CALLS]
    cast = list(zip([run for run in runs for _ in RELEASES], fleet, strict=False))
    await play(cast, tally, tmp_path, sync=NO_AUDITS)
    assert "no barrier" not in caplog.text


async def test_the_least_account_is_in_step_again_after_a_lost_link(
    fleet: Fleet, tally: Tally, tmp_path: Path
) -> None:
    run = Run("reconnect", 98, user="least", least=True, saw_all=False)
    cast = [(run, server) for server in fleet[: len(RELEASES)]]
    await play(cast, tally, tmp_path, sync=NO_AUDITS)


async def test_what_is_set_in_asterisk_makes_no_difference(
    start_server: StartServer, tally: Tally, tmp_path: Path
) -> None:
    named = [start_server(one, systemname="pbx-east", timestamps=True) for one in RELEASES]
    plain = [start_server(one, channelvars=False) for one in RELEASES]
    # The account, and the settings, of deploy/asterisk/manager.conf.
    told = [start_server(one, channelvars=False, timestamps=True) for one in RELEASES]
    for name, params in (*CALLS, ("variables_midcall", {}), ("click_to_call", {"how": "local"})):
        run = Run(name, 99, params)
        cast = [(run, server) for server in named + plain]
        cast += [(dataclasses.replace(run, user="callstate"), server) for server in told]
        await play(cast, tally, tmp_path, newcomers=True, sync=NO_AUDITS)


async def test_what_a_masquerade_moves_is_asked_for_where_no_event_shows_variables(
    start_server: StartServer, tally: Tally, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Sooner than ever: a mark waits only as long as what is under way may take.
    monkeypatch.setattr(sessions, "MASQUERADE_SECONDS", 0.1)
    monkeypatch.setattr(sessions, "_MASQUERADE_SHARE", 1.0)
    told = [start_server(one, channelvars=False, timestamps=True) for one in RELEASES]
    for name, params in (
        ("pickup", {"how": "exten"}),
        ("pickup", {"how": "group"}),
        ("pickup", {"how": "chan"}),
        ("masquerade", {}),
    ):
        run = Run(name, 100, params, user="callstate")
        await play([(run, server) for server in told], tally, tmp_path, sync=NO_AUDITS)
