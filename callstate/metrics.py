"""The metrics: what the daemon tells Prometheus, read when it is asked for.

Nothing is kept here that somebody else knows already: legs and machines come from the
state, the counters of the manager connections from whoever counts them, at the scrape.
Whoever counts keeps plain numbers; prometheus-client is met here only.
Labels are from small closed sets, never a customer, a number or a uniqueid.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from callstate import build
from callstate.core.directory import SourceState, SourceStatus
from callstate.core.histogram import Histogram
from callstate.core.state import CallState

# From one customer's legs out of an index to a full list of a large platform.
# fmt: off
QUERY_BOUNDS = (
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
)
# fmt: on

# There from the start, so that the first of them is seen as a change.
CODES = (200, 400, 401, 402, 408, 429, 500, 503)


class MachineCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted on the connection to one machine since the daemon started.

    `events` is by event name, `ignored` by reason; both have few and known keys. `attempts`
    are connections that were begun, `added_legs` and `removed_legs` what only a sync told.
    `syncs`, `applied` and `lag` are times.
    """

    machine: int
    events: Mapping[str, int]
    ignored: Mapping[str, int]
    attempts: int
    added_legs: int
    removed_legs: int
    syncs: Histogram
    applied: Histogram
    lag: Histogram


class HttpCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted of the clients' connections: how many are open, and how many each limit
    of the configuration ended since the daemon started."""

    open: int = 0
    ended: Mapping[str, int] = {}


class Metrics:
    """All metrics of one daemon, in a registry of its own."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(
        self,
        state: CallState,
        *,
        version: str,
        counts: Callable[[], Iterable[MachineCounts]] = tuple,
        http: Callable[[], HttpCounts] = HttpCounts,
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Scrape(state, self, counts, http, version))
        ProcessCollector(registry=self._registry)
        self.requests = Counter(dict.fromkeys(CODES, 0))
        self.queries = Histogram(QUERY_BOUNDS)

    def count_request(self, code: int) -> None:
        """Count an answer with `code`."""
        self.requests[code] += 1

    def observe_query(self, seconds: float) -> None:
        """Take note of what a query took, from parameters to bytes."""
        self.queries.observe(seconds)

    def render(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)


class _Scrape(Collector):
    """Reads what there is to tell, at each scrape."""

    def __init__(
        self,
        state: CallState,
        metrics: Metrics,
        counts: Callable[[], Iterable[MachineCounts]],
        http: Callable[[], HttpCounts],
        version: str,
    ) -> None:
        self._state = state
        self._metrics = metrics
        self._counts = counts
        self._http = http
        self._version = version

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registering must not scrape a state that has not started."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield InfoMetricFamily(
            "callstate_build",
            "The version that runs, compiled or pure Python.",
            value={"version": self._version, "build": build.kind()},
        )
        yield GaugeMetricFamily(
            "callstate_ready", "1 while queries are answered.", self._state.ready
        )
        yield from _machines(self._state)
        yield from _directory(self._state.source)
        counts = tuple(self._counts())
        yield from _events(counts)
        yield from _syncs(counts)
        yield from _http(self._metrics)
        yield from _connections(self._http())


def _machines(state: CallState) -> Iterator[Metric]:
    legs = _gauge("callstate_legs", "Legs that are up.")
    up = _gauge("callstate_ami_up", "1 while connected to the machine's manager.")
    in_step = _gauge("callstate_in_step", "1 while the legs are known to be the machine's.")
    as_of = _gauge("callstate_as_of_seconds", "Unix time of the last proof of life.")
    leg_counts = state.store.count_by_machine()
    for status in state.statuses():
        labels = [str(status.machine)]
        legs.add_metric(labels, leg_counts.get(status.machine, 0))
        up.add_metric(labels, status.connected)
        in_step.add_metric(labels, status.in_step)
        if status.as_of is not None:
            as_of.add_metric(labels, status.as_of)
    yield from (legs, up, in_step, as_of)


def _directory(source: SourceStatus) -> Iterator[Metric]:
    is_up = source.state is SourceState.ACCEPTED
    yield GaugeMetricFamily(
        "callstate_directory_up", "1 while the directory's last read was accepted.", is_up
    )
    loaded = GaugeMetricFamily(
        "callstate_directory_loaded_seconds", "Unix time of the last read that was accepted."
    )
    if source.loaded_at is not None:
        loaded.add_metric([], source.loaded_at)
    yield loaded


def _events(counts: Iterable[MachineCounts]) -> Iterator[Metric]:
    attempts = _counter("callstate_ami_attempts", "Connections to the manager that were begun.")
    events = _counter("callstate_ami_events", "Events that came, by their name.", "event")
    ignored = _counter("callstate_ami_ignored", "Messages that were not applied.", "reason")
    lag = _histogram(
        "callstate_event_lag_seconds",
        "Age of the last event of each piece of the stream when it was applied.",
        "machine",
    )
    applied = _histogram(
        "callstate_apply_seconds",
        "Time from reading a piece of the stream until an answer knows of it.",
        "machine",
    )
    for each in counts:
        machine = str(each.machine)
        attempts.add_metric([machine], each.attempts)
        for name, number in each.events.items():
            events.add_metric([machine, name], number)
        for reason, number in each.ignored.items():
            ignored.add_metric([machine, reason], number)
        _add(lag, each.lag, machine)
        _add(applied, each.applied, machine)
    yield from (attempts, events, ignored, lag, applied)


def _syncs(counts: Iterable[MachineCounts]) -> Iterator[Metric]:
    syncs = _counter("callstate_sync", "Syncs that were completed, audits included.")
    seconds = _histogram("callstate_sync_seconds", "Time of a complete sync.", "machine")
    added = _counter("callstate_sync_added_legs", "Channels that a list showed before any event.")
    removed = _counter("callstate_sync_removed_legs", "Channels that a list proved to be gone.")
    for each in counts:
        machine = str(each.machine)
        syncs.add_metric([machine], sum(each.syncs.counts))
        _add(seconds, each.syncs, machine)
        added.add_metric([machine], each.added_legs)
        removed.add_metric([machine], each.removed_legs)
    yield from (syncs, seconds, added, removed)


def _http(metrics: Metrics) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "callstate_http_requests", "Answers, by the code in their envelope.", labels=["code"]
    )
    for code, number in sorted(metrics.requests.items()):
        requests.add_metric([str(code)], number)
    yield requests
    queries = _histogram("callstate_query_seconds", "Time of a query, from parameters to bytes.")
    _add(queries, metrics.queries)
    yield queries


def _connections(counts: HttpCounts) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "callstate_http_connections", "Connections of clients that are open.", counts.open
    )
    ended = CounterMetricFamily(
        "callstate_http_ended_connections",
        "Connections that were refused or cut, by the limit that did it.",
        labels=["limit"],
    )
    for limit, number in counts.ended.items():
        ended.add_metric([limit], number)
    yield ended


def _gauge(name: str, help_text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, labels=["machine"])


def _counter(name: str, help_text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(name, help_text, labels=["machine", *labels])


def _histogram(name: str, help_text: str, *labels: str) -> HistogramMetricFamily:
    return HistogramMetricFamily(name, help_text, labels=labels)


def _add(family: HistogramMetricFamily, histogram: Histogram, *labels: str) -> None:
    names = (*map(str, histogram.bounds), "+Inf")
    buckets = list(zip(names, map(float, accumulate(histogram.counts)), strict=True))
    family.add_metric(labels, buckets, histogram.seconds)
