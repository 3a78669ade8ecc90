"""The headers of one raw message, read one by one: bytes into values. Pure, never raises.

Escapes are undone only where Asterisk escapes: caller's and connected name, values of
ChanVariable and VarSet (ast_escape_c_alloc; main/manager_channels.c, pbx_variables.c).
`<unknown>` is empty.
"""

import re

from callstate.core.channel import APPLICATIONS
from callstate.core.events import Bridge, ChannelSnapshot

UNKNOWN = "<unknown>"

_TELLING = frozenset(name.encode() for name in APPLICATIONS)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_TIMESTAMP = re.compile(rb"\d{9,11}(?:\.\d{1,9})?")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def snapshot(block: bytes, skip: int) -> ChannelSnapshot:
    """Return the values of a standard header block, whose keys have `skip` letters of prefix."""
    fields: dict[str, str] = {}
    variables: list[tuple[str, str]] = []
    for line in block.decode("utf-8", "surrogateescape").split("\r\n"):
        key, _, value = line[skip:].partition(": ")
        if key == "ChanVariable":
            name, _, text = value.partition("=")
            variables.append((name, unescape(text)))
        else:
            fields.setdefault(key, "" if value == UNKNOWN else value)
    get = fields.get
    uniqueid = get("Uniqueid", "")
    return ChannelSnapshot(
        uniqueid=uniqueid,
        # Releases before 13.5 have no Linkedid: each channel is its own.
        linkedid=get("Linkedid", "") or uniqueid,
        channel=get("Channel", ""),
        channel_state=number(get("ChannelState", "").encode(), 0) & 0xFFFF,
        caller_number=get("CallerIDNum", ""),
        caller_name=unescape(get("CallerIDName", "")),
        connected_number=get("ConnectedLineNum", ""),
        connected_name=unescape(get("ConnectedLineName", "")),
        account_code=get("AccountCode", "") or get("Accountcode", ""),
        context=get("Context", ""),
        exten=get("Exten", ""),
        priority=number(get("Priority", "").encode(), 0),
        variables=tuple(variables),
    )


def bridge(raw: bytes) -> Bridge | None:
    """Return the values of the bridge headers, None if there are none."""
    uniqueid = value(raw, b"BridgeUniqueid")
    if not uniqueid:
        return None
    name = text(value(raw, b"BridgeName"))
    return Bridge(
        bridge_uniqueid=text(uniqueid),
        bridge_type=text(value(raw, b"BridgeType")),
        technology=text(value(raw, b"BridgeTechnology")),
        num_channels=number(value(raw, b"BridgeNumChannels"), 0),
        name="" if name == UNKNOWN else name,
    )


def application(raw: bytes, data_key: bytes) -> str:
    """Return what the channel runs; with its arguments, if that tells where a caller is."""
    running = value(raw, b"Application")
    if running not in _TELLING:
        return text(running)
    return text(b"%b(%b)" % (running, value(raw, data_key)))


def value(raw: bytes, key: bytes, start: int = 0) -> bytes:
    """Return the first value of `key` in `raw` from `start` on, or nothing. O(bytes)."""
    at = raw.find(b"\r\n" + key + b": ", start)
    if at < 0:
        return b""
    at += len(key) + 4
    end = raw.find(b"\r\n", at)
    return raw[at:end] if end >= 0 else raw[at:]


def time_of(raw: bytes, received: float) -> float:
    """Return the time in the event's Timestamp (`timestampevents`), else `received`."""
    # The prologue puts it before the body: Event, Privilege, Timestamp.
    place = raw.find(b"\r\nTimestamp: ", 0, 160)
    if place < 0:
        return received
    match = _TIMESTAMP.match(raw, place + 13)
    return float(match[0]) if match else received


def number(value: bytes, default: int) -> int:
    """Return the whole number in `value`, or `default` if it holds none."""
    # Longer than any number of Asterisk's is no number of Asterisk's.
    return int(value) if value.isdigit() and len(value) < 19 else default


def duration(value: bytes) -> int:
    """Return the seconds in `HH:MM:SS`."""
    seconds = 0
    for part in value.split(b":"):
        seconds = seconds * 60 + number(part, 0)
    return seconds


def text(value: bytes) -> str:
    """Return `value` as text; bytes that are not UTF-8 survive as surrogates."""
    return value.decode("utf-8", "surrogateescape")


def unescape(text: str) -> str:
    """Undo ast_escape_c_alloc."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), text)
