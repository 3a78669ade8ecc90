"""Python's garbage collector, set for a process that keeps much and leaves few cycles behind.

What is kept (channels, legs' places, the directory) is freed by its reference count when its
call is over; only mistakes, tracebacks and closed connections leave cycles. By itself Python
would look for them at every 700th new object, and now and then at all that is kept.

1. Young objects are looked at in larger heaps: fewer of them are still in use by then.
2. All objects are looked at soon after the start and then once an hour, never in between:
   that takes 0.1 s at 20 000 legs and 0.6 s at 100 000, and holds up everybody. By itself
   Python would do it each time a quarter of what is kept is new: every few minutes.
3. What is left by then is put aside (`gc.freeze`), so that rule 1 stays cheap.
"""

import asyncio
import gc
from itertools import chain, repeat

# New objects until the youngest are looked at, times that until those that survived are too.
_YOUNG, _MIDDLE = 10_000, 5
# Never by itself: the oldest are looked at by `collect`.
_OLD = 1_000_000

# When the daemon has its legs, once more in case the lists were slow, then again and again.
_FIRST_PAUSES, _PAUSE = (10.0, 60.0), 3600.0


def configure() -> None:
    """Set the collector for this process."""
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


def collect() -> None:
    """Free all cycles that nobody uses, and put aside what is left. O(all objects)."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


async def tend() -> None:
    """Collect when it is time, for ever."""
    for seconds in chain(_FIRST_PAUSES, repeat(_PAUSE)):
        await asyncio.sleep(seconds)
        collect()
