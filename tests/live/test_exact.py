"""At every mark of every scenario callstate says what Asterisk says, on both releases at once.

A group's scenarios run side by side, each on a machine of its own; one callstate watches
all of them. Audits are off: what is right here is right by events alone. A second callstate
joins anew at every mark: what it says is right by lists alone.
"""

from pathlib import Path

import pytest

from callstate.ami import session as sessions
from tests.live.conftest import RELEASES, Fleet
from tests.live.exact import Tally
from tests.live.play import NO_AUDITS, Run, play

pytestmark = pytest.mark.live

# At most as many as there are lanes.
GROUPS = {
    "plain": [Run("inbound_answered", 11), Run("inbound_cancelled", 13), Run("internal", 15)],
    "outside": [Run("outbound", 16), Run("failed", 17), Run("busy", 14)],
    "forwards": [
        Run("forward", 18, {"number": "110", "from": "carrier-a"}),
        Run("forward", 19, {"number": "111", "from": "phone"}),
        Run("forward", 20, {"number": "112", "from": "carrier-b"}),
    ],
    "forwards of forwards": [
        Run("forward", 21, {"number": "113", "from": "carrier-b", "callee_hangs_up": True}),
        Run("forward_302", 22),
        Run("forward_302", 23, {"did": True}),
    ],
    "ring groups": [
        Run("ring_group", 23, {"number": "120", "one_busy": True}),
        Run("ring_group", 24, {"number": "121", "cust": "23"}),
        Run("ring_group", 25, {"number": "122"}),
    ],
    "queues": [
        Run("queue_call", 27, {"number": "130", "second_caller": True}),
        Run("queue_call", 28, {"number": "131"}),
        Run("queue_call", 30, {"number": "132", "agent_hangs_up": False}),
    ],
    "queues left": [
        Run("callee_sub", 64),
        Run("queue_call", 29, {"number": "131", "abandon": True}),
        Run("queue_call", 31, {"number": "132", "refuse": True}),
    ],
    "blind transfers": [
        Run("blind_transfer", 32, {"how": "refer"}),
        Run("blind_transfer", 33, {"how": "ami"}),
        Run("blind_transfer", 34, {"how": "dtmf"}),
    ],
    "attended transfers": [
        Run("attended_transfer", 35, {"how": "ami"}),
        Run("attended_transfer", 36, {"how": "refer"}),
        Run("attended_transfer", 37, {"how": "dtmf"}),
    ],
    "attended transfers, early": [
        Run("attended_transfer", 38, {"how": "ami", "early": True, "from": "phone"}),
        Run("attended_transfer", 39, {"how": "refer", "early": True}),
        Run("attended_transfer", 40, {"how": "dtmf", "early": True}),
    ],
    "attended transfers, given up": [
        Run("attended_transfer", 38, {"how": "ami", "give_up": True}),
        Run("attended_transfer", 87, {"how": "ami", "give_up": "hangup"}),
        Run("attended_transfer", 88, {"how": "dtmf", "swap": True}),
    ],
    "parking": [
        Run("parking", 41, {"how": "ami"}),
        Run("parking", 42, {"how": "ami", "timeout": 4000, "timeout_comes_back": True}),
        Run("parking", 43, {"how": "exten"}),
    ],
    "pickups": [
        Run("pickup", 45, {"how": "exten"}),
        Run("pickup", 46, {"how": "group"}),
        Run("pickup", 47, {"how": "chan"}),
    ],
    "recordings": [
        Run("recording", 49, {"how": "ami"}),
        Run("recording", 50, {"how": "dialplan"}),
        Run("recording", 51, {"how": "dtmf"}),
    ],
    "conference, hold, ivr": [Run("conference", 48), Run("hold", 52), Run("ivr", 63)],
    "clicks to call": [
        Run("click_to_call", 54, {"how": "direct"}),
        Run("click_to_call", 55, {"how": "local", "target": "out"}),
        Run("click_to_call", 57, {"how": "local-n"}),
    ],
    "redirects": [
        Run("redirect", 58, {"how": "dual"}),
        Run("redirect", 59, {"how": "callee"}),
        Run("redirect", 60, {"how": "caller"}),
    ],
    "channels that change places": [
        Run("two_bridge_swap", 61),
        Run("masquerade", 86),
        Run("chanspy", 62),
    ],
    "names and variables": [
        Run("caller_id", 53),
        Run("variables_midcall", 65),
        Run("click_to_call", 56, {"how": "local-n", "refuse": True}),
    ],
}


@pytest.fixture(autouse=True)
def nothing_asked_after_a_masquerade(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no audit help, whatever is the reason for it."""
    monkeypatch.setattr(sessions, "MASQUERADE_SECONDS", 3600.0)


@pytest.mark.parametrize("runs", GROUPS.values(), ids=GROUPS)
async def test_what_callstate_says_is_what_asterisk_says(
    runs: list[Run], fleet: Fleet, tally: Tally, tmp_path: Path
) -> None:
    on_both = [run for run in runs for _ in RELEASES]
    cast = list(zip(on_both, fleet, strict=False))
    await play(cast, tally, tmp_path, newcomers=True, sync=NO_AUDITS)
