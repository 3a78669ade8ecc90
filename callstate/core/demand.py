"""What makes a question over all legs quick when it comes again, kept only while it comes.

1. Who asks first has it made, in steps; that takes as long as looking at every leg.
2. From its first step on it follows the store's changes, so that it is whole at its last.
3. When as many changes came without a question as there are legs, it is dropped: keeping it
   up has then cost what making it again does. Nobody pays more than twice what he must.
"""

from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

from callstate.core.filters import Match
from callstate.core.index import Place
from callstate.core.model import Key, Leg
from callstate.core.plan import Query, Source
from callstate.core.snapshot import Moment, Steps, slices_in_order
from callstate.core.store import Change, LegStore
from callstate.core.texts import BLOCK, Texts, is_searchable
from callstate.core.window import NARROW, ROWS, WIDE, Entry, Window

# A step is some 0.2 to 1 ms (2-core VM, 2026-11).
STEP = 1000

# So many legs are looked up in a step when they lie all over the memory of a large store.
_STREWN_STEP = 250

# So many legs that changed meanwhile are brought up to date in a step.
_LATE_STEP = 200

# So many changes are waited for in a small store.
PATIENCE = 20_000

# How often it is looked whether something is to be dropped: every so many changes.
_OFTEN = 64


class Wanted(NamedTuple):
    """A text that a query looks for, and the fields that may have it."""

    fields: tuple[str, ...]
    text: str
    match: Match


def wanted_text(query: Query) -> Wanted | None:
    """Return the longest text that `query` looks for and `Texts` can be searched for."""
    wanted = [
        Wanted(("snumber",), query.snumber, query.smatch),
        Wanted(("cnumber",), query.cnumber, query.cmatch),
        Wanted(("dnumber",), query.dnumber, query.dmatch),
        Wanted(
            ("callername_internal", "callername_external"),
            query.callername_number,
            query.callername_match,
        ),
    ]
    some = [each for each in wanted if is_searchable(each.text)]
    return max(some, key=lambda each: len(each.text), default=None)


def texts_of(store: LegStore, fields: tuple[str, ...]) -> Steps[Texts]:
    """Return what `fields` are searched by: every leg that does not change meanwhile is there."""
    texts = store.texts.get(fields)
    if texts is not None:
        texts.idle = 0
        return texts
    texts = Texts(fields)
    follower = _TextsFollower(store, fields, texts)
    with closing(slices_in_order(store, size=STEP)) as slices, closing(follower):
        for _, legs in slices:
            texts.add(legs)
            yield
        if fields not in store.texts:
            store.texts[fields] = texts
        return texts


def needs_window(store: LegStore, query: Query, source: Source) -> bool:
    """Tell whether a window, or a wider one, makes `query` quick when it comes again."""
    if source is not Source.ALL or query.sort == "start" or not 0 < query.limit <= ROWS:
        return False
    window = store.windows.get((query.sort, query.descending))
    return window is None or window.is_empty


def make_window(store: LegStore, sort: str, *, descending: bool) -> Steps[list[Leg]]:
    """Make a window, and return the first `ROWS` legs in its order at the first step. O(n)."""
    name = (sort, descending)
    size = WIDE if name in store.windows else NARROW
    window = Window(sort, descending=descending, size=size)
    follower = _WindowFollower(store, name, window)
    with Moment(store) as moment, closing(follower):
        entries = yield from _first_entries(store, window)
        yield
        first: list[Leg] = []
        for at in range(0, min(len(entries), ROWS), _STREWN_STEP):
            places = [entry.place for entry in entries[at : at + _STREWN_STEP]]
            first += moment.find([(place.machine, place.uniqueid) for place in places])[1]
            yield
        for at in range(0, len(entries), _STREWN_STEP):
            window.fill(entries[at : at + _STREWN_STEP])
            yield
        while follower.catch_up(_LATE_STEP):
            yield
        store.windows[name] = window
    return first[:ROWS]


def _first_entries(store: LegStore, window: Window) -> Steps[list[Entry]]:
    """Return the entries that `window` begins with, of the moment of the first step."""
    entries: list[Entry] = []
    more: list[Entry] = []
    with closing(slices_in_order(store, size=STEP)) as slices:
        for places, legs in slices:
            more += window.entries_for(places, legs)
            yield
            if len(more) >= STEP:
                entries, more = window.first(entries, more), []
                yield
    return window.first(entries, more)


class _TextsFollower:
    """Keeps `Texts` up while they are asked for, and lets go of them afterwards."""

    def __init__(self, store: LegStore, fields: tuple[str, ...], texts: Texts) -> None:
        self._store = store
        self._fields = fields
        self._texts = texts
        self._is_made = False
        self._end: Callable[[], None] = store.subscribe(self._hear)

    def close(self) -> None:
        """Follow on from now on only if the texts are the store's."""
        self._is_made = True
        if self._store.texts.get(self._fields) is not self._texts:
            self._end()

    def _hear(self, change: Change) -> None:
        texts, old, new = self._texts, change.old, change.new
        if new is not None and (old is None or texts.differs(old, new)):
            texts.add([new])
        texts.idle += 1
        if change.number % _OFTEN or not self._is_made:
            return
        known = self._store.texts
        if known.get(self._fields) is not texts:
            if not texts.let_go():
                self._end()
            return
        size = len(self._store)
        most_lines = 2 * size * len(self._fields) + 10 * BLOCK
        if texts.idle > max(size, PATIENCE) or texts.lines > most_lines:
            del known[self._fields]


class _WindowFollower:
    """Keeps a window up while it is asked for."""

    def __init__(self, store: LegStore, name: tuple[str, bool], window: Window) -> None:
        self._store = store
        self._name = name
        self._window = window
        # What changed while the window was made; None: it is.
        self._late: dict[Key, None] | None = {}
        self._end: Callable[[], None] = store.subscribe(self._hear)

    def close(self) -> None:
        """Follow on from now on only if the window is the store's."""
        if self._store.windows.get(self._name) is not self._window:
            self._end()

    def catch_up(self, size: int) -> bool:
        """Bring `size` legs up to date that changed since the beginning; return whether more did.

        When no more did, the window is whole, and is kept so.
        """
        late = self._late
        if late is None:
            return False
        for key in list(late)[:size]:
            del late[key]
            self._refile(key, self._store.place(key))
        if late:
            return True
        self._late = None
        return False

    def _hear(self, change: Change) -> None:
        if self._late is not None:
            self._late[change.key] = None
            return
        window, old, new = self._window, change.old, change.new
        window.idle += 1
        if new is None or old is None or window.moves(old, new):
            self._refile(change.key, None if new is None else self._store.place(new.key))
        if not change.number % _OFTEN:
            known = self._store.windows
            if known.get(self._name) is not window:
                self._end()
            elif window.idle > max(len(self._store), PATIENCE):
                del known[self._name]
                self._end()

    def _refile(self, key: Key, place: Place | None) -> None:
        self._window.discard(key)
        if place is not None and self._window.is_for(place.leg):
            self._window.add(place)
