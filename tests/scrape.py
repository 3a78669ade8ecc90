"""Metrics with a value for everything, for tests of what is scraped and of who reads it."""

import re

from prometheus_client.parser import text_string_to_metric_families

from callstate.core.directory import SourceState, SourceStatus
from callstate.core.histogram import Histogram
from callstate.core.model import Leg
from callstate.core.state import CallState
from callstate.metrics import HttpCounts, MachineCounts, Metrics


def times(*seconds: float) -> Histogram:
    histogram = Histogram((0.1, 1.0))
    for each in seconds:
        histogram.observe(each)
    return histogram


COUNTS = MachineCounts(
    machine=1,
    events={"Newchannel": 7, "other": 2},
    ignored={"irrelevant": 3, "oversized": 0},
    attempts=5,
    added_legs=4,
    removed_legs=1,
    syncs=times(0.25, 0.5),
    applied=times(0.05),
    lag=times(0.25, 2.0),
)
IDLE = MachineCounts(
    machine=2,
    events={},
    ignored={},
    attempts=0,
    added_legs=0,
    removed_legs=0,
    syncs=times(),
    applied=times(),
    lag=times(),
)


HTTP = HttpCounts(open=3, ended={"connections": 1, "reader_seconds": 0})


def make_state() -> CallState:
    """Return a state of two machines, of which the first is in step and has a leg."""
    state = CallState()
    for machine in (1, 2):
        state.add_machine(machine)
    state.opened(1)
    state.released(1, 1795479234.5)
    state.store.put(Leg(machine=1, uniqueid="1"))
    state.source = SourceStatus(state=SourceState.ACCEPTED, loaded_at=1795479230.0)
    return state


def scrape() -> str:
    """Return what Prometheus is told when there is something to tell of everything."""
    metrics = Metrics(
        make_state(), version="1.2.3", counts=lambda: [COUNTS, IDLE], http=lambda: HTTP
    )
    return metrics.render().decode()


def labels_by_metric() -> dict[str, set[str]]:
    """Return every metric, by the name that its HELP line has, with the names of its labels."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(scrape()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = {label for sample in family.samples for label in sample.labels} - {"le"}
    return found


def metrics_in(text: str) -> set[str]:
    """Return the metrics that an expression names; a histogram's parts as the histogram."""
    names = re.findall(r"\b(?:callstate|process)_[a-z_]+", text)
    return {re.sub(r"_seconds_(?:bucket|count|sum)$", "_seconds", name) for name in names}
