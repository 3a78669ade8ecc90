"""The captures are whole: their logs are as long as their own descriptions say."""

import json
from collections.abc import Callable

from tests.captures import FIXTURES, Capture, all_captures


def test_logs_are_as_long_as_recorded_and_hold_every_checkpoint(capture: Capture) -> None:
    sizes = [len(capture.log(n + 1)) for n in range(capture.connections)]
    assert sizes == [connection["bytes"] for connection in capture.meta["connections"]]
    for checkpoint in capture.checkpoints:
        if checkpoint.conn is not None and checkpoint.offset is not None:
            assert checkpoint.offset <= sizes[checkpoint.conn - 1]


def test_timing_begins_at_the_first_byte_and_never_goes_back(capture: Capture) -> None:
    for conn in range(1, capture.connections + 1):
        timing = capture.timing(conn)
        assert timing[0][0] == 0
        assert timing == sorted(timing)
        assert timing[-1][0] < len(capture.log(conn))


def test_no_recorded_action_holds_a_secret() -> None:
    for path in FIXTURES.rglob("actions.tsv"):
        for line in path.read_text(encoding="utf-8").splitlines():
            headers = dict(json.loads(line.split("\t")[2]))
            assert headers.get("Secret", "***") == "***"


def test_both_releases_are_there_and_the_loads_too() -> None:
    captures = list(all_captures())
    assert {capture.release for capture in captures} == {16, 22}
    assert any(capture.is_load for capture in captures)


def test_a_capture_is_found_by_name(load_capture: Callable[[str], Capture]) -> None:
    capture = load_capture("asterisk-22/reconnect")
    assert [path.name.partition(".")[0] for path in capture.log_paths] == ["ami", "ami-2"]


def test_the_repository_stays_small() -> None:
    sizes = (path.stat().st_size for path in FIXTURES.rglob("*") if path.is_file())
    assert sum(sizes) < 15 * 2**20
