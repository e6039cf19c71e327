"""What a client of ours sees of others through a real server: tails, levels, drops."""

from __future__ import annotations

from pathlib import Path

from mdk_protocol.messages import Log
from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from service.programs import wait_until
from service.sending import unacknowledged
from service.servers import ServerProcess, server


def test_a_tail_is_chosen_by_the_server_and_survives_a_reconnect(server_process: ServerProcess, tmp_path: Path) -> None:
    """Only what fits comes; after a restart of the server it goes on by itself."""
    url = server_process.url
    seen: list[str] = []

    def look(log: Log | int) -> None:
        seen.append(log.text if isinstance(log, Log) else str(log))

    with MDK(Config(server_url=url)) as one, MDK(Config(server_url=url)) as looker:
        one.register("shop", "1.0", "http://one")
        assert looker.session().resolve("shop").address == "http://one"
        looker.tail(look, level="WARN", service="shop")
        session = one.session()
        wait_until(lambda: session.warn("c", "seen") and "seen" in seen, "the tail does not begin")
        session.info("c", "below")
        looker.session().error("c", "of another service")
        session.error("c", "also seen")
        wait_until(lambda: "also seen" in seen, "no second log")
        assert set(seen) == {"seen", "also seen"}
        server_process.kill()
        with server(tmp_path, "--port", str(server_process.port)):
            wait_until(lambda: one.connected and looker.connected, "not connected again")
            wait_until(lambda: one.session().warn("c", "after") and "after" in seen, "the tail does not go on")


def test_a_log_is_counted_to_its_end(server_process: ServerProcess) -> None:
    """Emitted = acknowledged + kept + dropped, as a client says it of itself."""
    url = server_process.url
    with MDK(Config(server_url=url)) as one:
        session = one.session()
        wait_until(lambda: one.connected, "not connected")
        for number in range(500):
            session.info("c", f"text {number}")
        wait_until(lambda: not unacknowledged(one), "not acknowledged")
        said = one.core.own_statistics()
        assert (said.emitted, said.queued, said.dropped) == (500, 0, 0)
