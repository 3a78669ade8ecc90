"""How long things took, counted in buckets: cheap to add to, read when somebody asks."""

from bisect import bisect_left


class Histogram:
    """Times in seconds. `counts[i]` of them were at most `bounds[i]` and above the bound before;
    the last of `counts` has those beyond every bound. `seconds` is the sum of all.
    """

    __slots__ = ("bounds", "counts", "seconds")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Count one; a negative one, of clocks that differ, is 0. O(log of the buckets)."""
        seconds = max(seconds, 0.0)
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.seconds += seconds
