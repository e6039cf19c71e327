"""kill -9 of the server while logs come in."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from service.servers import RawClient, ServerProcess, log, stored_logs

ROUNDS = 4
CLIENTS = 3


class Sender(threading.Thread):
    """Sends logs as fast as it may, at most so many not acknowledged, until its connection breaks."""

    UNACKED_MAX = 500

    def __init__(self, url: str, node: str, acked: set[int], unacked: dict[int, None], first: int) -> None:
        super().__init__(daemon=True)
        self.url, self.node, self.acked, self.unacked, self.next = url, node, acked, unacked, first

    def run(self) -> None:
        """Until the server is gone."""
        try:
            with RawClient(self.url) as client:
                client.open(self.node)
                for sequence in list(self.unacked):
                    client.send(log(sequence, node=self.node))
                while True:
                    while len(self.unacked) < self.UNACKED_MAX:
                        self.unacked[self.next] = None
                        self.next += 1
                        client.send(log(self.next - 1, node=self.node))
                    sequence = client.receive()["sequence"]
                    self.acked.add(sequence)
                    self.unacked.pop(sequence, None)
        except (ConnectionClosed, OSError, EOFError):
            return


@pytest.mark.timeout(120)
def test_no_acknowledged_log_is_lost_and_none_is_there_twice(tmp_path: Path) -> None:
    """However the server dies; and what was not acknowledged is stored once when it is sent again."""
    seed = 20261124
    moments = random.Random(seed)
    acked = {f"n{number}": set[int]() for number in range(CLIENTS)}
    unacked = {node: dict[int, None]() for node in acked}
    following = dict.fromkeys(acked, 0)
    for _ in range(ROUNDS):
        server = ServerProcess(tmp_path)
        senders = [Sender(server.url, node, acked[node], unacked[node], following[node]) for node in acked]
        for sender in senders:
            sender.start()
        began = sum(map(len, acked.values()))
        end = time.monotonic() + 20
        while sum(map(len, acked.values())) < began + 1000:
            assert time.monotonic() < end, "nothing is acknowledged"
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.2))  # The moment of death is what this test is about.
        server.kill()
        for sender in senders:
            sender.join(10)
            following[sender.node] = sender.next
        stored = [(one.node, one.sequence) for one in stored_logs(server.tenant_folder())]
        assert len(stored) == len(set(stored)), "a log is there twice"
        missing = {(node, sequence) for node in acked for sequence in acked[node]} - set(stored)
        assert not missing, "an acknowledged log is lost"
