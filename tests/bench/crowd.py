"""As many legs, channels and customers as a benchmark wants, alike in every run.

A customer has twenty legs: ten calls, most of them between a line of his and the outside. Fifty
customers belong to a reseller, and the resellers to customer 1.
"""

import re
from collections.abc import Iterator
from random import Random

from argon2 import PasswordHasher

from callstate.ami.decode import Message
from callstate.ami.playback.answers import About, Action, Answers
from callstate.ami.playback.state import PlayedState
from callstate.core.directory import CustomerRow, Directory, RoleRow, UserRow, build
from callstate.core.model import Leg
from tests.bench.material import END, stream

EPOCH = 1_795_400_000
LEGS_OF_A_CUSTOMER = 20
CUSTOMERS_OF_A_RESELLER = 50
MACHINES = 4

USER, PASSWORD = "operator", "bench"
_FIRST_CUSTOMER = 10_000
_FIRST_RESELLER = 2
_NAMES = ("Jürgen Weiß", "Jan de Vries", "Ivan Other", "Ann Example", "Zoë Müller", "")


def customers(legs: int) -> list[int]:
    """Return the customers that have `legs` legs between them."""
    number = max(1, legs // LEGS_OF_A_CUSTOMER)
    return list(range(_FIRST_CUSTOMER, _FIRST_CUSTOMER + number))


def reseller_of(customer: int) -> int:
    """Return the customer above `customer`."""
    return _FIRST_RESELLER + (customer - _FIRST_CUSTOMER) // CUSTOMERS_OF_A_RESELLER


def neighbours(customer: int, legs: int) -> frozenset[int]:
    """Return the scope of a reseller and all below him, as `recursive=1` makes it."""
    mine = reseller_of(customer)
    return frozenset({mine, *(one for one in customers(legs) if reseller_of(one) == mine)})


def directory(legs: int) -> Directory:
    """Return a directory of these customers and one user, who may see them all."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    known = customers(legs)
    resellers = sorted({reseller_of(one) for one in known})
    return build(
        customers=[
            CustomerRow(id=1),
            *(CustomerRow(id=one, parent=1) for one in resellers),
            *(CustomerRow(id=one, parent=reseller_of(one)) for one in known),
        ],
        roles=[RoleRow(name="reports", privileges=frozenset({"telephone line reports"}))],
        users=[UserRow(name=USER, customer=1, role="reports", password_hash=hasher.hash(PASSWORD))],
    )


def legs(number: int, *, machines: int = MACHINES) -> Iterator[Leg]:
    """Give `number` legs, in the order in which they begin."""
    known = customers(number)
    dice = Random(7)
    dice.shuffle(known)
    for index in range(number):
        yield _leg(index, known[index // 2 % len(known)], dice, machines)


def _leg(index: int, customer: int, dice: Random, machines: int) -> Leg:
    call, side = divmod(index, 2)
    start = EPOCH + call // 50
    callid = f"{start}.{2 * call}"
    line, outside = f"{100 + dice.randrange(900)}", f"+4930{dice.randrange(10**8):08}"
    return Leg(
        machine=1 + call % machines,
        uniqueid=f"{start}.{2 * call + side}",
        callid=callid,
        start=start,
        answered=start + dice.randrange(20) if call % 5 else 0,
        channel=f"PJSIP/c{customer}-{line}-{index:08x}",
        callerid_internal=line,
        callerid_external=f"+49301{customer}",
        callername_internal=dice.choice(_NAMES),
        snumber=line if side == 0 else f"9{line}",
        cnumber=outside,
        dnumber=outside if side == 0 else line,
        stype="phone",
        ctype="external",
        dtype="external" if side == 0 else "phone",
        direction=dice.choice(("in", "out", "internal")),
        scustomer=customer,
        dcustomer=customer if side else 0,
        peer=1 + call % 7,
        billing_peer=1 + call % 7,
        outgroup=200 + call % 9,
        status="answer" if call % 5 else "ringing",
        sip_callid=f"{dice.randrange(1 << 48):x}-{index}@host",
    )


class Calls:
    """Calls of two channels and a bridge as Asterisk tells them, copied from a real one.

    `up` are the messages of a call until both talk, `down` those of its end. With
    `channel_variables` each event shows fifteen, as the platform's Asterisk was told to.
    """

    def __init__(self, text: bytes) -> None:
        messages = [raw for raw in text.split(END) if _is_of_the_call(raw)]
        last = max(
            index for index, raw in enumerate(messages) if raw.startswith(b"Event: BridgeEnter")
        )
        self._up = _Template(END.join([*messages[: last + 1], b""]))
        self._down = _Template(END.join([*messages[last + 1 :], b""]))
        self.up_messages, self.down_messages = last + 1, len(messages) - last - 1

    def up(self, number: int, customer: int = 23) -> bytes:
        """Return the beginning of call `number`, of a customer."""
        return self._up.of(number, customer)

    def down(self, number: int, customer: int = 23) -> bytes:
        """Return the end of call `number`."""
        return self._down.of(number, customer)

    def pieces(self, first: int, count: int, *, at_once: int) -> list[bytes]:
        """Return whole calls, `at_once` of them begun before the first of these ends."""
        parts: list[bytes] = []
        for begin in range(first, first + count, at_once):
            numbers = range(begin, min(begin + at_once, first + count))
            parts += [self.up(number) for number in numbers]
            parts += [self.down(number) for number in numbers]
        return parts


def calls(*, channel_variables: bool = True) -> Calls:
    """Return calls like the one in a capture: from a carrier to a telephone."""
    text = stream("asterisk-22/inbound-answered").data
    if not channel_variables:
        text = without_channel_variables_text(text)
    return Calls(text)


def without_channel_variables_text(text: bytes) -> bytes:
    """Return `text` without the lines that `channelvars` adds."""
    lines = text.split(b"\r\n")
    return b"\r\n".join([line for line in lines if b"ChanVariable" not in line.partition(b":")[0]])


_FIRST, _SECOND = b"1795479217.0", b"1795479217.1"
_BRIDGE = b"ba636a5b-5592-4d13-9520-8322ef4fc681"
_CARRIER, _LINE = b"carrier-a-00000000", b"c23-104-00000001"

# What is the call's own in its text; one group, so that splitting keeps it.
_OWN = re.compile(
    b"(%b)" % b"|".join([_SECOND, _FIRST, _BRIDGE, _CARRIER, _LINE, b"customer=23", b"CUSTOMER=23"])
)


def _is_of_the_call(raw: bytes) -> bool:
    if not raw.startswith(b"Event: ") or raw.startswith((b"Event: TestEvent", b"Event: Device")):
        return False
    return _FIRST in raw or _SECOND in raw or _BRIDGE in raw


class _Template:
    """Text of the recorded call, made that of any other: replacing takes three times as long."""

    def __init__(self, text: bytes) -> None:
        parts = _OWN.split(text)
        self._fixed, self._own = parts[::2], parts[1::2]

    def of(self, number: int, customer: int) -> bytes:
        """Return the text of call `number`, of a customer."""
        epoch = EPOCH + number // 50
        of_this_call = {
            _FIRST: b"%d.%d" % (epoch, 2 * number),
            _SECOND: b"%d.%d" % (epoch, 2 * number + 1),
            _BRIDGE: b"ba636a5b-5592-4d13-9520-%012x" % number,
            _CARRIER: b"carrier-a-%08x" % (2 * number),
            _LINE: b"c23-104-%08x" % (2 * number + 1),
            b"customer=23": b"customer=%d" % customer,
            b"CUSTOMER=23": b"CUSTOMER=%d" % customer,
        }
        parts = [b""] * (len(self._fixed) + len(self._own))
        parts[::2] = self._fixed
        parts[1::2] = map(of_this_call.__getitem__, self._own)
        return b"".join(parts)


def listed(number: int) -> bytes:
    """Return Asterisk's answer to CoreShowChannels with `number` channels up."""
    state = PlayedState()
    template = calls()
    for call in range((number + 1) // 2):
        text = template.up(call, _FIRST_CUSTOMER + call // 10)
        for raw in text.split(END)[:-1]:
            if raw.startswith((b"Event: Newchannel", b"Event: BridgeEnter")):
                state.apply(Message(raw).headers(), EPOCH)
    answers = Answers(state, about=About(), clock=lambda: EPOCH + 60.0)
    asked = Action({"action": "CoreShowChannels", "actionid": "1"})
    return b"".join([raw + END for raw in answers.answer(asked)])
