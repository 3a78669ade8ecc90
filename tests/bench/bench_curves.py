"""What an event and a query cost as more and more legs are up."""

import itertools
import time
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from statistics import median

import msgspec

from callstate import collector
from callstate.core.access import Scope
from callstate.core.filters import Match
from callstate.core.index import HashIndex
from callstate.core.model import Leg
from callstate.core.query import Query, count_short, run_short
from callstate.core.store import LegStore
from callstate.core.walk import Steps, count_walk, finish, walk
from callstate.web import rows
from callstate.web.params import SORTS
from tests.bench import crowd, material
from tests.bench.findings import Finding
from tests.bench.material import Engine
from tests.bench.measure import Sample, available_bytes, ratio, rounded, side_by_side
from tests.bench.sizes import Size

NAME = "curves"

EVERYBODY = Scope(customers=None)
# So many calls are up at once while the cost of an event is measured, beside those that stay.
_AT_ONCE = 20
# A channel with its mirror takes some kB; a curve must not push the machine into swap.
_BYTES_OF_A_LEG = 8_000

Ask = Callable[[LegStore], object]


def answer(store: LegStore, query: Query, scope: Scope) -> bytes:
    """Return the bytes of a whole answer, as `web.app` makes them, headers apart."""
    if query.count:
        number = count_short(store, query, scope)
        if number is None:
            number = finish(count_walk(store, query, scope))
        return rows.count_envelope(number)
    legs = run_short(store, query, scope)
    if legs is None:
        legs = finish(walk(store, query, scope))
    if len(legs) <= rows.SLICE:
        return rows.envelope(rows.encode_rows(legs))
    return b"".join(rows.slices(legs, rows.encode_rows))


def filled(number: int) -> LegStore:
    """Return a store of `number` legs."""
    store = LegStore()
    for leg in crowd.legs(number):
        store.put(leg)
    return store


def run(size: Size) -> Iterator[Finding]:
    """Give a finding for each kind of query and for events, with a figure for each number."""
    stores = {number: filled(number) for number in size.legs}
    collector.collect()  # as the daemon does once its legs are there
    yield _upkeep(stores, size, "a leg comes and goes, store and indexes")
    yield _values(stores)
    yield from _first_asks(stores, size)
    yield from _queries(stores, size)
    yield _upkeep(stores, size, "a leg comes and goes while everything above is asked for")
    stores.clear()
    yield from material.in_a_loop(_events(one) for one in [size])


def _queries(stores: dict[int, LegStore], size: Size) -> Iterator[Finding]:
    for what, make in _asked().items():
        work = {f"{number}": partial(make(number), store) for number, store in stores.items()}
        samples = side_by_side(work, rounds=size.rounds, round_seconds=size.round_seconds)
        first = samples[f"{size.legs[0]}"]
        values = {}
        if what == "20 legs of a customer":
            values["query curve"] = max(ratio(sample, first) for sample in samples.values())
            values["query"] = max(sample.median for sample in samples.values()) * 1e6
        yield Finding(bench=NAME, what=what, figures=_curve("us", samples), values=_short(values))


def _curve(unit: str, samples: dict[str, Sample], number: float = 1) -> dict[str, object]:
    first = next(iter(samples.values()))
    return {
        unit: {legs: sample.per(number) for legs, sample in samples.items()},
        "against the fewest": {legs: ratio(sample, first) for legs, sample in samples.items()},
    }


def _short(values: dict[str, float]) -> dict[str, float]:
    return {name: rounded(value) for name, value in values.items()}


def _asked() -> dict[str, Callable[[int], Ask]]:
    """Return each kind of query, as what makes it for so many legs."""
    kinds: dict[str, Callable[[int], Ask]] = {
        "20 legs of a customer": _own,
        "count of a customer": partial(_own, count=True),
        "count of the system": lambda _number: partial(_system, Query(count=True)),
        "50 customers below a reseller": _below,
        "number contains, system-wide": lambda _number: partial(
            _system, Query(snumber="#77", smatch=Match.CONTAINS)
        ),
        "name contains, system-wide": lambda _number: partial(
            _system, Query(callername_number="nobody", callername_match=Match.CONTAINS)
        ),
        "number exact, system-wide": lambda _number: partial(
            _system, Query(cnumber="+493012345678", cmatch=Match.EXACT)
        ),
    }
    for sort in SORTS:
        kinds[f"first 100 of the system by {sort}"] = partial(_first, sort)
    return kinds


def _own(number: int, *, count: bool = False) -> Ask:
    """Ask for one customer after the other: what one asked for is not what the next one needs."""
    known = crowd.customers(number)
    dice, query = Random(3), Query(count=count)
    scopes = [Scope(customers=frozenset({dice.choice(known)})) for _ in range(1000)]
    turn = itertools.count()
    return lambda store: answer(store, query, scopes[next(turn) % len(scopes)])


def _below(number: int) -> Ask:
    known = crowd.customers(number)
    scopes = [
        Scope(customers=crowd.neighbours(known[at], number))
        for at in range(0, len(known), crowd.CUSTOMERS_OF_A_RESELLER)
    ][:100]
    turn, query = iter(range(1 << 62)), Query()
    return lambda store: answer(store, query, scopes[next(turn) % len(scopes)])


def _first(sort: str, _number: int) -> Ask:
    return partial(_system, Query(sort=sort, limit=100))


def _system(query: Query, store: LegStore) -> bytes:
    return answer(store, query, EVERYBODY)


def _first_asks(stores: dict[int, LegStore], size: Size) -> Iterator[Finding]:
    """Give what it takes to make what is kept while it is asked for, and its longest step."""
    asked = {
        "number contains, system-wide": Query(snumber="#77", smatch=Match.CONTAINS),
        "first 100 of the system by cnumber": Query(sort="cnumber", limit=100),
    }
    for what, query in asked.items():
        alls: dict[str, Sample] = {}
        longest: dict[str, float] = {}
        for number, store in stores.items():
            steps = [_step_seconds(store, query) for _ in range(min(size.rounds, 3))]
            alls[f"{number}"] = Sample([sum(some) for some in steps])
            longest[f"{number}"] = rounded(1e3 * median([max(some) for some in steps]))
        yield Finding(
            bench=NAME,
            what=f"{what}, asked for the first time",
            figures=_curve("us", alls) | {"longest step, ms": longest},
        )


def _step_seconds(store: LegStore, query: Query) -> list[float]:
    """Return what each step takes of an answer for which nothing is kept yet."""
    store.windows.clear()
    store.texts.clear()
    steps: Steps[list[Leg]] = walk(store, query, EVERYBODY)
    seconds: list[float] = []
    is_over = False
    while not is_over:
        begin = time.process_time()
        is_over = next(steps, steps) is steps
        seconds.append(time.process_time() - begin)
    return seconds


def _upkeep(stores: dict[int, LegStore], size: Size, what: str) -> Finding:
    some = list(crowd.legs(size.legs[0] * 2))[: size.changes]
    newcomers = [msgspec.structs.replace(leg, machine=99) for leg in some]

    def come_and_go(store: LegStore) -> None:
        # As if all of them were asked for just now: none is dropped.
        for window in store.windows.values():
            window.idle = 0
        for texts in store.texts.values():
            texts.idle = 0
        for leg in newcomers:
            store.put(leg)
        for leg in newcomers:
            store.remove(leg.key)

    work = {f"{number}": partial(come_and_go, store) for number, store in stores.items()}
    samples = side_by_side(work, rounds=size.rounds, round_seconds=0)
    kept = {f"{number}": len(store.windows) + len(store.texts) for number, store in stores.items()}
    return Finding(
        bench=NAME,
        what=what,
        figures=_curve("us", samples, len(newcomers)) | {"views and texts kept": kept},
    )


def _values(stores: dict[int, LegStore]) -> Finding:
    largest = stores[max(stores)]
    names = [name for name in dir(largest) if isinstance(getattr(largest, name), HashIndex)]
    return Finding(
        bench=NAME,
        what="different values in each index",
        figures={"legs": len(largest), **{name: len(getattr(largest, name)) for name in names}},
    )


def _events(size: Size) -> Finding:
    """Give the cost of an event while so many legs are up, each with its whole mirror."""
    calls = crowd.calls()
    engines: dict[str, Engine] = {}
    for number in size.event_legs:
        if available_bytes() > number * _BYTES_OF_A_LEG or number <= size.event_legs[0]:
            engines[f"{number}"] = with_calls_up(number // 2)
    collector.collect()
    pieces: list[bytes] = []
    # Numbers that were never used: what ended stays remembered for a while.
    numbers = itertools.count(10_000_000, size.calls)

    def render() -> None:
        pieces[:] = calls.pieces(next(numbers), size.calls, at_once=_AT_ONCE)

    work: dict[str, Callable[[], object]] = {"text": render}  # that of the round, for all of them
    for legs, engine in engines.items():
        work[legs] = partial(engine.run, pieces)
    samples = side_by_side(work, rounds=size.rounds, round_seconds=0)
    del samples["text"]
    number = size.calls * (calls.up_messages + calls.down_messages)
    first, most = samples[f"{size.event_legs[0]}"], min(size.event_legs[-1], 100_000)
    values = {"event curve": ratio(samples[f"{most}"], first)} if f"{most}" in samples else {}
    return Finding(
        bench=NAME, what="an event", figures=_curve("us", samples, number), values=values
    )


def with_calls_up(number: int, *, channel_variables: bool = True) -> Engine:
    """Return an engine with `number` calls up, of as many customers as these make."""
    engine, calls = Engine(), crowd.calls(channel_variables=channel_variables)
    for call in range(number):
        engine.run([calls.up(call, 10_000 + call // 10)])
    assert len(engine.state.store) == 2 * number, "a call that is not as it should be"
    return engine
