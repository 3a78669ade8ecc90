"""Where in a message things are: a channel's block, and what has no place in a message."""

import re

NO_CHANNEL = (b"", b"none", b"<unknown>")

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


def has_another(raw: bytes, begin: int, end: int) -> bool:
    """Return whether a message begins in `raw` between `begin` and `end`: bytes were lost."""
    return _another(raw, begin, end) is not None
