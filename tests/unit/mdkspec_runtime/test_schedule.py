"""Keyed times on a heap."""

from __future__ import annotations

from mdkspec_runtime.schedule import GARBAGE_MIN, Schedule


def popped(schedule: Schedule[str], now: float) -> list[tuple[str, float]]:
    """All that is due, in order."""
    found: list[tuple[str, float]] = []
    while (due := schedule.pop_due(now)) is not None:
        found.append(due)
    return found


def test_keys_come_in_order_of_their_time_then_of_their_setting() -> None:
    """Earliest first; at one time the first set first."""
    schedule: Schedule[str] = Schedule()
    for key, at in (("c", 2.0), ("a", 1.0), ("b", 2.0), ("later", 3.5)):
        schedule.set(key, at)
    assert popped(schedule, 2.0) == [("a", 1.0), ("c", 2.0), ("b", 2.0)]
    assert (schedule.deadline, len(schedule), "later" in schedule) == (3.5, 1, True)


def test_the_last_time_set_holds() -> None:
    """Put off, brought forward, put off again."""
    schedule: Schedule[str] = Schedule()
    for at in (5.0, 9.0, 2.0, 7.0):
        schedule.set("key", at)
        assert schedule.deadline == at
    assert popped(schedule, 6.9) == []
    assert popped(schedule, 7.0) == [("key", 7.0)]


def test_a_removed_key_is_not_due_and_may_be_set_again() -> None:
    """Nothing of its old entry holds."""
    schedule: Schedule[str] = Schedule()
    schedule.set("key", 1.0)
    assert schedule.remove("key")
    assert not schedule.remove("key")
    schedule.set("key", 5.0)
    assert popped(schedule, 4.0) == []
    assert schedule.keys() == ["key"]


def test_garbage_is_bounded() -> None:
    """However often keys are set, brought forward and removed, the heap stays near the number of live keys."""
    schedule: Schedule[str] = Schedule()
    schedule.set("stays", 1e9)
    for round_ in range(10_000):
        schedule.set("moves", 1e6 - round_)
        schedule.set(str(round_), 1e6)
        schedule.remove(str(round_))
        assert schedule.size <= len(schedule) + GARBAGE_MIN + 2
    assert schedule.deadline == 1e6 - 9_999


def test_renewals_leave_no_garbage() -> None:
    """To put a key off touches no heap."""
    schedule: Schedule[str] = Schedule()
    for round_ in range(1000):
        schedule.set("key", float(round_))
    assert (schedule.size, schedule.deadline) == (1, 999.0)
