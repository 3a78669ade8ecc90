"""Rows as a person reads them: one line per leg, in files that were reviewed line by line.

    [ringing] one call from carrier-a to c17-101, ringing
    plain
      carrier-a/1  A ringing -  in   external 0031612345678 | number 31170101 | phone 101 @17 | ...
      c17-101/1    A ringing -  in   external 0031612345678 | number 31170101 | phone 101 @17 | ...
    platform
      ...

After the label, what the capture's own words expect. `plain` is an Asterisk whose dialplan
sets no variable, `platform` one that does. A line says: the leg, as its endpoint and which
of that endpoint's legs it is; the call, a letter for each callid; status; `+` if answered;
direction; source, called number, destination, each as type, number and customer; then the
caller's name and number, the carrier (`peer 1`, `billing 2` when it is another), groups, and
what else is set. What differs from run to run (ids, times) is not in it.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from callstate.core.model import Leg, uniqueid_order

ROWS = Path(__file__).parent / "rows"

# Scenarios of random traffic: too many legs to read.
TRAFFIC = ("load-", "mixed-", "twin-", "short-calls", "join-under-")

VARIANTS = ("plain", "platform")

_RUN_OWN = re.compile(r"\d{9,11}\.\d+")

# A checkpoint: its label with the words, and the lines of each variant.
Section = tuple[str, dict[str, list[str]]]


class Names:
    """The short names of one capture's legs and calls, in the order in which they are seen."""

    def __init__(self) -> None:
        self._legs: dict[str, str] = {}
        self._seen: dict[str, int] = {}
        self._calls: dict[str, str] = {}

    def lines(self, legs: Iterable[Leg]) -> list[str]:
        """Return the line of each of `legs`, the oldest first."""
        ordered = sorted(legs, key=lambda leg: uniqueid_order(leg.uniqueid))
        return [self._line(leg) for leg in ordered]

    def _line(self, leg: Leg) -> str:
        call = self._calls.setdefault(leg.callid, chr(ord("A") + len(self._calls)))
        head = f"{self._name(leg):<12} {call} {leg.status:<7} {'+' if leg.answered else '-'}"
        parties = (
            _party(leg.stype, leg.snumber, leg.scustomer).ljust(26),
            _party(leg.ctype, leg.cnumber, 0).ljust(24),
            _party(leg.dtype, leg.dnumber, leg.dcustomer).ljust(26),
        )
        return f"{head}  {leg.direction:<8} {' | '.join(parties)} | {_rest(leg)}".rstrip()

    def _name(self, leg: Leg) -> str:
        if leg.uniqueid not in self._legs:
            endpoint = _endpoint(leg)
            self._seen[endpoint] = self._seen.get(endpoint, 0) + 1
            self._legs[leg.uniqueid] = f"{endpoint}/{self._seen[endpoint]}"
        return self._legs[leg.uniqueid]


def read(path: Path) -> list[Section]:
    """Return the sections of the file at `path`."""
    sections: list[Section] = []
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            sections.append((line, {}))
        elif line in VARIANTS:
            lines = sections[-1][1].setdefault(line, [])
        elif line.strip() and not line.startswith("#"):
            lines.append(line)
    return sections


def write(description: str, sections: Iterable[Section]) -> str:
    """Return the text of a file; for whoever adds a capture, and then reads every line."""
    return "\n".join([f"# {description}", *_written(sections), ""])


def plainly(lines: Iterable[str]) -> list[str]:
    """Return `lines` so that they compare however they were aligned and ordered.

    Which of several phones began to ring first is not the same in every release.
    """
    return sorted(" ".join(line.split()) for line in lines)


def _written(sections: Iterable[Section]) -> Iterator[str]:
    for title, variants in sections:
        yield ""
        yield title
        for variant, lines in variants.items():
            yield variant
            yield from (f"  {line}" for line in lines)


def _endpoint(leg: Leg) -> str:
    return leg.channel.partition("/")[2].rpartition("-")[0]


def _party(kind: str, number: str, customer: int) -> str:
    owner = f" @{customer}" if customer else ""
    return f"{kind or '?'} {number or '?'}{owner}"


def _rest(leg: Leg) -> str:
    words = [f'"{leg.callername_external}" <{leg.callerid_external}>']
    numbers = {
        "peer": leg.peer,
        "billing": leg.billing_peer if leg.billing_peer != leg.peer else 0,
        "ingroup": leg.ingroup,
        "outgroup": leg.outgroup,
        "overmax": leg.overmax,
    }
    words += [f"{name} {value}" for name, value in numbers.items() if value]
    if leg.recording:
        words.append("recorded to " + _RUN_OWN.sub("*", leg.recording.rpartition("/")[2]))
    words += ["hidden"] * (not leg.spresent) + ["sip"] * bool(leg.sip_callid)
    return " ".join(words)
