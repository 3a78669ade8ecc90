"""One connection's messages, piece by piece, into events: only what matters is read.

What came together is told together, so what is repeated in it is told once.
"""

from collections.abc import Iterable

from callstate.ami.headers import time_of
from callstate.ami.translate import Translator
from callstate.core import events as ev

# Events whose blocks need not be their channels' latest, and those at which all blocks are
# forgotten: what was passed over is told before them.
_SETTLING = frozenset(
    {
        b"Event: DialBegin",
        b"Event: DialState",
        b"Event: DialEnd",
        b"Event: LocalBridge",
        b"Event: BridgeInfoChannel",
        b"Event: FullyBooted",
        b"Event: Shutdown",
    }
)


class Intake:
    """Takes in the messages of one connection. `variables` are those whose VarSet matters, None
    is all. `ignored` counts messages that told the mirror nothing.
    """

    def __init__(self, variables: frozenset[str] | None = None) -> None:
        self.ignored = 0
        self._translator = Translator(variables)
        self._blocks = self._translator.blocks
        self._dialplan = self._translator.dialplan

    @property
    def malformed(self) -> int:
        """How many messages were refused."""
        return self._translator.malformed

    @property
    def names(self) -> frozenset[str]:
        """The names of the events that are looked at."""
        return self._translator.names

    def events(self, messages: Iterable[bytes], received: float) -> list[ev.Event]:
        """Return the events in the messages of one piece, received at that unix time.

        They are those that the translator gives one by one, but where a dialplan takes a
        channel is told once, as it is at last. O(bytes).
        """
        told: list[ev.Event] = []
        rest = iter(messages)
        knows = self._translator.knows
        pass_over = self._dialplan.pass_over
        while (raw := pass_over(rest, told, received)) is not None:
            line = raw[: raw.find(b"\r\n")]
            if line in _SETTLING:
                self._tell_late(told, received)
            elif line.startswith(b"Event: ") and b"\r" in raw and not knows(line):
                self.ignored += 1
                continue
            event = self._translator.translate(raw, received)
            if event is None:
                self.ignored += 1
            else:
                told.append(event)
        self._tell_late(told, received)
        self.ignored += self._dialplan.passed
        self._dialplan.passed = 0
        return told

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
