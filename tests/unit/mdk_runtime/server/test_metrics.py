"""What the server counts, and how it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from mdk_protocol.messages import Open
from mdk_runtime.core.server.grants import Grant
from mdk_runtime.server.audit import AuditLog
from mdk_runtime.server.hub import Hub
from mdk_runtime.server.measures import Histogram
from mdk_runtime.server.metrics import ServerCollector, as_table, size_of

ROOT = Path(__file__).parents[4]


def test_a_histogram() -> None:
    """A value at a bound counts as below it; the last bucket holds all."""
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 99.0):
        histogram.observe(value)
    histogram.observe(2.0, count=3)
    assert histogram.cumulative() == [2, 6, 7]
    assert histogram.total == 108.0


@pytest.mark.asyncio
async def test_totals_outlive_their_tenants(tmp_path: Path) -> None:
    """A tenant that is forgotten for being idle takes nothing away from the sums."""
    hub = Hub(tmp_path, Open(), grace_s=0.1, tenants_max=1)
    registry = hub.registry("one")
    assert registry is not None
    hub.tenants()[0].counters["log new"] = 7
    assert hub.registry("two") is not None
    samples = {
        (sample.name, sample.labels.get("outcome")): sample.value
        for metric in ServerCollector(hub).collect()
        for sample in metric.samples
    }
    assert samples["mdk_server_logs_total", "new"] == 7
    assert samples["mdk_server_tenants", None] == 1


def test_the_operators_table_is_what_is_emitted() -> None:
    """docs/operations.md names every metric."""
    assert f"\n{as_table()}\n" in (ROOT / "docs" / "operations.md").read_text()


def test_size_of_a_folder(tmp_path: Path) -> None:
    """All files below it; none where there is none."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 1000)
    assert size_of(tmp_path) >= 1000
    assert size_of(tmp_path / "none") == 0


def test_the_audit_log_appends(tmp_path: Path) -> None:
    """One line an act, whatever is in it; where it cannot be written an error says so."""
    audit = AuditLog(tmp_path)
    audit.write("remove", Grant("t", who="a\nb"), "1.2.3.4", node="x\r\ny")
    audit.write("clear", Grant("t"), "1.2.3.4")
    assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == 2
    with pytest.raises(OSError, match="No such file"):
        AuditLog(tmp_path / "none").write("clear", Grant("t"), "")
