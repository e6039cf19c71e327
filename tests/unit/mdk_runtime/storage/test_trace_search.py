"""Pages of traces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mdk_runtime.storage import search
from mdk_runtime.storage.rows import id_of
from unit.mdk_runtime.storage.stores import Folder, log


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """An empty folder with segments of ten rows."""
    made = Folder(tmp_path)
    yield made
    made.close()


def test_traces_stay_right_while_rows_arrive(folder: Folder) -> None:
    """One that goes on while its list is read does not come again, nor does it vanish."""
    for number in range(30):
        folder.take(log(number, f"trace {number % 15}"))
    with folder.reader() as reader:
        page = reader.traces(limit=5)
        found = [one.trace_id for one in page.items]
        # Old traces go on, one of the first page and one of the last.
        folder.take(log(30, "trace 14"), log(31, "trace 0"))
        while page.next is not None:
            page = reader.traces(cursor=page.next, limit=5)
            found += [one.trace_id for one in page.items]
        assert found == [f"trace {number}" for number in range(14, -1, -1)]


def test_a_large_trace_does_not_hide_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a trace with very many rows few are read to get past it; it comes once, and so do all others, page by page."""
    folder = Folder(tmp_path, segment_rows=10_000)
    folder.take(*(log(number, f"before {number}") for number in range(6)))
    folder.take(*(log(10 + number, "large" if number % 3 else "other") for number in range(1500)))
    folder.take(*(log(2000 + number, f"after {number}") for number in range(6)))
    read: list[str] = []

    def counting(shown: str) -> bytes | str:
        read.append(shown)
        return id_of(shown)

    monkeypatch.setattr(search, "id_of", counting)
    with folder.reader() as reader:
        page = reader.traces(limit=4)
        found = [one.trace_id for one in page.items]
        while page.next is not None:
            page = reader.traces(cursor=page.next, limit=4)
            found += [one.trace_id for one in page.items]
    folder.close()
    after, before = (
        [f"after {number}" for number in range(5, -1, -1)],
        [f"before {number}" for number in range(5, -1, -1)],
    )
    assert found == [*after, "large", "other", *before]
    assert len(read) < 1000
