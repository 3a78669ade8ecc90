"""One connection's messages, piece by piece, into events: only what matters is read.

What came together is told together, so what is repeated in it is told once.
"""

from callstate.ami.tally import OTHER, Tally
from callstate.ami.translate import NAMES, Translator
from callstate.ami.twins import time_of
from callstate.core import events as ev

try:
    from callstate.ami.fast_glance import Glance
except ImportError:  # a build in Python alone
    from callstate.ami.glance import Glance

# Events whose blocks need not be their channels' latest, and those at which blocks are
# forgotten: what was passed over is told before them.
_SETTLING = frozenset(
    {
        b"Event: DialBegin",
        b"Event: DialState",
        b"Event: DialEnd",
        b"Event: LocalBridge",
        b"Event: BridgeInfoChannel",
        b"Event: CoreShowChannelsComplete",
        b"Event: FullyBooted",
        b"Event: Shutdown",
    }
)


class Intake:
    """Takes in the messages of one connection. `variables` are those whose VarSet matters, None
    is all. Events are counted in `tally`; `ignored` counts messages that told the mirror nothing.
    """

    def __init__(self, variables: frozenset[str] | None = None, tally: Tally | None = None) -> None:
        self.ignored = 0
        self._tally = Tally(NAMES) if tally is None else tally
        self._translator = Translator(variables)
        self._blocks = self._translator.blocks
        names = None if variables is None else frozenset(name.encode() for name in variables)
        self._glance = Glance(self._blocks, names, self._translator.lines)

    @property
    def malformed(self) -> int:
        """How many messages were refused."""
        return self._translator.malformed

    def events(self, whole: bytes, received: float) -> list[ev.Event]:
        """Return the events in a piece of the stream, received at that unix time.

        `whole` is cut behind a message. They are those that the translator gives one by one, but
        where a dialplan takes a channel is told once, as it is at last. O(bytes).
        """
        told: list[ev.Event] = []
        read: list[bytes] = []
        translator, glance = self._translator, self._glance
        glance.begin(whole)
        while (raw := glance.next(told, received)) is not None:
            read.append(raw)
            line = glance.line
            if line in _SETTLING:
                self._tell_late(told, received)
            event = translator.event(line, raw, received)
            if event is None:
                self.ignored += 1
            else:
                told.append(event)
        self._tell_late(told, received)
        self._count(read)
        return told

    def _count(self, read: list[bytes]) -> None:
        glance, tally = self._glance, self._tally
        tally.add(read)
        tally.add_some("VarSet", glance.varsets)
        tally.add_some("Newexten", glance.newextens)
        tally.add_some(OTHER, glance.others)
        self.ignored += glance.varsets + glance.newextens + glance.others - glance.told
        glance.told = glance.varsets = glance.newextens = glance.others = 0

    def _tell_late(self, told: list[ev.Event], received: float) -> None:
        """Add where the channels are whose messages were passed over."""
        late = self._blocks.late
        if not late:
            return
        messages = list(late.values())
        late.clear()
        for raw in messages:
            channel, changed = self._blocks.read(raw)
            if channel is not None and changed:
                told.append(ev.ChannelUpdate(time_of(raw, received), channel, creates=True))
