"""Tests of mdk_runtime.integrations.prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from mdk.prometheus import MDKCollector
from mdk.testing import FakeMDK


def test_what_prometheus_reads(fake_mdk: FakeMDK) -> None:
    """Connection, queue, drops, and nodes by service."""
    registry = CollectorRegistry()
    registry.register(MDKCollector(fake_mdk))
    fake_mdk.add("hello")
    fake_mdk.add("hello")
    fake_mdk.configure("hello", failures=1)
    fake_mdk.session().resolve("hello").failure()
    fake_mdk.session().info("c", "t")
    lines = generate_latest(registry).decode().splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert values == {
        "mdk_connected": "0.0",
        "mdk_messages_queued": "1.0",
        "mdk_messages_dropped_total": "0.0",
        'mdk_nodes{service="hello"}': "2.0",
        'mdk_nodes_out{service="hello"}': "1.0",
    }
