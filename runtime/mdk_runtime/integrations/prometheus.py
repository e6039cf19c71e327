"""The MDK's statistics for Prometheus: `REGISTRY.register(MDKCollector(m))`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

try:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector
except ImportError as error:
    raise ImportError('mdk.prometheus needs prometheus-client: pip install "mdk[prometheus]"') from error

if TYPE_CHECKING:
    from mdk_runtime.base_client import BaseMDK


class MDKCollector(Collector):
    """Read when Prometheus asks; costs nothing in between."""

    def __init__(self, mdk: BaseMDK[Any]) -> None:
        self._mdk = mdk

    def collect(self) -> Iterator[Metric]:
        """mdk_connected, mdk_messages_queued, mdk_messages_dropped_total, mdk_nodes, mdk_nodes_out."""
        now = self._mdk.statistics()
        yield GaugeMetricFamily("mdk_connected", "1 while the MDK server can be talked to", float(now.connected))
        yield GaugeMetricFamily("mdk_messages_queued", "Messages that are not acknowledged yet", now.queued)
        yield CounterMetricFamily("mdk_messages_dropped", "Messages that were given up", now.dropped)
        for name, text, values in (
            ("mdk_nodes", "Known nodes", now.nodes),
            ("mdk_nodes_out", "Nodes that circuit breakers keep out", now.nodes_out),
        ):
            family = GaugeMetricFamily(name, text, labels=["service"])
            for service, value in values.items():
                family.add_metric([service], value)
            yield family
