"""The server in Prometheus's words. No label is a tenant, a service or an address: there are as many as clients make up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

if TYPE_CHECKING:
    from mdk_runtime.server.hub import Hub
    from mdk_runtime.server.measures import Histogram, Measures

OUTCOMES = ("new", "known", "rejected")
GAUGES = {
    "tenants": "Tenants in memory.",
    "connections": "Clients that have said open.",
    "nodes": "Nodes in all tables.",
    "senders_out": "Senders out of touch.",
    "protected_tenants": "Tenants whose nodes are not expired: self-preservation.",
    "storage_queue_messages": "Messages that wait to be stored.",
    "storage_failing": "Tenants whose messages cannot be stored.",
    "storage_bytes": "On disk, of all tenants.",
    "reading": "0 while clients are not read because storage is behind.",
    "ending": "1 while the server ends.",
}
COUNTERS = {
    "changes": ("change", "Changes of tables."),
    "nodes_lapsed": ("node lapsed", "Nodes that were not renewed in time."),
    "nodes_refused": ("node refused", "Nodes that were not whole, not allowed, or too many."),
    "connections_refused": ("connection refused", "Connections above a tenant's limit."),
    "left_to_senders": ("left to the sender", "Messages not taken while storage failed; their senders have them."),
}


class ServerCollector(Collector):
    """Reads a hub when it is asked. On the loop's thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.storage_bytes = 0
        """Set before each scrape by whoever may read the disk."""

    def collect(self) -> Iterable[Metric]:
        """All that the server says of itself."""
        tenants = self._hub.tenants()
        counters: Counter[str] = Counter(self._hub.measures.counters)
        for tenant in tenants:
            counters.update(tenant.counters)
        protections = self._hub.measures.protections + sum(one.expiry.protection.count for one in tenants)
        return chain(
            self._gauges(),
            _counted(counters),
            _protections(protections),
            _failed(self._hub.gate.failures),
            _times(self._hub.measures),
        )

    def _gauges(self) -> Iterator[Metric]:
        hub = self._hub
        tenants = hub.tenants()
        values = {
            "tenants": len(tenants),
            "connections": sum(len(one.connections) for one in tenants),
            "nodes": sum(one.registry.leases for one in tenants),
            "senders_out": sum(one.registry.senders_out for one in tenants),
            "protected_tenants": len(hub.protected),
            "storage_queue_messages": hub.writer.backlog,
            "storage_failing": hub.writer.folders_failing,
            "storage_bytes": self.storage_bytes,
            "reading": hub.may_read.is_set(),
            "ending": hub.is_ending,
        }
        for name, text in GAUGES.items():
            yield GaugeMetricFamily(f"mdk_server_{name}", text, value=float(values[name]))


def _protections(count: int) -> Iterator[Metric]:
    protections = CounterMetricFamily("mdk_server_protections", "How often self-preservation began.")
    protections.add_metric([], float(count))
    yield protections


def _failed(failures: Mapping[str, int]) -> Iterator[Metric]:
    metric = CounterMetricFamily("mdk_server_auth_failures", "Tokens refused, by reason.", labels=["reason"])
    for reason, count in failures.items():
        metric.add_metric([reason], float(count))
    yield metric


def _times(measures: Measures) -> Iterator[Metric]:
    yield _histogram("ack_seconds", "From a message's arrival to its acknowledgement.", measures.ack_s)
    yield _histogram("loop_lag_seconds", "How late the loop's timers run.", measures.loop_lag_s)


def _counted(counters: Counter[str]) -> Iterator[Metric]:
    for kind in ("log", "interaction"):
        stored = CounterMetricFamily(
            f"mdk_server_{kind}s", f"{kind.capitalize()}s: new, known before, or rejected for good.", labels=["outcome"]
        )
        for outcome in OUTCOMES:
            stored.add_metric([outcome], float(counters[f"{kind} {outcome}"]))
        yield stored
    for name, (key, text) in COUNTERS.items():
        counter = CounterMetricFamily(f"mdk_server_{name}", text)
        counter.add_metric([], float(counters[key]))
        yield counter


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    bounds = [*(f"{bound:g}" for bound in histogram.bounds), "+Inf"]
    buckets = [(bound, float(count)) for bound, count in zip(bounds, histogram.cumulative(), strict=True)]
    metric = HistogramMetricFamily(f"mdk_server_{name}", text)
    metric.add_metric([], buckets, histogram.total)
    return metric


def registry_of(collector: ServerCollector) -> CollectorRegistry:
    """Ours, the process's and Python's; nothing of what else the process may have registered."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def as_table() -> str:
    """The metrics as a table in Markdown, for docs/operations.md."""
    from mdk_runtime.server.measures import Measures

    counted = list(_counted(Counter()))
    rows = [(f"mdk_server_{name}", text) for name, text in GAUGES.items()]
    rows += [(f"{one.name}_total", one.documentation) for one in (*counted, *_protections(0), *_failed({}))]
    rows += [(one.name, one.documentation) for one in _times(Measures())]
    return "\n".join(["| metric | what |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in rows)]) + "\n"


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder. Slow: not for the loop's thread."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except OSError:  # It was dropped meanwhile.
            continue
    return total
