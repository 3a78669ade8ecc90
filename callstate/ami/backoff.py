"""How long to wait between attempts: growing, bounded, and never in step with others."""

from random import Random

_GROWTH = 2.0
# A refused login needs a human, and each try fills the machine's security log.
_REFUSED_GROWTH = 16.0


class Backoff:
    """The waits between attempts, from `first` to `limit` seconds, each cut by up to a half.

    The cut keeps many daemons from coming back to a restarted machine in the same instant.
    """

    def __init__(self, *, first: float, limit: float, random: Random) -> None:
        self._first = first
        self._limit = limit
        self._random = random
        self._next = min(first, limit)

    def wait(self, *, refused: bool = False) -> float:
        """Return the seconds to wait now; the next wait is longer, much longer if `refused`."""
        growth = _GROWTH
        if refused:
            growth = _REFUSED_GROWTH
            self._next = min(self._next * growth, self._limit)
        wait = self._next
        self._next = min(self._next * growth, self._limit)
        return wait * (1 - self._random.random() / 2)

    def use(self, *, first: float, limit: float) -> None:
        """Go by these seconds from now on."""
        self._first = first
        self._limit = limit
        self._next = min(self._next, limit)

    def reset(self) -> None:
        """Begin again with the first wait."""
        self._next = min(self._first, self._limit)
