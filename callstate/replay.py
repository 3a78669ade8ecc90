"""Recorded bytes through the daemon's own decoder and engine, and what they lead to.

Several streams are the successive connections of one machine. A recording holds no clock:
an event without a Timestamp is taken to be as late as the youngest uniqueid seen so far.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from callstate.ami.capture import open_stream
from callstate.ami.decode import END, Decoder
from callstate.ami.intake import Intake
from callstate.core import events as ev
from callstate.core import query
from callstate.core.access import Scope
from callstate.core.channel import BridgeRecord, Channel
from callstate.core.errors import CallstateError
from callstate.core.mirror import VARIABLES
from callstate.core.model import uniqueid_order
from callstate.core.state import CallState
from callstate.web.rows import encode_rows

_MARK = re.compile(r"(?:([1-9][0-9]{0,8}):)?([0-9]{1,18})")
_EVERYTHING = Scope(customers=None)


class BadMark(CallstateError):
    """A place in a recording that is none: `text` says which."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(text, problem)
        self.text = text
        self.problem = problem

    def __str__(self) -> str:
        return f"--at {self.text}: {self.problem}"


class Mark(msgspec.Struct, frozen=True):
    """A place in a recording: so many bytes from the start of the path with this number."""

    path: int
    offset: int


def parse_mark(text: str, paths: int) -> Mark:
    """Return the mark in `[K:]OFFSET`.

    Raises:
        BadMark: when it is none, or names a path that is not there.
    """
    match = _MARK.fullmatch(text)
    if match is None:
        raise BadMark(text, "must be OFFSET or K:OFFSET, in whole numbers")
    mark = Mark(int(match[1] or 1), int(match[2]))
    if mark.path > paths:
        raise BadMark(text, f"there are only {paths} paths")
    return mark


def lines(
    paths: Sequence[str],
    state: CallState,
    *,
    machine: int,
    marks: Iterable[Mark] = (),
    mirror: bool = False,
    variables: frozenset[str] | None = None,
) -> Iterator[bytes]:
    """Yield one line of JSON for each of `marks` as it is reached, and one for the end.

    `paths` are the successive connections of one machine; `-` is standard input. `state`
    is fed and must not know the machine yet.
    """
    state.add_machine(machine)
    run = Replay(state, machine, variables)
    wanted = list(marks)
    for number, path in enumerate(paths, 1):
        run.open()
        offsets = [mark.offset for mark in wanted if mark.path == number]
        offset = 0
        for data, reached in pieces(open_stream(path if path == "-" else Path(path)), offsets):
            run.feed(data)
            offset += len(data)
            if reached is not None:
                yield _line(state, machine, Mark(number, reached), mirror=mirror)
        if number == len(paths):
            yield _line(state, machine, Mark(number, offset), mirror=mirror)


def _line(state: CallState, machine: int, mark: Mark, *, mirror: bool) -> bytes:
    place = b'{"path":%d,"offset":%d,' % (mark.path, mark.offset)
    if mirror:
        return place + encode_line(mirror_of(state, machine))[1:]
    rows = encode_rows(query.run(state.store, query.Query(), _EVERYTHING))
    return place + b'"rows":' + rows + b"}"


def variables_of(fields: Iterable[str]) -> frozenset[str]:
    """Return the variables whose VarSet matters when `fields` are configured."""
    return VARIABLES | set(fields)


class Replay:
    """Feeds the connections of one machine into `state`, one after another.

    `variables` are those whose VarSet matters; None means all.
    """

    def __init__(
        self, state: CallState, machine: int, variables: frozenset[str] | None = None
    ) -> None:
        self._state = state
        self._machine = machine
        self._variables = variables
        self._clock = 0.0
        self._decoder = Decoder()
        self._intake = Intake(variables)
        self._connected = False

    def open(self) -> None:
        """Begin a connection; the one before, if any, was lost."""
        self.close()
        self._decoder = Decoder()
        self._intake = Intake(self._variables)
        self._connected = True
        self._state.opened(self._machine)

    def close(self) -> None:
        """Lose the connection."""
        if self._connected:
            self._state.closed(self._machine, self._clock, "end of the recording")
        self._connected = False

    def feed(self, data: bytes) -> None:
        """Take in the next bytes of the connection."""
        # One by one: what came before tells when each came.
        for raw in self._decoder.feed(data):
            for event in self._intake.events(raw + END, self._clock):
                self._take(event)
        self._state.publish(self._machine)

    def _take(self, event: ev.Event) -> None:
        if isinstance(event, ev.Newchannel | ev.CoreShowChannel | ev.Status):
            self._clock = max(self._clock, uniqueid_order(event.snapshot.uniqueid)[0])
        self._clock = max(self._clock, event.at)
        self._state.take(self._machine, event)
        # A recording holds no barrier: the list of channels is what brings a mirror in step.
        is_list = isinstance(event, ev.ListComplete) and event.name == "CoreShowChannelsComplete"
        if is_list and self._state.sync_of(self._machine).is_held:
            self._state.released(self._machine, self._clock)


def pieces(stream: Iterable[bytes], offsets: Iterable[int]) -> Iterator[tuple[bytes, int | None]]:
    """Cut `stream` at `offsets`: yield bytes to feed, then the offset that was reached, if any.

    Offsets beyond the end are reached at the end.
    """
    marks = sorted(offsets)
    position = 0
    for data in stream:
        start = 0
        while marks and marks[0] <= position + len(data):
            end = marks[0] - position
            yield data[start:end], marks.pop(0)
            start = end
        yield data[start:], None
        position += len(data)
    for mark in marks:
        yield b"", mark


def mirror_of(state: CallState, machine: int) -> dict[str, Any]:
    """Return every channel and bridge that the machine's mirror holds, as plain values."""
    registry = state.sync_of(machine).served
    return {
        "channels": [_channel(channel) for channel in registry.channels.values()],
        "bridges": [_bridge(bridge) for bridge in registry.bridges.values()],
    }


def _channel(channel: Channel) -> dict[str, Any]:
    snapshot = channel.snapshot
    return {
        "uniqueid": channel.uniqueid,
        "channel": channel.channel,
        "state": snapshot.channel_state,
        "linkedid": channel.linkedid,
        "callid": channel.call.callid if channel.call is not None else channel.linkedid,
        "bridge": channel.bridge.bridge_uniqueid if channel.bridge is not None else "",
        "caller_number": snapshot.caller_number,
        "caller_name": snapshot.caller_name,
        "connected_number": snapshot.connected_number,
        "connected_name": snapshot.connected_name,
        "account_code": snapshot.account_code,
        "context": snapshot.context,
        "exten": snapshot.exten,
        "priority": snapshot.priority,
        "variables": channel.variables,
        "answered": channel.answered,
        "start": channel.start,
    }


def _bridge(bridge: BridgeRecord) -> dict[str, Any]:
    return {
        "bridge": bridge.bridge_uniqueid,
        "type": bridge.bridge_type,
        "members": list(bridge.members),
    }


def encode_line(value: dict[str, Any]) -> bytes:
    """Return `value` as one line of JSON; text that is not UTF-8 is shown with U+FFFD."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_printable(value))


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return value
