"""Where in a message things are: a channel's block, a header's value, its time, another message."""

import re

NO_CHANNEL = (b"", b"none", b"<unknown>")

# What a Timestamp holds, and where at the latest it begins: the prologue puts it before the body.
_TIMESTAMP = re.compile(rb"\d{9,11}(?:\.\d{1,9})?")
PROLOGUE = 160

# What begins a message.
_another = re.compile(rb"\r\n(?:Event|Response|Privilege): ").search


def _keys(prefix: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    return (
        b"\r\n%bChannel: " % prefix,
        b"\r\n%bUniqueid: " % prefix,
        b"\r\n%bLinkedid: " % prefix,
        b"\r\n%bChanVariable: " % prefix,
    )


# The keys of a block, by what they begin with: Channel, Uniqueid, Linkedid, ChanVariable.
KEYS = {prefix: _keys(prefix) for prefix in (b"", b"Dest", b"LocalOne", b"LocalTwo")}


def place(raw: bytes, prefix: bytes) -> tuple[bytes, int, int] | None:
    """Return the uniqueid in the block whose keys have `prefix`, and where the block lies."""
    name, uniqueid, linkedid, variable = KEYS[prefix]
    start = raw.find(name)
    at = raw.find(uniqueid, start)
    if start < 0 or at < 0:
        return None
    at += len(uniqueid)
    end = raw.find(b"\r\n", at)
    which = raw[at : end if end >= 0 else len(raw)]
    if which in NO_CHANNEL:
        return None
    # It ends with its last variable, if there is any.
    last = raw.rfind(variable, at)
    if last < 0:
        last = max(raw.find(linkedid), at)
    end = raw.find(b"\r\n", last + 2)
    return which, start + 2, end if end >= 0 else len(raw)


def unprefixed(raw: bytes, prefix: bytes, start: int, end: int) -> bytes:
    """Return the block from `start` to `end`, whose keys have `prefix`, without it. O(bytes)."""
    block = raw[start + len(prefix) : end]
    return block.replace(b"\r\n" + prefix, b"\r\n") if prefix else block


def has_another(raw: bytes, begin: int, span: tuple[int, int]) -> bool:
    """Return whether a message begins in `raw` behind `begin`, outside of `span`: bytes were lost.

    There is no `span` if it ends at 0.
    """
    start, stop = span
    if not stop:
        return _another(raw, begin) is not None
    return _another(raw, begin, start) is not None or _another(raw, stop) is not None


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
    begin = raw.find(b"\r\nTimestamp: ", 0, PROLOGUE)
    if begin < 0:
        return received
    match = _TIMESTAMP.match(raw, begin + 13)
    return float(match[0]) if match else received
