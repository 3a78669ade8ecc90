"""What Prometheus is told."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from callstate import build
from callstate.core.directory import SourceState, SourceStatus
from callstate.core.model import Leg
from callstate.core.state import CallState
from callstate.metrics import CODES, QUERY_BOUNDS, HttpCounts, Metrics
from callstate.web.outcome import _CODES
from tests.scrape import COUNTS, HTTP, IDLE, make_state

NAMES = {
    "callstate_http_connections",
    "callstate_http_ended_connections_total",
    "callstate_build_info",
    "callstate_ready",
    "callstate_legs",
    "callstate_ami_up",
    "callstate_in_step",
    "callstate_as_of_seconds",
    "callstate_directory_up",
    "callstate_directory_loaded_seconds",
    "callstate_ami_attempts_total",
    "callstate_ami_events_total",
    "callstate_ami_ignored_total",
    "callstate_sync_total",
    "callstate_sync_added_legs_total",
    "callstate_sync_removed_legs_total",
    "callstate_http_requests_total",
    *(
        f"callstate_{histogram}_seconds_{part}"
        for histogram in ("event_lag", "apply", "sync", "query")
        for part in ("bucket", "count", "sum")
    ),
}


@pytest.fixture
def state() -> CallState:
    return make_state()


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return every value by its name and the values of its labels, in the order of their names."""
    text = metrics.render().decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_name_is_there_and_no_other(state: CallState) -> None:
    metrics = Metrics(state, version="1.2.3", counts=lambda: [COUNTS], http=lambda: HTTP)
    metrics.count_request(200)
    names = {key[0] for key in samples(metrics)}
    assert {name for name in names if name.startswith("callstate_")} == NAMES
    process = names - NAMES
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total"} <= process
    assert all(name.startswith("process_") for name in process)


def test_names_follow_the_convention(state: CallState) -> None:
    text = Metrics(state, version="1").render().decode()
    families = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
    assert families
    for name, kind in families:
        assert name.startswith(("callstate_", "process_"))
        assert name.endswith("_total") == (kind == "counter")
    assert len(re.findall(r"^# HELP \S+ \S+", text, re.MULTILINE)) == len(families)


def test_machines_are_read_from_the_state_at_the_scrape(state: CallState) -> None:
    metrics = Metrics(state, version="1")
    before = samples(metrics)
    assert before["callstate_legs", "1"] == 1
    assert before["callstate_legs", "2"] == 0
    assert before["callstate_ami_up", "1"] == before["callstate_in_step", "1"] == 1
    assert before["callstate_ami_up", "2"] == before["callstate_in_step", "2"] == 0
    assert before["callstate_as_of_seconds", "1"] == 1795479234.5
    assert ("callstate_as_of_seconds", "2") not in before
    state.closed(1, 0.0, "gone")
    state.store.put(Leg(machine=1, uniqueid="2"))
    after = samples(metrics)
    assert (after["callstate_legs", "1"], after["callstate_ami_up", "1"]) == (2, 0)


def test_the_directory_is_up_while_its_last_read_was_accepted(state: CallState) -> None:
    metrics = Metrics(state, version="1")
    assert samples(metrics)["callstate_directory_up",] == 1
    assert samples(metrics)["callstate_directory_loaded_seconds",] == 1795479230.0
    for problem in (SourceState.REFUSED, SourceState.UNAVAILABLE):
        state.source = SourceStatus(state=problem, loaded_at=1795479230.0)
        assert samples(metrics)["callstate_directory_up",] == 0
        assert samples(metrics)["callstate_directory_loaded_seconds",] == 1795479230.0
    state.source = SourceStatus()
    assert samples(metrics)["callstate_directory_up",] == 0
    assert ("callstate_directory_loaded_seconds",) not in samples(metrics)


def test_counters_are_taken_from_who_counts(state: CallState) -> None:
    found = samples(Metrics(state, version="1", counts=lambda: [COUNTS, IDLE]))
    assert found["callstate_ami_events_total", "Newchannel", "1"] == 7
    assert found["callstate_ami_events_total", "other", "1"] == 2
    assert found["callstate_ami_ignored_total", "1", "irrelevant"] == 3
    assert found["callstate_ami_ignored_total", "1", "oversized"] == 0
    assert found["callstate_ami_attempts_total", "1"] == 5
    assert found["callstate_sync_total", "1"] == 2
    assert found["callstate_sync_total", "2"] == 0
    assert found["callstate_sync_added_legs_total", "1"] == 4
    assert found["callstate_sync_removed_legs_total", "1"] == 1


@pytest.mark.parametrize(
    ("name", "buckets", "seconds"),
    [("sync", [0, 2, 2], 0.75), ("apply", [1, 1, 1], 0.05), ("event_lag", [0, 1, 2], 2.25)],
)
def test_times_are_histograms_for_each_machine(
    state: CallState, name: str, buckets: list[int], seconds: float
) -> None:
    found = samples(Metrics(state, version="1", counts=lambda: [COUNTS, IDLE]))
    family = f"callstate_{name}_seconds"
    assert [found[f"{family}_bucket", le, "1"] for le in ("0.1", "1.0", "+Inf")] == buckets
    assert (found[f"{family}_count", "1"], found[f"{family}_sum", "1"]) == (buckets[-1], seconds)
    assert found[f"{family}_count", "2"] == 0


def test_it_is_said_whether_queries_are_answered(state: CallState) -> None:
    metrics = Metrics(state, version="1")
    assert samples(metrics)["callstate_ready",] == 0
    state.ready = True
    assert samples(metrics)["callstate_ready",] == 1


def test_what_may_go_wrong_is_0_before_it_does(state: CallState) -> None:
    assert {*_CODES.values(), 200, 500} == set(CODES)
    found = samples(Metrics(state, version="1"))
    assert [found["callstate_http_requests_total", str(code)] for code in CODES] == [0] * len(CODES)


def test_requests_are_counted_by_code(state: CallState) -> None:
    metrics = Metrics(state, version="1")
    for code in (200, 200, 401):
        metrics.count_request(code)
    found = samples(metrics)
    assert found["callstate_http_requests_total", "200"] == 2
    assert found["callstate_http_requests_total", "401"] == 1


def test_connections_are_told_with_what_ended_others(state: CallState) -> None:
    counts = HttpCounts(open=3, ended={"connections": 0, "head_seconds": 2})
    found = samples(Metrics(state, version="1", http=lambda: counts))
    assert found["callstate_http_connections",] == 3
    assert found["callstate_http_ended_connections_total", "connections"] == 0
    assert found["callstate_http_ended_connections_total", "head_seconds"] == 2


def test_queries_are_a_histogram(state: CallState) -> None:
    metrics = Metrics(state, version="1")
    for seconds in (0.00001, QUERY_BOUNDS[0], 0.002, 5.0):
        metrics.observe_query(seconds)
    found = samples(metrics)
    assert found["callstate_query_seconds_bucket", str(QUERY_BOUNDS[0])] == 2
    assert found["callstate_query_seconds_bucket", "0.0025"] == 3
    assert found["callstate_query_seconds_bucket", "1.0"] == 3
    assert found["callstate_query_seconds_bucket", "+Inf"] == 4
    assert found["callstate_query_seconds_count",] == 4
    assert found["callstate_query_seconds_sum",] == pytest.approx(5.00206)


def test_two_daemons_in_one_process_do_not_meet(state: CallState) -> None:
    first, second = Metrics(state, version="1"), Metrics(state, version="2")
    first.count_request(200)
    assert samples(first)["callstate_build_info", build.kind(), "1"] == 1
    assert samples(second)["callstate_http_requests_total", "200"] == 0
