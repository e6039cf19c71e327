"""What a server that starts again knows of a tenant's table, in files."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from mdk_protocol.messages import Node
from mdk_runtime.core.server.history import Past, Stand
from mdk_runtime.server.last_known import forget, load, load_past, save
from mdk_runtime.storage.emptiness import has_become_empty
from mdk_runtime.storage.layout import NODES_NAME, PAST_NAME

NODE = Node(id="s", service="svc", version="1.0", address="http://ä\u2028", properties={"a": [1, None]})
PAST = Past(["o1", "ö\ud800"], [Stand(NODE, is_gone=True, is_suspect=False, sequence=0, shown=("s", "t"))])


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """Nodes and what originals may know, whatever characters there are; and no more files than these."""
    folder = tmp_path / "t"
    assert (load(folder), load_past(folder)) == ([], None)
    save(folder, [NODE, NODE], PAST)
    assert (load(folder), load_past(folder)) == ([NODE, NODE], PAST)
    save(folder, [NODE])
    assert (load(folder), load_past(folder)) == ([NODE], PAST), "nothing new is known of originals"
    assert {path.name for path in folder.iterdir()} == {NODES_NAME, PAST_NAME}


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"1", b"null", b"\xff", b"{}", b'{"gone": true, "shown": 1, "node": "{}"}', b'{"shown": []}']
)
def test_a_damaged_line_is_left_out_and_said(tmp_path: Path, line: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """The others are taken in: a disk that was damaged, or a hand that edits, does not keep a server from starting."""
    save(tmp_path, [NODE], PAST)
    for name in (NODES_NAME, PAST_NAME):
        path = tmp_path / name
        path.write_bytes(line + b"\n" + path.read_bytes())
    with caplog.at_level(logging.WARNING):
        assert load(tmp_path) == [NODE]
        assert load_past(tmp_path) == PAST
    assert [record.getMessage().partition(" is left out")[0] for record in caplog.records] == [
        f"a line of {tmp_path / NODES_NAME}",
        f"a line of {tmp_path / PAST_NAME}",
    ]


def test_what_originals_may_know_keeps_no_folder(tmp_path: Path) -> None:
    """Where there is no node and nothing is stored it goes with the rest; where there is a node, neither file does."""
    save(tmp_path, [NODE], PAST)
    forget(tmp_path)
    assert load_past(tmp_path) == PAST
    save(tmp_path, [], PAST)
    assert has_become_empty(tmp_path, now_ms=2**45)
    forget(tmp_path)
    assert list(tmp_path.iterdir()) == []
