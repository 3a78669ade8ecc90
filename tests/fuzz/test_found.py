"""What was found wrong with wrong streams, each the smallest that showed it."""

import pytest

from tests.fuzz.engine import Engine
from tests.traffic import Caller

CALLER = Caller(1, "PJSIP/a", caller="101").event("Newchannel")


@pytest.mark.parametrize("header", [b"Priority: ", b"ChannelState: "])
async def test_a_number_that_is_not_even_utf_8_is_none(header: bytes) -> None:
    engine = Engine()
    engine.open()
    before, _, after = CALLER.partition(header)
    engine.feed(before + header + b"\xff" + after + b"\r\n\r\n")
    engine.look()
    assert len(engine.state.store) == 1
