"""Bytes to legs, stage by stage, beside panoramisk's bare parse and a bare split."""

from collections.abc import Callable, Iterator

from callstate.ami.decode import Decoder
from callstate.ami.intake import Intake
from callstate.core.state import CallState
from callstate.core.store import Change
from callstate.daemon import build_state
from tests.bench import material, rivals
from tests.bench.findings import Finding
from tests.bench.material import MACHINE, Engine, Stream
from tests.bench.measure import Sample, ratio, rounded, side_by_side
from tests.bench.sizes import Size

NAME = "pipeline"


def run(size: Size) -> Iterator[Finding]:
    """Give a finding for each capture, with and without channel variables."""
    rivals.quiet()
    for recorded in material.streams(size.captures, most=size.stream_bytes):
        yield from material.in_a_loop(_measure(one, size) for one in [recorded])


def _measure(recorded: Stream, size: Size) -> Finding:
    pieces, number = recorded.pieces(), recorded.messages
    wanted = material.wanted_variables()
    work: dict[str, Callable[[], object]] = {
        "split": lambda: rivals.bare_split(pieces),
        "decode": lambda: _decode(pieces),
        "translate": lambda: _translate(pieces, wanted),
        "mirror": lambda: _take(pieces, wanted, publish=False),
        "legs": lambda: _take(pieces, wanted, publish=True),
        "session": lambda: Engine().run(pieces),
        "feed": lambda: _subscribed(pieces),
        "daemon": lambda: Engine().race(pieces),
        "panoramisk": lambda: rivals.panoramisk_parse(pieces),
    }
    samples = side_by_side(work, rounds=size.rounds, round_seconds=size.round_seconds)
    whole, split = samples["feed"], samples["split"]
    times, share = ratio(samples["panoramisk"], whole), rounded(100 * ratio(split, whole))
    return Finding(
        bench=NAME,
        what=recorded.name,
        figures={
            "messages": number,
            "bytes": len(recorded.data),
            "us per message": {name: sample.per(number) for name, sample in samples.items()},
            "us per message of each stage": _stages(samples, number),
            "messages per second": round(number / samples["daemon"].median),
            "times panoramisk": times,
            "times panoramisk, legs by the timer": ratio(samples["panoramisk"], samples["daemon"]),
            "percent of a split": share,
        },
        values={"panoramisk": times, "split": share},
    )


def _stages(samples: dict[str, Sample], number: int) -> dict[str, float]:
    """Return what each stage adds to those before it."""
    order = ("decode", "translate", "mirror", "legs", "session", "feed")
    reached = [samples[name].median * 1e6 / number for name in order]
    added = [after - before for before, after in zip([0.0, *reached], reached, strict=False)]
    return {name: round(value, 3) for name, value in zip(order, added, strict=True)}


def _decode(pieces: list[bytes]) -> None:
    decoder = Decoder()
    for piece in pieces:
        decoder.complete(piece)


def _translate(pieces: list[bytes], wanted: frozenset[str]) -> None:
    decoder, intake = Decoder(), Intake(wanted)
    for piece in pieces:
        intake.events(decoder.complete(piece), 1.0)


def _take(pieces: list[bytes], wanted: frozenset[str], *, publish: bool) -> None:
    """Do what the session does, without its counting; without legs unless `publish`."""
    state: CallState = build_state(material.config())
    state.add_machine(MACHINE)
    state.opened(MACHINE)
    state.released(MACHINE, 1.0)
    decoder, intake, take = Decoder(), Intake(wanted), state.take
    for piece in pieces:
        for event in intake.events(decoder.complete(piece), 1.0):
            take(MACHINE, event)
        if publish:
            state.publish(MACHINE)


def _subscribed(pieces: list[bytes]) -> None:
    """Do all that the daemon does, with somebody who listens to the changes."""
    engine = Engine()
    engine.state.store.subscribe(_listen)
    engine.run(pieces)


def _listen(_change: Change) -> None:
    """Hear of a change."""
