"""The original client of 2016 itself, beside ours, through a real server that is restarted under them.

Needs a Python 3.6 and the package index, once (service/original_mdk.py); where they are missing the test says so.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mdk_runtime.storage.reader import Reader
from service.http_port import ask, outcomes
from service.original_mdk import OriginalUnavailable, original_python
from service.programs import Program, started, wait_until
from service.servers import RawClient, ServerProcess, active, server, stored_logs
from service.silent_proxy import silent_proxy

PEER = str(Path(__file__).parent / "applications" / "peer.py")
TOKEN = "tok"
KINDS = ("original", "ours")
PAIRINGS = [(one, other) for one in KINDS for other in KINDS]
INTERACTIONS = 3
"""Of each peer, before the restart and again after it."""


@pytest.fixture(scope="session")
def pythons() -> dict[str, str]:
    """What runs each kind."""
    try:
        return {"original": original_python(), "ours": sys.executable}
    except OriginalUnavailable as reason:
        pytest.skip(f"NOT RUN, the original is not available: {reason}")


class Peer:
    """A process with one MDK that does as it is told."""

    def __init__(self, program: Program, kind: str) -> None:
        self.program = program
        self.kind = kind
        self.told = 0

    def __getattr__(self, name: str) -> Any:
        def tell(*values: Any) -> Any:
            number, self.told = self.told, self.told + 1
            self.program.say(json.dumps({"do": name, "with": values}))
            answer = json.loads(self.program.wait_for(f"answer {number}: ").partition(": ")[2])
            assert answer != "FAILED", "\n".join(self.program.lines)
            return answer

        return tell


@contextmanager
def peer(kind: str, python: str, url: str) -> Iterator[Peer]:
    """A running one, which is what it says it is."""
    with started(python, "-u", PEER, MDK_SERVER_URL=url, DATAWIRE_TOKEN=TOKEN) as program:
        where = program.wait_for("ready")
        assert ("site-packages/mdk/__init__.py" in where) == (kind == "original"), where
        yield Peer(program, kind)


def restarted(running: ServerProcess, folder: Path) -> ServerProcess:
    """Ended in order; a new one on the same data and port."""
    port = str(running.port)
    assert running.terminate() == 0
    return ServerProcess(folder, "--http", "--port", port)


def talk(one: Peer, other: Peer, turn: str) -> list[str]:
    """Each registers, resolves the other's node, logs, begins a session that the other joins, and hears everything."""
    texts: list[str] = []
    for me, you in ((one, other), (other, one)):
        name = "one" if me is one else "other"
        service = f"{name}-{turn}"
        me.register(service, f"http://{service}")
        assert you.resolve(service) == f"http://{service}"
        began, joined = f"{name} begins {turn}", f"{name}'s joined {turn}"
        assert you.join(me.begin(began), joined) == began, "a property travels with the session"
        texts += [began, joined]
        for _ in range(INTERACTIONS):
            you.interact(service)
    for each in (one, other):
        wait_until(lambda each=each: set(texts) <= set(each.heard()), f"{each.kind} hears all of {texts}")  # type: ignore[misc]
    return texts


@pytest.mark.parametrize(("first", "second"), PAIRINGS, ids=["-".join(pair) for pair in PAIRINGS])
def test_both_kinds_work_together_across_a_restart(
    pythons: dict[str, str], tmp_path: Path, first: str, second: str
) -> None:
    """Register, resolve, log, subscribe, share sessions; every log and interaction is stored once, repeated or not."""
    with (
        server(tmp_path, "--http") as running,
        peer(first, pythons[first], running.url) as one,
        peer(second, pythons[second], running.url) as other,
    ):
        texts = talk(one, other, "before")
        everything = 2 * INTERACTIONS
        wait_until(lambda: outcomes(running, "interaction")["new"] == everything, "all interactions, before")
        running = restarted(running, tmp_path)
        try:
            texts += talk(one, other, "after")
            for each in (one, other):
                assert each.resolve("one-before") == "http://one-before", "the node outlived the server"
                assert len(each.heard()) == len(set(each.heard())), "no log is heard twice"
            wait_until(lambda: outcomes(running, "interaction")["new"] == everything, "all interactions, after")
            again = outcomes(running, "interaction")["known"]
            originals = (first, second).count("original")
            assert again >= INTERACTIONS * originals, "an original sends all of them again"
            for each in (one, other):
                each.stop()
                each.program.process.kill()  # An original may not end by itself.
            wait_until(lambda: ask(running, "/api/services").json["items"] == [], "both have said goodbye")
            assert running.terminate() == 0
        finally:
            running.kill()
    logs = [log for log in stored_logs(running.tenant_folder()) if log.category == "peer"]
    assert Counter(log.text for log in logs) == Counter(texts), "each log once"
    traces = {log.text: log.trace_id for log in logs}
    for text, trace in traces.items():
        if "begins" in text:
            assert traces[text.replace(" begins", "'s joined")] == trace, "both sides of a session are one trace"
    with Reader(running.tenant_folder()) as reader:
        assert reader.stats().interactions == 2 * 2 * INTERACTIONS


def test_an_original_that_was_cut_off_loses_what_went_meanwhile(pythons: dict[str, str], tmp_path: Path) -> None:
    """It forgets no node by itself; our server tells it when it comes back, and it calls the dead one no more."""
    with (
        server(tmp_path) as running,
        RawClient(running.url) as service,
        silent_proxy(running.url) as (proxy, url),
        peer("original", pythons["original"], url) as original,
    ):
        service.open("s")
        stays, goes = active("s1", "http://stays"), active("s2", "http://goes")
        for message in (stays, goes):
            service.send(message)
            assert service.receive()["node"]["address"] == message["node"]["address"]

        def resolved() -> set[str]:
            return {original.resolve("svc") for _ in range(4)}

        wait_until(lambda: resolved() == {"http://stays", "http://goes"}, "both are known")
        proxy.cut()
        service.send({**goes, "type": "expire"})
        assert service.receive()["type"] == "expire"
        assert resolved() == {"http://stays", "http://goes"}, "it has not heard of it"
        proxy.speaks.set()
        wait_until(lambda: resolved() == {"http://stays"}, "the dead one is forgotten")


def test_an_original_loses_what_went_while_the_server_was_away_too(pythons: dict[str, str], tmp_path: Path) -> None:
    """The server ends and starts again meanwhile: what it knew of the original, and of what is gone, is on its disk."""
    with (
        server(tmp_path, "--http") as running,
        silent_proxy(running.url) as (proxy, url),
        peer("original", pythons["original"], url) as original,
    ):
        stays, goes = active("s1", "http://stays"), active("s2", "http://goes")

        def resolved() -> set[str]:
            return {original.resolve("svc") for _ in range(4)}

        with RawClient(running.url) as service:
            service.open("s")
            for message in (stays, goes):
                service.send(message)
                assert service.receive()["node"]["address"] == message["node"]["address"]
            wait_until(lambda: resolved() == {"http://stays", "http://goes"}, "both are known")
            proxy.cut()
            service.send({**goes, "type": "expire"})
            assert service.receive()["type"] == "expire"
        again = restarted(running, tmp_path)
        try:
            assert resolved() == {"http://stays", "http://goes"}, "it has not heard of it"
            proxy.speaks.set()
            wait_until(lambda: resolved() == {"http://stays"}, "the dead one is forgotten")
        finally:
            again.kill()
