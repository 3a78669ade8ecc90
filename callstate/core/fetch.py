"""Memory asked for ahead: what an answer needs of its legs, all at once and not one by one.

The legs of one customer lie all over the memory of 100 000, some twenty pieces each, and whoever
reads them waits for one piece after the other: half the time of an answer. Compiled, `fetch.pyx`
takes the place of this module, and has the processor fetch them by its own instruction. Python
can only read them itself, which spares nothing: here nothing is done.
"""

from callstate.core.index import Place


def fetch_places(places: list[Place]) -> None:
    """Ask for `places`, and for all that is in their legs. O(places), 30 ns each where all of it
    is near. Nothing changes.
    """
