"""What Asterisk's answers mean, before a mirror is compared with them."""

from tests.captures import Checkpoint, Item
from tests.truth import differences, in_effect

CHANNEL = {
    "Uniqueid": "1.1",
    "Channel": "PJSIP/a-1",
    "ChannelState": "6",
    "Linkedid": "1.1",
    "CallerIDNum": "101",
    "CallerIDName": "A",
    "ConnectedLineNum": "<unknown>",
    "ConnectedLineName": "<unknown>",
    "AccountCode": "",
    "Context": "c",
    "Exten": "1",
    "Priority": "1",
}
MIRROR = {
    "uniqueid": "1.1",
    "channel": "PJSIP/a-1",
    "state": 6,
    "linkedid": "1.1",
    "caller_number": "101",
    "caller_name": "A",
    "connected_number": "",
    "connected_name": "",
    "account_code": "",
    "context": "c",
    "exten": "1",
    "priority": 1,
    "bridge": "",
    "callid": "1.1",
}


def _differences(mirrored: str, variables: list[str]) -> list[str]:
    status: Item = {**CHANNEL, "Variable": variables}
    checkpoint = Checkpoint(
        label="",
        t=0.0,
        conn=1,
        offset=0,
        offset_after=0,
        quiet=True,
        expect="",
        channels=[dict(CHANNEL)],
        status=[status],
        bridges=[],
    )
    channel = {**MIRROR, "variables": {"cs_callid": mirrored}}
    return differences({"channels": [channel], "bridges": []}, checkpoint)


def test_of_a_variable_that_is_listed_twice_the_first_is_in_effect() -> None:
    twice = ["cs_callid=new", "OTHER=x", "cs_callid=old"]
    assert in_effect({"Variable": twice}) == {"cs_callid": "new", "OTHER": "x"}
    assert _differences("new", twice) == []
    assert _differences("old", twice) == ["PJSIP/a-1 variable cs_callid 'old', not 'new'"]


def test_a_variable_that_only_status_shows_is_compared() -> None:
    assert _differences("old", ["cs_callid=new"]) != []
    assert _differences("new", ["cs_callid=new"]) == []
