"""What is measured with: recorded streams, the platform's configuration, the daemon's parts."""

import asyncio
import re
import time
import tomllib
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from callstate.ami.decode import Decoder
from callstate.ami.session import PUBLISH_SECONDS, Session
from callstate.config import Config, Sync, parse
from callstate.core.mirror import VARIABLES
from callstate.core.state import CallState
from callstate.daemon import build_state
from tests.captures import FIXTURES, Capture

T = TypeVar("T")

MACHINE = 1
END = b"\r\n\r\n"
# What a busy socket gives in one go.
PIECE = 1 << 16

_CHANNEL_VARIABLE = re.compile(rb"\r\n\w*ChanVariable(?:\([^)\r\n]*\))?: [^\r\n]*")

_CONFIG = """
account_code_is_customer = false
peers = { carrier-a = 1, carrier-b = 2 }
groups = { in-17 = 117, in-23 = 123, out-17 = 217, out-23 = 223 }

[[machine]]
id = 1
username = "callstate"
secret = "callstate"

[[endpoint]]
pattern = "PJSIP/carrier-a-*"
type = "external"
peer = 1

[[endpoint]]
pattern = "PJSIP/carrier-b-*"
type = "external"
peer = 2

[variables]
"""
_FIELDS = (
    "callid scustomer stype snumber ctype cnumber dcustomer dtype dnumber peer billing_peer "
    "ingroup outgroup overmax"
)


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of one recorded connection, banner first, whole messages only."""

    name: str
    data: bytes
    messages: int

    def pieces(self) -> list[bytes]:
        """Return the bytes as they come from a socket."""
        return [self.data[at : at + PIECE] for at in range(0, len(self.data), PIECE)]


def config() -> Config:
    """Return the configuration of the platform on which the captures were made."""
    variables = "".join(f'{field} = "cs_{field}"\n' for field in _FIELDS.split())
    return parse(tomllib.loads(_CONFIG + variables))


def wanted_variables() -> frozenset[str]:
    """Return the names of the channel variables that a daemon with `config` listens to."""
    return VARIABLES | set(config().variables.values())


def stream(name: str, *, most: int = 0) -> Stream:
    """Return the capture `name`, of its first `most` bytes if not 0, cut behind a message."""
    data = Capture(FIXTURES / name).log()
    if most:
        data = data[: data.rfind(END, 0, most) + len(END)]
    return Stream(name=name, data=data, messages=data.count(END))


def without_channel_variables(recorded: Stream) -> Stream:
    """Return what Asterisk had sent with an empty `channelvars`: the lines stand alone."""
    data = _CHANNEL_VARIABLE.sub(b"", recorded.data)
    return Stream(name=f"{recorded.name} without channelvars", data=data, messages=data.count(END))


def streams(names: Iterable[str], *, most: int = 0) -> Iterator[Stream]:
    """Give the captures of these names, each with and without channel variables."""
    for name in names:
        recorded = stream(name, most=most)
        yield recorded
        yield without_channel_variables(recorded)


def in_a_loop(work: Iterable[T]) -> list[T]:
    """Do all of `work` where a loop runs, which the session expects; the loop's own work waits."""

    async def do() -> list[T]:
        return list(work)

    return asyncio.run(do())


class Engine:
    """What a daemon has between the socket and the query, for one machine that is in step.

    It is the daemon's own session that takes the messages, in pieces, as its connection gives
    them.
    """

    def __init__(self, state: CallState | None = None) -> None:
        configured = config()
        self.state = build_state(configured) if state is None else state
        self.state.add_machine(MACHINE)
        self.session = Session(
            MACHINE,
            self.state,
            sync=Sync(),
            variables=configured.variables.values(),
            clock=lambda: self.at,
        )
        self.at = 1_795_479_200.0
        self.session.opened("11.0.0")
        self.state.released(MACHINE, self.at)
        self._decoder = Decoder()

    def feed(self, piece: bytes) -> None:
        """Take in a piece of the stream."""
        self.session.received(self._decoder.complete(piece), self.at)

    def run(self, pieces: list[bytes]) -> None:
        """Take in all of a stream; the legs are up to date after each piece.

        64 kB are what comes at some 20 000 events a second between two of the daemon's own times.
        """
        for piece in pieces:
            self.feed(piece)
            self.state.publish(MACHINE)

    def race(self, pieces: list[bytes]) -> None:
        """Take in all of a stream; the legs follow when the daemon's own timer would have rung.

        A recording that is taken in faster than it happened loses what was up for so short a
        time.
        """
        due = 0.0
        for piece in pieces:
            self.feed(piece)
            now = time.process_time()
            if not due:
                due = now + PUBLISH_SECONDS
            elif now >= due:
                self.state.publish(MACHINE)
                due = 0.0
        self.state.publish(MACHINE)
