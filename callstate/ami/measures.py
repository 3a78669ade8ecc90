"""What is measured on the connections to one machine, in whole pieces of its stream.

A piece is what was read at once: a single event on a calm machine, hundreds on a busy one.
Looking at a clock for each event would cost more than it tells.
"""

from collections.abc import Iterable

from callstate.ami.decode import END
from callstate.ami.tally import Tally
from callstate.ami.twins import time_of
from callstate.core.histogram import Histogram

# From the wire's own delay to a machine that nobody waits for any more.
_LAG_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# From one event to the longest piece that is read at once, or a list of all channels.
_APPLY_BOUNDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)
# From an empty machine to one whose lists come through a slow wire.
_SYNC_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Measures:
    """Counted since the daemon started: events by name, and times in seconds.

    `sync_seconds` has a time for each complete sync, audits included. For each piece of the
    stream, `apply_seconds` is how long it took until it was taken in, so that an answer knows of
    it, and `lag_seconds` how old its last event was by then; only `timestampevents` tells that.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self.sync_seconds = Histogram(_SYNC_BOUNDS)
        self.apply_seconds = Histogram(_APPLY_BOUNDS)
        self.lag_seconds = Histogram(_LAG_BOUNDS)
        self.tally = Tally(known)

    @property
    def syncs(self) -> int:
        """How many syncs were completed."""
        return sum(self.sync_seconds.counts)

    def events(self) -> dict[str, int]:
        """Return how many events came of each known name, and of the others."""
        return self.tally.counts()

    def applied(self, whole: bytes, at: float, now: float) -> None:
        """Take note that this piece of the stream, read at `at`, is through. O(last message)."""
        self.apply_seconds.observe(now - at)
        before = whole.rfind(END, 0, -1)
        last = whole[before + len(END) :] if before >= 0 else whole
        # The answer to a Ping has a Timestamp as well.
        sent = time_of(last, -1.0) if last.startswith(b"Event: ") else -1.0
        if sent >= 0:
            self.lag_seconds.observe(now - sent)
