"""`callstate.replay`: places in a recording, what is printed there, connections in a row."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callstate.core.state import CallState
from callstate.replay import BadMark, Mark, encode_line, lines, parse_mark, pieces, variables_of
from tests.captures import Capture

LoadCapture = Callable[[str], Capture]


def _replay(paths: list[Path], *marks: Mark, mirror: bool = False) -> list[dict[str, Any]]:
    found = lines([str(path) for path in paths], CallState(), machine=7, marks=marks, mirror=mirror)
    return [json.loads(line) for line in found]


@pytest.mark.parametrize(
    ("text", "mark"),
    [("0", Mark(1, 0)), ("4711", Mark(1, 4711)), ("2:10", Mark(2, 10))],
)
def test_a_mark_is_an_offset_with_or_without_a_path(text: str, mark: Mark) -> None:
    assert parse_mark(text, 2) == mark


@pytest.mark.parametrize("text", ["", "x", "-1", "1:", ":5", "0:5", "1:2:3", "1.5", "3:1"])
def test_what_is_no_mark_is_named(text: str) -> None:
    with pytest.raises(BadMark, match=f"--at {text}: "):
        parse_mark(text, 2)


def test_a_stream_is_cut_where_it_is_marked() -> None:
    stream = [b"abcd", b"efgh"]

    cut = list(pieces(stream, [6, 2, 4, 4, 99]))

    assert b"".join(data for data, _ in cut) == b"abcdefgh"
    reached = [(sum(len(d) for d, _ in cut[: i + 1]), mark) for i, (_, mark) in enumerate(cut)]
    assert [pair for pair in reached if pair[1] is not None] == [
        (2, 2),
        (4, 4),
        (4, 4),
        (6, 6),
        (8, 99),
    ]


def test_each_mark_and_the_end_give_a_line(load_capture: LoadCapture) -> None:
    capture = load_capture("asterisk-22/inbound-answered")
    ringing, answered, ended = capture.checkpoints
    assert ringing.offset is not None
    assert answered.offset is not None
    assert ended.offset is not None

    printed = _replay(capture.log_paths, Mark(1, answered.offset), Mark(1, ringing.offset))

    assert [line["offset"] for line in printed] == [ringing.offset, answered.offset, ended.offset]
    assert [line["path"] for line in printed] == [1, 1, 1]
    statuses = [[row["status"] for row in line["rows"]] for line in printed]
    assert statuses == [["ringing", "ringing"], ["answer", "answer"], []]
    assert {row["machine"] for row in printed[0]["rows"]} == {7}


def test_rows_are_in_the_order_of_their_start(load_capture: LoadCapture) -> None:
    capture = load_capture("asterisk-22/mixed-traffic")
    mark = capture.checkpoints[1]
    assert mark.offset is not None

    rows = _replay(capture.log_paths, Mark(1, mark.offset))[0]["rows"]

    assert len(rows) > 10
    assert [row["start"] for row in rows] == sorted(row["start"] for row in rows)


def test_the_mirror_has_local_halves_and_bridges(load_capture: LoadCapture) -> None:
    capture = load_capture("asterisk-22/forward-local-n")
    mark = next(check for check in capture.checkpoints if check.label == "answered")
    assert mark.offset is not None

    shown = _replay(capture.log_paths, Mark(1, mark.offset), mirror=True)[0]

    channels = {channel["channel"]: channel for channel in shown["channels"]}
    assert sorted(channels) == sorted(item["Channel"] for item in mark.channels)
    assert len({channel["callid"] for channel in channels.values()}) == 1
    assert {len(bridge["members"]) for bridge in shown["bridges"]} == {2}
    first = shown["channels"][0]
    assert " ".join(first) == (
        "uniqueid channel state linkedid callid bridge caller_number caller_name"
        " connected_number connected_name account_code context exten priority variables"
        " answered start"
    )
    assert first["variables"]["cs_callid"] == first["callid"]


def test_a_lost_connection_leaves_what_was_known_until_the_next_one_has_listed(
    load_capture: LoadCapture,
) -> None:
    capture = load_capture("asterisk-22/reconnect")
    back = next(check for check in capture.checkpoints if check.label == "back")
    assert back.offset is not None

    before, after, _end = _replay(capture.log_paths, Mark(2, 40), Mark(2, back.offset), mirror=True)

    known = {channel["uniqueid"] for channel in before["channels"]}
    assert len(known) == 6
    listed = {channel["uniqueid"] for channel in after["channels"]}
    assert listed == {item["Uniqueid"] for item in back.channels}
    assert listed & known
    assert not known <= listed


def test_a_gzipped_recording_is_the_same(tmp_path: Path, load_capture: LoadCapture) -> None:
    capture = load_capture("asterisk-16/hold")
    plain, packed = tmp_path / "ami.log", tmp_path / "ami.log.gz"
    plain.write_bytes(capture.log())
    packed.write_bytes(gzip.compress(capture.log()))

    assert _replay([plain], Mark(1, 90_000)) == _replay([packed], Mark(1, 90_000))


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert encode_line({"name": "Zo\udceb", "of": ["\udcff"], "n": 1}) == (
        '{"name":"Zo\ufffd","of":["\ufffd"],"n":1}'.encode()
    )


def test_the_mirrors_own_variables_matter_beside_those_configured() -> None:
    assert variables_of(["cs_callid"]) > {"cs_callid", "MIXMONITOR_FILENAME"}
