"""What became of every log of a client is known: emitted = stored + dropped + rejected, exactly."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.core.server.seen import united
from mdk_runtime.storage.layout import manifest_path, segment_numbers, segment_path
from mdk_runtime.storage.schema import open_for_reading
from mdk_runtime.storage.senders import LOGS
from service.http_port import outcomes
from service.programs import wait_until
from service.sending import numbers_of, unacknowledged
from service.servers import ServerProcess

KILLS = 4


class Killed:
    """A server that takes so many logs a second; it comes back at its port, over the same data, after each kill."""

    def __init__(self, folder: Path, logs_per_s_max: int) -> None:
        self._folder = folder
        self._options = ("--http", "--logs-per-second-max", str(logs_per_s_max))
        self.now = ServerProcess(folder, *self._options)
        self.url = self.now.url
        """The same for each."""

    def come_back(self) -> None:
        """Start it again."""
        self.now = ServerProcess(self._folder, *self._options, "--port", str(self.now.port))


@contextmanager
def connected(server: Killed) -> Generator[MDK]:
    """A client of the server, which ends orderly behind it."""
    try:
        with MDK(Config(server_url=server.url, token="tok")) as one:
            wait_until(lambda: one.connected, "not connected")
            yield one
        assert server.now.terminate() == 0
    finally:
        server.now.kill()


def numbers_seen(folder: Path, node: str) -> set[int]:
    """Those of a sender's logs on which storage has decided, for ever."""
    ranges: list[tuple[int, int]] = []
    for path in (manifest_path(folder), *(segment_path(folder, number) for number in segment_numbers(folder))):
        database = open_for_reading(path)
        ranges += database.execute("SELECT first, last FROM seen WHERE node = ? AND kind = ?", (node, LOGS))
        database.close()
    return {number for first, last in united(ranges) for number in range(first, last + 1)}


def test_every_log_is_stored_dropped_or_rejected(tmp_path: Path) -> None:
    """For a client whose server was killed with logs under way, that outran its queue and then its tenant's limit."""
    server = Killed(tmp_path, logs_per_s_max=1000)
    with connected(server) as one:
        session = one.session()
        for number in range(5_000):
            session.info("c", f"at first {number}")
        wait_until(lambda: unacknowledged(one) < 5_000, "the first ones are acknowledged")
        server.now.kill()
        wait_until(lambda: not one.connected, "it is cut")
        for number in range(25_000):
            session.log("WARN" if number % 3 else "INFO", "c", f"alone {number}")
        server.come_back()
        wait_until(lambda: one.connected and not unacknowledged(one), "all is acknowledged")
        said = one.core.own_statistics()
        counted = outcomes(server.now, "log")["rejected"]
    stored = numbers_of(server.now.tenant_folder())[one.node_id]
    seen = numbers_seen(server.now.tenant_folder(), one.node_id)
    rejected = len(seen) - len(stored)
    assert len(stored) == len(set(stored))
    assert set(stored) <= seen
    assert said.emitted == 30_000
    assert min(len(stored), said.dropped, rejected) > 0, "there was some of each"
    assert said.emitted == len(stored) + said.dropped + rejected
    assert 0 < counted <= rejected, "the server that was killed counted some as well"
    assert not any(span.first <= number <= span.last for span in said.dropped_ranges for number in seen)
    assert sum(said.dropped_by_level.values()) == said.dropped


def test_every_log_is_stored_or_rejected_though_servers_are_killed(tmp_path: Path) -> None:
    """What a killed server decided holds: a stored log that comes again above the rate is not rejected as well."""
    server = Killed(tmp_path, logs_per_s_max=500)
    with connected(server) as one:
        session = one.session()
        for turn in range(KILLS):
            wait_until(lambda: one.connected, "not connected")
            for number in range(2_000):
                session.info("c", f"{turn} {number}")
            wait_until(lambda: unacknowledged(one) < 1_900, "some are acknowledged")
            server.now.kill()
            server.come_back()
        wait_until(lambda: one.connected and not unacknowledged(one), "all is acknowledged")
        said = one.core.own_statistics()
        counted = outcomes(server.now, "log")
    stored = numbers_of(server.now.tenant_folder())[one.node_id]
    seen = numbers_seen(server.now.tenant_folder(), one.node_id)
    assert len(stored) == len(set(stored))
    assert (said.emitted, said.dropped) == (2_000 * KILLS, 0)
    assert seen == set(range(said.emitted)), "each is stored or rejected"
    assert 0 < len(stored) < said.emitted, "there was some of each"
    assert counted["rejected"] <= said.emitted - len(stored), "none of those that are stored"
