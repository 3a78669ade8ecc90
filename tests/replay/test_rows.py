"""Every row of every checkpoint of the recorded calls is what was found right on review.

A changed or new file is written by `python -m tests.replay.test_rows SCENARIO...`; whoever
does that reads each line against the words of the checkpoint before keeping it.
"""

import sys
from collections.abc import Iterator

import pytest

from callstate.core.access import Line
from callstate.core.derive import Rules
from callstate.core.directory import CustomerRow, Directory, LineRow, build
from callstate.core.inference import Endpoint
from callstate.core.model import Leg
from callstate.core.state import CallState
from callstate.replay import Replay, variables_of
from tests.captures import FIXTURES, Capture, Checkpoint
from tests.replay.table import ROWS, TRAFFIC, VARIANTS, Names, Section, plainly, read, write

RELEASES = (22, 16)

# The dialplan of the recorded calls sets a variable `cs_...` for each of these.
# fmt: off
FIELDS = (
    "callid", "scustomer", "stype", "snumber", "ctype", "cnumber", "dcustomer", "dtype", "dnumber",
    "peer", "billing_peer", "ingroup", "outgroup", "overmax",
)
# fmt: on
VARIABLES = {field: f"cs_{field}" for field in FIELDS}
PLATFORM = Rules(
    variables=VARIABLES,
    peers={"carrier-a": 1, "carrier-b": 2},
    groups={"in-17": 117, "in-23": 123, "out-17": 217, "out-23": 223},
)
ENDPOINTS = (
    Endpoint(pattern="PJSIP/carrier-a-*", type="external", peer=1),
    Endpoint(pattern="PJSIP/carrier-b-*", type="external", peer=2),
)


def _directory() -> Directory:
    return build(
        customers=[CustomerRow(id=1, parent=0, name="Operator")]
        + [CustomerRow(id=one, parent=1, name=f"Customer {one}") for one in (17, 23)],
        lines=[
            LineRow(name=f"c{customer}-{number}", customer=customer, number=str(number))
            for customer in (17, 23)
            for number in range(101, 107)
        ],
    )


DIRECTORY = _directory()


def _states(capture: Capture, variant: str) -> Iterator[tuple[Checkpoint, list[Leg]]]:
    """Yield each checkpoint with the legs at it; while not connected, those of before."""
    rules = PLATFORM if variant == "platform" else Rules()
    state = CallState(rules=rules, endpoints=ENDPOINTS, directory=DIRECTORY)
    state.add_machine(1)
    replay = Replay(state, 1, variables_of(rules.variables.values()))
    conn, fed, log = 0, 0, b""
    for checkpoint in capture.checkpoints:
        if checkpoint.offset is None:
            replay.feed(log[fed:])
            fed = len(log)
        else:
            if checkpoint.conn != conn:
                replay.feed(log[fed:])
                conn, fed = checkpoint.conn or 0, 0
                log = capture.log(conn)
                replay.open()
            replay.feed(log[fed : checkpoint.offset])
            fed = checkpoint.offset
        yield checkpoint, list(state.store)


def _sections(capture: Capture) -> list[Section]:
    sections: list[Section] = []
    for variant in VARIANTS:
        names = Names()
        for number, (checkpoint, legs) in enumerate(_states(capture, variant)):
            if variant == VARIANTS[0]:
                sections.append((f"[{checkpoint.label}] {checkpoint.expect}", {}))
            if legs:
                sections[number][1][variant] = names.lines(legs)
    return sections


def _scenarios() -> list[str]:
    names = {path.name for path in FIXTURES.glob("asterisk-*/*")}
    return sorted(name for name in names if not name.startswith(TRAFFIC))


def test_every_scenario_has_its_file() -> None:
    assert sorted(path.stem for path in ROWS.glob("*.txt")) == _scenarios()


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("scenario", _scenarios())
def test_rows_are_as_reviewed(scenario: str, release: int) -> None:
    shown = _sections(Capture(FIXTURES / f"asterisk-{release}" / scenario))
    reviewed = read(ROWS / f"{scenario}.txt")
    assert [title for title, _ in shown] == [title for title, _ in reviewed]
    for (title, mine), (_, right) in zip(shown, reviewed, strict=True):
        assert mine.keys() == right.keys(), title
        for variant, lines in mine.items():
            assert plainly(lines) == plainly(right[variant]), f"{title}, {variant}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_a_row_once_said_for_good_stays(capture: Capture, variant: str) -> None:
    known: dict[str, Leg] = {}
    for _, legs in _states(capture, variant):
        for leg in legs:
            before = known.get(leg.uniqueid, leg)
            assert (leg.start, leg.channel) == (before.start, before.channel)
            assert leg.answered == (before.answered or leg.answered)
            assert not leg.answered or leg.start <= leg.answered
            assert not leg.recording or leg.recording.startswith("/")
            assert leg.callid
            assert not leg.channel.startswith(("Local/", "Message/"))
            known[leg.uniqueid] = leg
        sip = [leg.sip_callid for leg in legs if leg.sip_callid]
        assert len(sip) == len(set(sip)), "one SIP call is one leg"


def test_a_platforms_word_about_a_leg_wins(capture: Capture) -> None:
    for checkpoint, legs in _states(capture, "platform"):
        if checkpoint.offset is None or not checkpoint.quiet:
            continue
        rows = {leg.uniqueid: leg for leg in legs}
        for item in checkpoint.channels:
            row = rows.get(item["Uniqueid"])
            said = dict(one.split("=", 1) for one in item.get("ChanVariable", ()))
            for field in ("stype", "snumber", "ctype", "cnumber", "dtype", "dnumber", "dcustomer"):
                value = said.get(VARIABLES[field])
                assert not row or not value or str(getattr(row, field)) == value, (row, field)


def test_a_line_is_found_by_its_channel() -> None:
    assert DIRECTORY.line_of("PJSIP/c17-101-00000001") == Line(
        name="c17-101", customer=17, number="101", channel="PJSIP/c17-101"
    )


if __name__ == "__main__":
    for scenario in sys.argv[1:] or _scenarios():
        capture = Capture(FIXTURES / f"asterisk-{RELEASES[0]}" / scenario)
        text = write(capture.meta["description"], _sections(capture))
        (ROWS / f"{scenario}.txt").write_text(text, encoding="utf-8")
