"""Ranges of numbers seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mdk_protocol.tables import SESSION_SERVER
from mdk_runtime.core.server.seen import RANGES_MAX, SeenNumbers


@given(st.lists(st.lists(st.integers(0, 30))))
def test_ranges_are_the_numbers(batches: list[list[int]]) -> None:
    """In any order: new is what was not there; what is written after each batch is what there is."""
    seen, model, written = SeenNumbers(), set[int](), dict[int, int]()
    for batch in batches:
        for number in batch:
            assert seen.add(number) is (number not in model)
            model.add(number)
            assert number in seen
        changes = seen.take_changes()
        for first in changes.removed:
            written.pop(first, None)
        written.update(changes.written)
        assert sorted(written.items()) == seen.ranges()
    covered = [number for first, last in seen.ranges() for number in range(first, last + 1)]
    assert covered == sorted(model)
    assert all(last + 1 < first for (_, last), (first, _) in zip(seen.ranges(), seen.ranges()[1:], strict=False))
    assert all((number in seen) == (number in model) for number in range(-1, 32))


def test_ranges_come_back() -> None:
    """What was written is known again."""
    seen = SeenNumbers([(0, 4), (7, 7)])
    assert not seen.add(3)
    assert seen.add(5)
    assert seen.add(6)
    assert seen.ranges() == [(0, 7)]
    assert seen.take_changes() == ([7], [(0, 7)])


@given(st.lists(st.integers(0, 40), unique=True), st.integers(1, 4), st.booleans())
def test_ranges_are_bounded(numbers: list[int], limit: int, comes_back: bool) -> None:
    """However many gaps there are: what was seen stays so, and only gaps below the highest ranges count as seen, too."""
    seen, written = SeenNumbers(limit=limit), dict[int, int]()
    for place, number in enumerate(numbers):
        known = number in seen
        assert seen.add(number) is not known
        assert all(one in seen for one in numbers[: place + 1])
        assert len(seen.ranges()) <= limit
        changes = seen.take_changes()
        for first in changes.removed:
            written.pop(first, None)
        written.update(changes.written)
        assert sorted(written.items()) == seen.ranges()
        if comes_back:
            seen = SeenNumbers(sorted(written.items()), limit=limit)
    for (_, last), (first, _) in zip(seen.ranges(), seen.ranges()[1:], strict=False):
        assert not any(number in numbers for number in range(last + 1, first)), "no gap holds what was seen"


def test_more_ranges_than_may_be_are_joined_when_they_come_back() -> None:
    """The lowest ones, as when they are added."""
    seen = SeenNumbers([(0, 1), (4, 4), (9, 9), (12, 12)], limit=2)
    assert seen.ranges() == [(0, 9), (12, 12)]


def test_a_sender_keeps_less_than_is_known_apart() -> None:
    """A number below so many ranges is kept by no sender: its outbox has dropped it for those that came after."""
    assert max(one.count_max for one in SESSION_SERVER.deliveries) <= RANGES_MAX
