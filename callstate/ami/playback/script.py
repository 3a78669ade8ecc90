"""A capture as a script for a pretended Asterisk: its events, in order and with their time.

Left out is what the recorder's own actions caused (responses, list items, its login) and
noise. Channels and bridges that were up before the recording began are taken from the list
items in it, and come first.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from callstate.ami.capture import Capture, Connection
from callstate.ami.decode import Message
from callstate.ami.playback.state import BLOCK_HEADERS, BRIDGE_HEADERS, Headers

_END = b"\r\n\r\n"
_NOISE = re.compile(
    rb"Event: (?:FullyBooted|Shutdown|TestEvent)\r\n|[^\r]*\r\nPrivilege: security,"
)
# An event of Asterisk's own that carries the ActionID of whoever originated the call.
_BROADCAST = b"Event: OriginateResponse\r\n"


class Step(NamedTuple):
    """One event, without its final blank line, and its second from the script's beginning."""

    second: float
    raw: bytes


class Script:
    """The events of a capture's first connection: `steps`, over `seconds`.

    Of a capture with several connections only the first is played: what happened between
    them is not known.
    """

    def __init__(self, capture: Capture) -> None:
        messages = list(_messages(capture.connections[0]))
        played = [Step(second, raw) for second, raw in messages if _is_played(raw)]
        begin = played[0].second if played else 0.0
        self.steps = [Step(0.0, raw) for raw in _already_up([raw for _, raw in messages])]
        self.steps += [Step(second - begin, raw) for second, raw in played]
        self.seconds = self.steps[-1].second if self.steps else 0.0


def to_raw(headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the message with these headers, without its final blank line."""
    lines = "\r\n".join(f"{key}: {value}" for key, value in headers)
    return lines.encode("utf-8", "surrogateescape")


def _messages(recorded: Connection) -> Iterator[tuple[float, bytes]]:
    # Cut here, not by the decoder: the time of a message is that of its last byte.
    offset = recorded.data.find(b"\r\n") + 2
    while (end := recorded.data.find(_END, offset)) >= 0:
        yield recorded.second_of(end + 3), recorded.data[offset:end].lstrip(b"\r\n")
        offset = end + 4


def _is_played(raw: bytes) -> bool:
    if not raw.startswith(b"Event: ") or _NOISE.match(raw):
        return False
    return b"\r\nActionID: " not in raw or raw.startswith(_BROADCAST)


def _already_up(messages: list[bytes]) -> list[bytes]:
    """Return Newchannels, BridgeCreates and BridgeEnters for what only lists tell of."""
    told = {_get(raw, "Uniqueid") for raw in messages if raw.startswith(b"Event: Newchannel\r\n")}
    channels: dict[str, bytes] = {}
    bridges: list[bytes] = []
    members: list[Headers] = []
    for raw in messages:
        if b"\r\nActionID: " not in raw:
            continue
        uniqueid, headers = _get(raw, "Uniqueid"), Message(raw).headers()
        if raw.startswith(b"Event: CoreShowChannel\r\n") and uniqueid not in told:
            channels.setdefault(uniqueid, to_raw([*_prologue("Newchannel"), *_block(headers)]))
        elif raw.startswith(b"Event: BridgeInfoChannel\r\n") and uniqueid in channels:
            members.append(_block(headers))
        elif raw.startswith(b"Event: BridgeInfoComplete\r\n"):
            bridge = [(key, value) for key, value in headers if key in BRIDGE_HEADERS]
            bridges.append(to_raw([*_prologue("BridgeCreate"), *bridge]))
            bridges += [to_raw([*_prologue("BridgeEnter"), *bridge, *one]) for one in members]
            members = []
    return [*channels.values(), *bridges]


def _prologue(event: str) -> Headers:
    return [("Event", event), ("Privilege", "call,all")]


def _block(headers: Headers) -> Headers:
    kept = BLOCK_HEADERS | {"ChanVariable"}
    return [(key, value) for key, value in headers if key in kept]


def _get(raw: bytes, key: str) -> str:
    return Message(raw).get(key)
