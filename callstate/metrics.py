"""The metrics: what the daemon tells Prometheus, read when it is asked for.

Nothing is kept here that somebody else knows already: legs and machines come from the
state, the counters of the manager connections from whoever counts them, at the scrape.
Labels are from small closed sets, never a customer, a number or a uniqueid.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from callstate.core.directory import SourceState
from callstate.core.state import CallState

# From one customer's legs out of an index to a full list of a large platform.
QUERY_BOUNDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)


class MachineCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted on the connection to one machine since the daemon started.

    `events` is by event name, `ignored` by reason; both have few and known keys.
    """

    machine: int
    events: Mapping[str, int] = {}
    ignored: Mapping[str, int] = {}
    syncs: int = 0
    sync_removed_legs: int = 0
    event_lag_seconds: float | None = None


class Metrics:
    """All metrics of one daemon, in a registry of its own."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(
        self,
        state: CallState,
        *,
        version: str,
        counts: Callable[[], Iterable[MachineCounts]] = tuple,
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Scrape(state, self, counts, version))
        self.requests: Counter[int] = Counter()
        self.query_buckets = [0] * (len(QUERY_BOUNDS) + 1)
        self.query_seconds = 0.0

    def count_request(self, code: int) -> None:
        """Count an answer with `code`."""
        self.requests[code] += 1

    def observe_query(self, seconds: float) -> None:
        """Take note of what a query took, from parameters to bytes."""
        self.query_buckets[bisect_left(QUERY_BOUNDS, seconds)] += 1
        self.query_seconds += seconds

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
        version: str,
    ) -> None:
        self._state = state
        self._metrics = metrics
        self._counts = counts
        self._version = version

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registering must not scrape a state that has not started."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield InfoMetricFamily(
            "callstate_build", "The version that runs.", value={"version": self._version}
        )
        yield from self._machines()
        yield from self._directory()
        yield from self._connections()
        yield from self._http()

    def _machines(self) -> Iterator[Metric]:
        legs = _gauge("callstate_legs", "Legs that are up.")
        up = _gauge("callstate_ami_up", "1 while connected to the machine's manager.")
        in_step = _gauge("callstate_in_step", "1 while the legs are known to be the machine's.")
        as_of = _gauge("callstate_as_of_seconds", "Unix time of the last proof of life.")
        leg_counts = self._state.store.count_by_machine()
        for status in self._state.statuses():
            labels = [str(status.machine)]
            legs.add_metric(labels, leg_counts.get(status.machine, 0))
            up.add_metric(labels, status.connected)
            in_step.add_metric(labels, status.in_step)
            if status.as_of is not None:
                as_of.add_metric(labels, status.as_of)
        yield from (legs, up, in_step, as_of)

    def _directory(self) -> Iterator[Metric]:
        source = self._state.source
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

    def _connections(self) -> Iterator[Metric]:
        events = _counter("callstate_ami_events", "Events that were applied.", "event")
        ignored = _counter("callstate_ami_ignored", "Messages that were not applied.", "reason")
        syncs = _counter("callstate_sync", "Syncs that were completed.")
        removed = _counter("callstate_sync_removed_legs", "Legs that only a sync removed.")
        lag = _gauge("callstate_event_lag_seconds", "Age of the last event when it was applied.")
        for counts in self._counts():
            machine = str(counts.machine)
            for name, number in counts.events.items():
                events.add_metric([machine, name], number)
            for reason, number in counts.ignored.items():
                ignored.add_metric([machine, reason], number)
            syncs.add_metric([machine], counts.syncs)
            removed.add_metric([machine], counts.sync_removed_legs)
            if counts.event_lag_seconds is not None:
                lag.add_metric([machine], counts.event_lag_seconds)
        yield from (events, ignored, syncs, removed, lag)

    def _http(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "callstate_http_requests", "Answers, by the code in their envelope.", labels=["code"]
        )
        for code, number in sorted(self._metrics.requests.items()):
            requests.add_metric([str(code)], number)
        yield requests
        queries = HistogramMetricFamily(
            "callstate_query_seconds", "Time of a query, from parameters to bytes."
        )
        queries.add_metric([], self._buckets(), self._metrics.query_seconds)
        yield queries

    def _buckets(self) -> list[tuple[str, float]]:
        total, buckets = 0, []
        names = (*map(str, QUERY_BOUNDS), "+Inf")
        for name, number in zip(names, self._metrics.query_buckets, strict=True):
            total += number
            buckets.append((name, float(total)))
        return buckets


def _gauge(name: str, help_text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, labels=["machine"])


def _counter(name: str, help_text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(name, help_text, labels=["machine", *labels])
