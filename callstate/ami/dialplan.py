"""VarSet and Newexten read in full, where a `glance` at them will not do."""

from callstate.ami.blocks import Blocks
from callstate.ami.headers import TELLING, application, text, unescape
from callstate.ami.known import Known
from callstate.ami.shared import shared
from callstate.ami.twins import time_of, value
from callstate.core import events as ev
from callstate.core.registry import PEER_CALL_ID, PEER_NAME

MARKER_VARIABLE = "CALLSTATE_MARK"

_VARIABLE = b"\r\nVariable: "
_PEER_NAME, _PEER_CALL_ID = PEER_NAME.encode(), PEER_CALL_ID.encode()


class Dialplan:
    """Translates VarSet and Newexten. `variables` are those whose VarSet matters, None is all."""

    def __init__(self, blocks: Blocks, variables: frozenset[bytes] | None) -> None:
        self._blocks = blocks
        self._variables = variables

    def varset(self, raw: bytes, received: float) -> ev.Event | None:
        """Return what the VarSet `raw` tells."""
        # From the end: the value is escaped and thus one line, and the last header.
        start = raw.rfind(_VARIABLE) + 12
        end = raw.find(b"\r\n", start)
        if start < 12 or end < 0:
            return None
        name = raw[start:end].lstrip(b"_")
        channel, changed = self._blocks.read(raw)
        if channel is None:
            return _marker(raw, received, name)
        if self._variables is not None and name not in self._variables:
            if not changed:
                return None
            return ev.ChannelUpdate(time_of(raw, received), channel, creates=True)
        self._blocks.note_set(name)
        content = unescape(text(value(raw, b"Value", end)))
        return ev.VarSet(time_of(raw, received), channel, shared(text(name)), content)

    def newexten(self, raw: bytes, received: float) -> ev.Event | None:
        """Return what the Newexten `raw` tells."""
        channel, _ = self._blocks.read(raw)
        if channel is None:
            return None
        self._blocks.note_place(value(raw, b"Application") in TELLING)
        running = application(raw, b"AppData")
        return ev.ChannelUpdate(time_of(raw, received), channel, True, running)


def set_event(raw: bytes, known: Known, name: bytes, content: bytes, received: float) -> ev.VarSet:
    """Return what the VarSet `raw` tells, whose block is the one that is `known`."""
    if name == _PEER_NAME:
        # The other one is said of whom this names.
        known.forget_told(_PEER_CALL_ID)
    known.tell(name, content)
    at = time_of(raw, received)
    return ev.VarSet(at, known.channel, shared(text(name)), unescape(text(content)))


def _marker(raw: bytes, received: float, name: bytes) -> ev.Event | None:
    if name != MARKER_VARIABLE.encode():
        return None
    return ev.Marker(time_of(raw, received), unescape(text(value(raw, b"Value"))))
