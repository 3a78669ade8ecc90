"""What each line of manager.conf leaves of the stream, and what is left for us to do.

Computed from captures that a manager user with every class recorded: an event is left out as
Asterisk would leave it out (main/manager.c: every class of it must be in `read`; an excluding
`eventfilter` by its name).
"""

import re
from collections.abc import Callable, Iterator
from functools import partial

from tests.bench import material
from tests.bench.findings import ROOT, Finding
from tests.bench.material import END, Engine, Stream
from tests.bench.measure import ratio, rounded, side_by_side
from tests.bench.sizes import Size

NAME = "manager.conf"

_PRIVILEGE = re.compile(rb"\r\nPrivilege: ([^\r]+)")

Keep = Callable[[bytes], bool]


def run(size: Size) -> Iterator[Finding]:
    """Give a finding for each capture: line upon line, what is left."""
    for recorded in (material.stream(name, most=size.stream_bytes) for name in size.captures):
        yield from material.in_a_loop(_measure(one, size) for one in [recorded])


def recommended() -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Return the classes and the excluded events of the manager.conf that we ship."""
    text = (ROOT / "deploy/asterisk/manager.conf").read_text(encoding="utf-8")
    classes = re.search(r"^read = (.+)$", text, flags=re.MULTILINE)
    assert classes is not None, "no line for read"
    named = re.findall(r"^eventfilter\(action\(exclude\),name\((\w+)\)\)", text, re.MULTILINE)
    return frozenset(classes[1].encode().split(b",")), frozenset(map(str.encode, named))


def _measure(recorded: Stream, size: Size) -> Finding:
    classes, excluded = recommended()
    steps = {
        "all classes, 15 channelvars": recorded,
        "channelvars empty": material.without_channel_variables(recorded),
    }
    steps["and read = ..."] = _left(steps["channelvars empty"], partial(_is_read, classes))
    steps["and eventfilter"] = _left(steps["and read = ..."], partial(_passes, excluded))
    steps["and timestampevents"] = _with_time(steps["and eventfilter"])
    steps["without dialplan"] = _left(
        steps["and timestampevents"], partial(_is_read, classes - {b"dialplan"})
    )
    samples = side_by_side(
        {name: partial(_run, one.pieces()) for name, one in steps.items()},
        rounds=size.rounds, round_seconds=0,
    )  # fmt: skip
    first = next(iter(samples.values()))
    return Finding(
        bench=NAME,
        what=recorded.name,
        figures={
            name: {
                "events": left.messages,
                "bytes": len(left.data),
                "percent of the bytes": rounded(100 * len(left.data) / len(recorded.data)),
                "percent of the CPU": rounded(100 * ratio(samples[name], first)),
                "CPU seconds": rounded(samples[name].median),
                "events per second": round(left.messages / samples[name].median),
            }
            for name, left in steps.items()
        },
    )


def _run(pieces: list[bytes]) -> None:
    Engine().run(pieces)


def _left(recorded: Stream, keep: Keep) -> Stream:
    kept = [raw for raw in recorded.data.split(END)[:-1] if keep(raw)]
    data = b"".join([raw + END for raw in kept])
    return Stream(name=recorded.name, data=data, messages=len(kept))


def _is_read(classes: frozenset[bytes], raw: bytes) -> bool:
    found = _PRIVILEGE.search(raw)
    return found is None or set(found[1].split(b",")) - {b"all"} <= classes


def _passes(excluded: frozenset[bytes], raw: bytes) -> bool:
    return not raw.startswith(b"Event: ") or raw[7 : raw.find(b"\r\n")] not in excluded


def _with_time(recorded: Stream) -> Stream:
    """Return a stream with the header that timestampevents adds behind the class."""
    data = _PRIVILEGE.sub(rb"\g<0>\r\nTimestamp: 1795479234.123456", recorded.data)
    return Stream(name=recorded.name, data=data, messages=recorded.messages)
