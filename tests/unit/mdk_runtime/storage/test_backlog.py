"""What waits to be stored: the order of each folder, and the counts, whatever fails and works in between."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mdk_protocol.messages import Log
from mdk_runtime.core.server.origin import Entry
from mdk_runtime.storage.backlog import RETRY_S_MAX, Backlog, Job, Sized

FOLDERS = [Path("a"), Path("b"), Path("c")]


def job(folder: Path, number: int, messages: int = 1) -> Job:
    """A job that is told apart by its number."""
    return Job(folder, [Entry(Log(text="x"))] * messages, number)


def numbers(jobs: list[Sized]) -> list[int]:
    """Of these jobs."""
    return [one.job.token for one in jobs]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), max_size=60), st.integers(1, 6))
def test_each_folder_stays_in_order(steps: list[tuple[int, int, bool]], most: int) -> None:
    """Jobs are submitted, taken, and fail or work in any way; in the end each folder has got its jobs in order."""
    backlog = Backlog()
    stored: dict[Path, list[int]] = {folder: [] for folder in FOLDERS}
    wanted: dict[Path, list[int]] = {folder: [] for folder in FOLDERS}
    waiting = now = 0

    def turn(*, fails: bool) -> int:
        taken = backlog.take(most, now=float(now))
        count = 0
        for folder in FOLDERS:
            mine = [one for one in taken if one.job.folder == folder]
            if mine and fails:
                assert backlog.failed(folder, mine, now=float(now)) != (folder in before)
            elif mine:
                assert backlog.worked(folder, mine) == (folder in before)
                stored[folder] += numbers(mine)
                count += sum(len(one.job.entries) for one in mine)
        return count

    for number, (which, messages, fails) in enumerate(steps):
        now += 1
        before = {folder for folder in FOLDERS if backlog.holds(folder)}
        if messages:
            wanted[FOLDERS[which]].append(number)
            waiting += messages
            backlog.submit(job(FOLDERS[which], number, messages))
        else:
            waiting -= turn(fails=fails)
        assert backlog.ready.messages + backlog.held.messages == waiting
        assert (backlog.held.messages > 0) == (backlog.folders_held > 0)
    for _ in range(200):
        now += 10
        before = {folder for folder in FOLDERS if backlog.holds(folder)}
        waiting -= turn(fails=False)
    assert stored == wanted
    assert waiting == backlog.ready.messages == backlog.held.messages == 0
    assert backlog.ready.size_bytes == backlog.held.size_bytes == 0
    assert backlog.retry_at is None


def test_tried_again_later_and_later() -> None:
    """Twice as long each time, up to a longest; others are taken meanwhile; at the end everything is due at once."""
    backlog = Backlog(1.0)
    backlog.submit(job(FOLDERS[0], 0))
    waits: list[float] = []
    for _ in range(4):
        assert backlog.retry_at is None or backlog.take(9, now=backlog.retry_at - 0.01) == []
        now = backlog.retry_at or 0.0
        backlog.failed(FOLDERS[0], backlog.take(9, now=now), now=now)
        assert backlog.retry_at is not None
        waits.append(backlog.retry_at - now)
    assert waits == [1.0, 2.0, RETRY_S_MAX, RETRY_S_MAX]
    backlog.submit(job(FOLDERS[1], 1))
    backlog.submit(Job(FOLDERS[0], []))
    assert numbers(backlog.take(9, now=0.0)) == [1]
    backlog.hurry(now=0.0)
    assert numbers(backlog.take(9, now=0.0)) == [0]
