"""Ranges of numbers seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mdk_runtime.core.seen import SeenNumbers


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
