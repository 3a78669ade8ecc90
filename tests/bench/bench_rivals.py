"""Twenty legs asked for and changes kept, beside the tables that a user could keep instead.

The rivals get legs that are derived already: they pay for keeping and finding them only. Where
they wait for another process, and only there, time is the clock's on the wall.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from callstate.core.access import Scope
from callstate.core.query import Query
from callstate.core.store import Change, LegStore
from callstate.web import rows
from tests.bench import crowd, material, rivals
from tests.bench.bench_curves import answer, filled
from tests.bench.findings import Finding
from tests.bench.material import Engine
from tests.bench.measure import Sample, ratio, side_by_side
from tests.bench.sizes import Size

NAME = "rivals"


def run(size: Size) -> Iterator[Finding]:
    """Give a finding for asking, one for keeping up, and one for asking Asterisk itself."""
    rivals.quiet()
    with ExitStack() as stack:
        tables: dict[str, rivals.Table] = {"dict + json": rivals.DictTable()}
        tables["SQLite in memory"] = rivals.SqliteTable()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="callstate-bench-")))
        tables["SQLite in a file"] = rivals.SqliteTable(str(folder / "legs.sqlite"))
        missing: dict[str, str] = {}
        try:
            socket = stack.enter_context(rivals.redis_server())
        except LookupError as lacking:
            missing["redis"] = f"no {lacking.args[0]}"
        else:
            tables["Redis, hashes"] = rivals.RedisHashes(socket, 0)
            tables["Redis, rows as JSON"] = rivals.RedisRows(socket, 1)
        for table in tables.values():
            stack.callback(table.close)
        yield from _asked(tables, size, missing)
        yield from material.in_a_loop(_kept(tables, size))
    yield from _listed(size)


def _asked(
    tables: dict[str, rivals.Table], size: Size, missing: dict[str, str]
) -> Iterator[Finding]:
    number = size.legs[-1] if size.legs[-1] < 1_000_000 else 100_000
    store = filled(number)
    changes = [Change(index, None, leg) for index, leg in enumerate(store, 1)]
    customer = crowd.customers(number)[number // 40]
    scope = Scope(customers=frozenset({customer}))
    own = answer(store, Query(), scope)
    legs = [leg for leg in store if customer in (leg.scustomer, leg.dcustomer)]
    for table in tables.values():
        for first in range(0, len(changes), 1000):
            table.apply(changes[first : first + 1000])
        assert table.ask(customer).count(b'"uniqueid"') == own.count(b'"uniqueid"'), table
    work: dict[str, Callable[[], object]] = {
        "callstate": partial(answer, store, Query(), scope),
        "encoding alone": partial(rows.encode_rows, legs),
        **{name: partial(table.ask, customer) for name, table in tables.items()},
    }
    samples, times = _timed(work, size, size.round_seconds)
    values = {"sqlite": times["SQLite in memory"]}
    if not missing:
        values["redis"] = times["Redis, hashes"]
    yield Finding(
        bench=NAME,
        what=f"{len(legs)} legs of a customer, of {number}",
        figures={
            "us": {name: sample.per(1) for name, sample in samples.items()},
            "times callstate": times,
        },
        values=values,
        missing=missing,
    )


def _kept(tables: dict[str, rivals.Table], size: Size) -> Iterator[Finding]:
    """Replay what a stretch of real load changed, as often for each table as for our store."""
    changes, pieces = _changes(size)
    work: dict[str, Callable[[], object]] = {"callstate": partial(_keep, pieces)}
    for name, table in tables.items():
        work[name] = partial(_apply, table, pieces)
    samples, times = _timed(work, size, 0)
    yield Finding(
        bench=NAME,
        what="a change of a leg kept",
        figures={
            "changes": changes,
            "us": {name: sample.per(changes) for name, sample in samples.items()},
            "times callstate": times,
        },
    )


def _timed(
    work: dict[str, Callable[[], object]], size: Size, round_seconds: float
) -> tuple[dict[str, Sample], dict[str, float]]:
    """Return what each of `work` takes, and how many times what callstate does.

    Those that wait for another process are timed by the clock on the wall, and so is callstate
    when it is compared with them.
    """
    waiting = {name: one for name, one in work.items() if name.startswith("Redis")}
    computing = {name: one for name, one in work.items() if name not in waiting}
    waiting["callstate"] = work["callstate"]
    samples: dict[str, Sample] = {}
    times: dict[str, float] = {}
    for contenders, clock in ((waiting, time.perf_counter), (computing, time.process_time)):
        some = side_by_side(
            contenders, rounds=size.rounds, round_seconds=round_seconds, clock=clock
        )
        samples |= some
        times |= {name: ratio(sample, some["callstate"]) for name, sample in some.items()}
    return samples, times


def _changes(size: Size) -> tuple[int, list[list[Change]]]:
    """Return the changes of real load, those of a piece of the stream together."""
    engine = Engine()
    heard: list[Change] = []
    engine.state.store.subscribe(heard.append)
    pieces: list[list[Change]] = []
    number = 0
    for piece in material.stream(size.captures[0], most=size.stream_bytes).pieces():
        engine.feed(piece)
        engine.state.publish(material.MACHINE)
        if heard:
            pieces.append(heard[:])
            number += len(heard)
            heard.clear()
        if number >= size.changes:
            break
    return number, pieces


def _keep(pieces: list[list[Change]]) -> None:
    store = LegStore()
    for piece in pieces:
        for change in piece:
            if change.new is not None:
                store.put(change.new)
            else:
                store.remove(change.key)


def _apply(table: rivals.Table, pieces: list[list[Change]]) -> None:
    for piece in pieces:
        table.apply(piece)


def _listed(size: Size) -> Iterator[Finding]:
    """Ask Asterisk for its list at each query: the client's part of it alone.

    The answer is a recorded list with more items like those in it, read by panoramisk and
    looked through for a customer. Asterisk's own walk and the network come on top.
    """
    for number in size.legs:
        if number > 10_000:
            break
        listed, store = crowd.listed(number), filled(number)
        scope = Scope(customers=frozenset({crowd.customers(number)[0]}))
        samples: dict[str, Sample] = side_by_side(
            {
                "callstate": partial(answer, store, Query(), scope),
                "CoreShowChannels": partial(rivals.list_asked, listed, "CUSTOMER=10000"),
            },
            rounds=size.rounds,
            round_seconds=size.round_seconds,
        )
        yield Finding(
            bench=NAME,
            what=f"CoreShowChannels of {number} channels for each query",
            figures={
                "us": {name: sample.per(1) for name, sample in samples.items()},
                "bytes": len(listed),
                "times callstate": ratio(samples["CoreShowChannels"], samples["callstate"]),
            },
        )
