"""One message lost, doubled, torn or with a hole in it: the lists of the next audit put it right.

The lists are made of the truth at the next checkpoint; from there on every later
checkpoint must be right as well, without further help.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from random import Random

import pytest

from callstate.ami.translate import Translator
from callstate.core import events as ev
from tests.captures import Capture
from tests.streams import END, Player, Recording, messages
from tests.truth import differences, lists

Fault = Callable[[bytes, Random], bytes]


def _dropped(_message: bytes, _random: Random) -> bytes:
    return b""


def _doubled(message: bytes, _random: Random) -> bytes:
    return message * 2


def _torn(message: bytes, random: Random) -> bytes:
    """Lose the end: what follows runs into it, as after a write that was given up."""
    return message[: random.randrange(1, len(message))]


def _holed(message: bytes, random: Random) -> bytes:
    """Lose a part in the middle, at most up to the end."""
    start = random.randrange(1, len(message))
    return message[:start] + message[random.randrange(start, len(message)) :]


FAULTS: dict[str, Fault] = {
    "dropped": _dropped,
    "doubled": _doubled,
    "torn": _torn,
    "holed": _holed,
}
each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)

# What the platforms of the captures keep in variables.
VARIABLES = (
    *("CUSTOMER", "cs_scustomer", "cs_stype", "cs_snumber", "cs_ctype", "cs_cnumber"),
    *("cs_dcustomer", "cs_dtype", "cs_dnumber", "cs_peer", "cs_billing_peer", "cs_ingroup"),
    *("cs_outgroup", "cs_overmax", "cs_callid", "MIXMONITOR_FILENAME"),
)


def _unhealed(capture: Capture, at: int, fault: Fault, seed: int) -> Iterator[str]:
    """Play connection 1 with a fault in message `at`; give what is wrong after the next lists."""
    player = Player()
    player.open()
    place, number, asked = 0, -1, False
    wanted = [(one.offset, one) for one in capture.checkpoints if one.conn == 1 and one.quiet]
    log = messages(capture.log())
    for offset, checkpoint in wanted:
        assert offset is not None
        while number + 1 < len(log) and place + len(log[number + 1]) <= offset:
            number += 1
            place += len(log[number])
            player.feed(fault(log[number], Random(seed)) if number == at else log[number])
        if number >= at:
            if not asked:
                player.feed(lists(checkpoint, variables=VARIABLES))
            asked = True
            player.state.check()
            for difference in differences(player.mirror, checkpoint, either=True):
                yield f"{checkpoint.label}: {difference}"


@each_fault
@pytest.mark.captures("asterisk-22/internal")
def test_any_message_of_a_call(capture: Capture, fault: Fault) -> None:
    for at in range(1, len(messages(capture.log()))):
        assert list(_unhealed(capture, at, fault, seed=at)) == [], at


@each_fault
@pytest.mark.captures("asterisk-22/[a-df-h]*", "asterisk-16/[pqrv]*", "asterisk-16/masquerade")
def test_some_messages_of_what_is_harder(capture: Capture, fault: Fault) -> None:
    number = len(messages(capture.log()))
    for at in Random(capture.name).sample(range(1, number), 5):
        assert list(_unhealed(capture, at, fault, seed=at)) == [], at


# The headers that `channelvars` brings.
_bare = partial(re.compile(rb"\r\n\w*ChanVariable[^\r]*").sub, b"")


@pytest.mark.captures("*/pickup-*", "*/masquerade")
def test_variables_that_a_masquerade_moved_where_no_event_shows_any(capture: Capture) -> None:
    player, recording, translator = Player(), Recording(capture.log()), Translator()
    player.open()
    moved = healed = False
    for checkpoint in capture.checkpoints:
        came = [_bare(message) for message in recording.until(checkpoint.offset or 0)]
        player.feed(b"".join(came))
        told = [translator.translate(message.removesuffix(END), 0.0) for message in came]
        moved |= any(isinstance(event, ev.Masquerade) for event in told)
        if moved and not healed:
            assert differences(player.mirror, checkpoint, either=True) != []
            player.feed(_bare(lists(checkpoint, variables=VARIABLES)))
            healed = True
        assert differences(player.mirror, checkpoint, either=True) == [], checkpoint.label
    assert healed
