"""VarSet and Newexten at a glance: four of five messages of a busy machine.

Nearly all of them show that a channel moved on in the dialplan, and nothing else that
matters; and they come in runs, for a dialplan sets many variables in a row. Such a one is
passed over: its block begins and ends as the one of that channel that was looked at last,
and nothing but the event's own headers follows. Whatever is not exactly so is read in full.

Where a channel is in the dialplan, and what its block shows of variables, is told once for a
piece of the stream, with the last of the messages that were passed over (`blocks.late`).

`compiled` has the same in C, for builds that have it.
"""

from collections.abc import Container, Iterator

from callstate.ami.blocks import Blocks
from callstate.ami.decode import messages
from callstate.ami.dialplan import set_event
from callstate.ami.headers import TELLING, text
from callstate.ami.known import NOBODY, Known
from callstate.core import events as ev
from callstate.core.channel import is_noted
from callstate.core.mirror import VARIABLES

# The answer to a message that is not passed over yet: nothing is told now; read it in full.
NOTHING, UNSURE = True, False

VARSET = b"Event: VarSet\r\nPrivilege: dialplan,all\r\n"
NEWEXTEN = b"Event: Newexten\r\nPrivilege: dialplan,all\r\n"
# Timestamps have one length (main/manager.c, append_event).
_STAMP = b"Timestamp: "
_STAMP_SIZE = len(_STAMP) + 17
_SYSTEM = b"SystemName: "

_VARIABLE, _VALUE = b"\r\nVariable: ", b"\r\nValue: "
_EXTENSION, _APPLICATION, _DATA = b"\r\nExtension: ", b"\r\nApplication: ", b"\r\nAppData: "

# A block that shows another value of one of these is read in full.
FOLLOWED = frozenset(name.encode() for name in VARIABLES)


class Glance:
    """Gives those messages of a piece of the stream that must be read in full.

    `variables` are those whose VarSet matters, None is all; `lines` are the first lines of
    events that matter. Counted are, since they were last set to 0: `varsets` and `newextens`
    that were dealt with at a glance, `others` whose first line does not matter, and `told`,
    those of all these that told something by themselves. `line` is the first one of the message
    that was given last.
    """

    def __init__(
        self, blocks: Blocks, variables: frozenset[bytes] | None, lines: Container[bytes]
    ) -> None:
        self.told = self.varsets = self.newextens = self.others = 0
        self.line = b""
        self._blocks = blocks
        self._variables = variables
        self._lines = lines
        # As VarSet names them: with one underscore or two, if they are inherited.
        self._names = frozenset(
            marks + name for name in variables or () for marks in (b"", b"_", b"__")
        )
        # The line that they have before the block, behind the Timestamp.
        self._system = b""
        self._rest: Iterator[bytes] = iter(())

    def begin(self, whole: bytes) -> None:
        """Begin with a piece of the stream, cut behind a message."""
        self._rest = iter(messages(whole))

    def next(self, told: list[ev.Event], received: float) -> bytes | None:
        """Return the next message that must be read in full, None at the end.

        Adds to `told` what the others tell at a glance. O(bytes), hardly looked at.
        """
        raw = self._following(told, received)
        if raw is not None:
            self.line = _first_line(raw)
        return raw

    def _following(self, told: list[ev.Event], received: float) -> bytes | None:
        names, late = self._names, self._blocks.late
        known, head, varset_tail, newexten_tail = self._run()
        for raw in self._rest:
            if raw.startswith(VARSET):
                begin = _behind_block(raw, len(VARSET), head, varset_tail)
                if begin:
                    after = raw.find(b"\r\n", begin)
                    is_last = raw.startswith(_VALUE, after) and raw.find(b"\r\n", after + 9) < 0
                    if is_last and raw[begin:after] not in names:
                        late[known.uniqueid] = raw
                        self.varsets += 1
                        continue
                event = self._glance_at_varset(raw, received)
                self.varsets += event is not UNSURE
            elif raw.startswith(NEWEXTEN):
                begin = _behind_block(raw, len(NEWEXTEN), head, newexten_tail)
                if begin and _tells_no_place(raw, begin):
                    late[known.uniqueid] = raw
                    self.newextens += 1
                    continue
                event = self._glance_at_newexten(raw)
                self.newextens += event is not UNSURE
            elif raw.startswith(b"Event: ") and _first_line(raw) not in self._lines:
                self.others += 1
                continue
            else:
                return raw
            if event is UNSURE:
                return raw
            if isinstance(event, ev.Event):
                self.told += 1
                told.append(event)
            known, head, varset_tail, newexten_tail = self._run()
        return None

    def _run(self) -> tuple[Known, bytes, bytes, bytes]:
        """Return what a message begins and goes on with that shows nothing new but a priority.

        It is of the channel that was looked at last.
        """
        known = self._blocks.current
        if known is NOBODY or self._variables is None:
            return known, b"?", b"", b""
        return (
            known,
            self._system + known.head,
            known.tail + _VARIABLE,
            # No such Newexten, where one may tell that it left a place.
            b"?" if known.is_at_place else known.tail + _EXTENSION,
        )

    def _glance_at_varset(self, raw: bytes, received: float) -> ev.Event | bool:
        """Return what the VarSet `raw` tells, if that can be said at a glance."""
        known, start = self._turn(raw, len(VARSET))
        if known is None:
            return UNSURE
        begin = raw.rfind(_VARIABLE)
        after = raw.find(b"\r\n", begin + 12)
        if not raw.startswith(_VALUE, after) or raw.find(b"\r\n", after + 9) >= 0:
            return UNSURE
        name, content = raw[begin + 12 : after].lstrip(b"_"), raw[after + 9 :]
        is_wanted = self._variables is None or name in self._variables
        at, tail = raw.find(b"\r\n", start + len(known.head)), known.tail
        if raw.startswith(tail, at) and begin == at + len(tail):
            is_news = is_wanted and not known.has_told(name, content)
            if is_news and known.has_varied(name):
                return UNSURE
            self._blocks.late[known.uniqueid] = raw
            return set_event(raw, known, name, content, received) if is_news else NOTHING
        if name in FOLLOWED or not self._blocks.vary(known, raw, at, name, content, begin):
            return UNSURE
        self._blocks.late[known.uniqueid] = raw
        return NOTHING

    def _glance_at_newexten(self, raw: bytes) -> bool:
        """Return whether the Newexten `raw` tells nothing now, as is seen at a glance."""
        known, start = self._turn(raw, len(NEWEXTEN))
        if known is None or known.is_at_place:
            return UNSURE
        begin = _behind_block(raw, start, known.head, known.tail + _EXTENSION)
        if not begin or not _tells_no_place(raw, begin):
            return UNSURE
        self._blocks.late[known.uniqueid] = raw
        return NOTHING

    def _turn(self, raw: bytes, start: int) -> tuple[Known | None, int]:
        """Turn to the channel of `raw`; return it, and where its block begins.

        The message has `start` bytes before its Timestamp, or before the block. None if it is
        not known, or its block does not begin as it did.
        """
        if raw.startswith(_STAMP, start) and raw.find(b"\r\n", start) == start + _STAMP_SIZE:
            start += _STAMP_SIZE + 2
        self._system = b""
        if raw.startswith(_SYSTEM, start):
            self._system = raw[start : raw.find(b"\r\n", start) + 2]
            start += len(self._system)
        known = self._blocks.named(raw[start + 9 : raw.find(b"\r\n", start)])
        if known is None:
            return None, 0
        if not raw.startswith(known.head, start) and not self._move(known, raw, start):
            return None, 0
        self._blocks.current = known
        return known, start

    def _move(self, known: Known, raw: bytes, start: int) -> bool:
        """Note where in the dialplan the channel is, if it is at no extension of interest."""
        who = known.who
        begin = start + len(who)
        if not raw.startswith(who, start) or not known.channel.exten:
            return False
        end = raw.find(b"\r\nPriority: ", begin)
        if end < 0:
            return False
        place = raw[begin:end].split(b"\r\nExten: ")
        if len(place) != 2 or b"\r" in place[0] or b"\r" in place[1]:
            return False
        exten = text(place[1])
        if exten != known.channel.exten and is_noted(exten):
            return False
        known.moved = raw[start : end + 12]
        return True


def _behind_block(raw: bytes, start: int, head: bytes, tail: bytes) -> int:
    """Return where `tail` ends, if the block at `start` has `head`, a priority and `tail`, else 0.

    There may be a Timestamp before it.
    """
    if raw.startswith(_STAMP, start) and raw.find(b"\r\n", start) == start + _STAMP_SIZE:
        start += _STAMP_SIZE + 2
    if not raw.startswith(head, start):
        return 0
    at = raw.find(b"\r\n", start + len(head))
    return at + len(tail) if raw.startswith(tail, at) else 0


def _tells_no_place(raw: bytes, start: int) -> bool:
    """True if what goes on at `start`, with its extension, is a Newexten that tells no place."""
    begin = raw.find(b"\r\n", start)
    if not raw.startswith(_APPLICATION, begin):
        return False
    end = raw.find(b"\r\n", begin + 15)
    if not raw.startswith(_DATA, end) or raw.find(b"\r\n", end + 11) >= 0:
        return False
    return raw[begin + 15 : end] not in TELLING


def _first_line(raw: bytes) -> bytes:
    end = raw.find(b"\r\n")
    return raw[:end] if end >= 0 else raw
