"""What goes wrong again and again, told at first and then now and then.

A machine may be switched off for days while it is tried every half minute: the log has to
stay readable, and to say that it still goes on.
"""

# Whoever fails for other reasons each time is not told about each of them.
_KINDS = 8


class Trouble:
    """Decides what is told: the first of each kind, then one in `seconds` with a count.

    Time is any that only grows, in seconds.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kinds: dict[str, tuple[float, int]] = {}

    def note(self, kind: str, now: float) -> int | None:
        """Take note of trouble of this `kind`.

        Returns None if it is not to be told, else how many of the kind were not, since one was.
        """
        if kind not in self._kinds and len(self._kinds) >= _KINDS:
            kind = ""
        told_at, untold = self._kinds.get(kind, (None, 0))
        if told_at is not None and now - told_at < self._seconds:
            self._kinds[kind] = (told_at, untold + 1)
            return None
        self._kinds[kind] = (now, 0)
        return untold

    def end(self) -> None:
        """Take note that it is over: what comes next is new."""
        self._kinds.clear()
