"""Wrong bytes through the daemon's own engine, and what has to hold whatever they are.

One case is one seed: some connections of one machine, each a wrong stream, and at last a
right one. What has to hold:

1. Nothing raises.
2. The state is consistent (`check`) at every look, and its rows are JSON.
3. The pieces that the bytes come in do not matter to the decoder.
4. After a right connection the mirror shows what a fresh one would: nothing wrong stays.
"""

import asyncio
from functools import cache
from random import Random
from typing import Any

import msgspec

from callstate.ami.decode import Decoder, messages
from callstate.ami.session import Session
from callstate.config import VARIABLE_FIELDS, Sync, parse
from callstate.core import query
from callstate.core.access import Scope
from callstate.core.state import CallState
from callstate.daemon import build_state
from callstate.replay import mirror_of
from callstate.web import rows
from tests.fuzz.mutations import Mutator, streams
from tests.streams import MACHINE

# How many pieces lie between two looks at the whole state, which cost as much as they do.
LOOK_EVERY = 40
EVERYTHING = Scope(customers=None)
# Recordings of enough calls that something wrong would meet them.
RIGHT = ("asterisk-22/join-midcall", "asterisk-16/join-midcall", "asterisk-22/mixed-traffic")
# Every field has a variable, and there are rules for every kind of channel.
CONFIG = parse(
    {
        "machine": [{"id": MACHINE, "username": "callstate"}],
        "variables": {field: f"cs_{field}" for field in VARIABLE_FIELDS},
        "peers": {"carrier-a": 1},
        "groups": {"in-17": 117},
        "endpoint": [
            {"pattern": "PJSIP/carrier-*", "type": "external", "peer": 1},
            {"pattern": "Local/*", "type": "local", "number": "1"},
        ],
        "account_code_is_customer": True,
    }
)


class Engine:
    """A daemon's parts between the socket and the answer, on one machine."""

    def __init__(self) -> None:
        self.state = build_state(CONFIG)
        self.state.add_machine(MACHINE)
        variables = CONFIG.variables.values()
        self.at = 1_700_000_000.0
        self.session = Session(
            MACHINE, self.state, sync=Sync(), variables=variables, clock=lambda: self.at
        )
        self.messages = 0
        self._decoder = Decoder()

    def open(self) -> None:
        """Begin a connection."""
        self._decoder = Decoder()
        self.session.opened("11.0.0")

    def close(self) -> None:
        """Lose the connection."""
        self.session.closed("lost")

    def feed(self, data: bytes) -> None:
        """Take in a piece, as the protocol and the connection do."""
        whole = self._decoder.complete(data)
        self.messages += len(messages(whole))
        self.session.received(whole, self.at)

    def look(self) -> None:
        """Assert that the state is consistent and can be shown."""
        self.state.check()
        legs = query.run(self.state.store, query.Query(), EVERYTHING)
        for encode in (rows.encode_rows, rows.encode_panel_rows, rows.rows_with_names(_nobody)):
            shown = msgspec.json.decode(encode(legs))
            assert len(shown) == len(legs), "a leg is not shown"


def _nobody(_customer: int, _other: int, _number: str) -> str:
    return ""


def run_case(seed: int) -> int:
    """Run the case of `seed`; return how many messages its wrong streams had.

    Raises what is wrong.
    """
    return asyncio.run(_case(seed))


async def _case(seed: int) -> int:
    # A session has timers, so it needs a loop, though nothing here waits for one.
    dice = Random(seed)
    engine = Engine()
    for _ in range(dice.choice((1, 1, 2, 3))):
        _connection(engine, dice)
    messages = engine.messages
    _heal(engine, dice)
    return messages


def _connection(engine: Engine, dice: Random) -> None:
    mutator = Mutator(dice)
    data = mutator.stream()
    pieces = mutator.pieces(data)
    if dice.random() < 0.05:
        _compare_pieces(data, pieces)
    engine.open()
    for count, piece in enumerate(pieces):
        engine.feed(piece)
        engine.at += dice.choice((0.0, 0.01, 1.0))
        if count % LOOK_EVERY == 0:
            _turn(engine, dice)
            engine.look()
    engine.look()
    engine.close()
    engine.look()


def _turn(engine: Engine, dice: Random) -> None:
    """Let happen what is no message."""
    match dice.randrange(6):
        case 0:
            engine.state.released(MACHINE, engine.at)
        case 1:
            engine.at += 100
            engine.state.expire(engine.at, 60)
        case 2:
            engine.close()
            engine.open()
        case _:
            pass


def _compare_pieces(data: bytes, pieces: list[bytes]) -> None:
    whole, torn = Decoder(), Decoder()
    wanted = whole.feed(data)
    found = [raw for piece in pieces for raw in torn.feed(piece)]
    assert found == wanted, "the pieces matter"
    assert (torn.version, torn.oversized) == (whole.version, whole.oversized)


def _heal(engine: Engine, dice: Random) -> None:
    name = dice.choice(RIGHT)
    engine.open()
    engine.feed(_log(name))
    engine.state.released(MACHINE, engine.at)
    engine.look()
    assert facts(engine.state) == _right(name), "something wrong stayed"
    engine.close()


def facts(state: CallState) -> dict[str, Any]:
    """Return what is known of the channels that are up, as far as it is of this connection."""
    mirror = mirror_of(state, MACHINE)
    told = ("channel", "state", "linkedid", "bridge", "caller_number", "connected_number")
    return {channel["uniqueid"]: [channel[name] for name in told] for channel in mirror["channels"]}


@cache
def _log(name: str) -> bytes:
    """Return the recording until the moment at which the most calls were up."""
    capture = next(capture for capture in streams() if capture.name == name)
    places = [each for each in capture.checkpoints if each.conn == 1 and each.offset]
    fullest = max(places, key=lambda each: len(each.channels))
    assert fullest.channels, f"no calls in {name}"
    return capture.log()[: fullest.offset]


@cache
def _right(name: str) -> dict[str, Any]:
    engine = Engine()
    engine.open()
    engine.feed(_log(name))
    engine.state.released(MACHINE, engine.at)
    shown = facts(engine.state)
    engine.close()
    return shown
