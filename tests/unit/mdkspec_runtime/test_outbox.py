"""Outboxes and the ranges of what they drop."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mdkspec_runtime.outbox import Outbox
from mdkspec_runtime.ranges import NumberRanges
from unit.mdkspec_runtime.toy import POSTS


def filled(count: int, **changes: object) -> Outbox:
    """An outbox with so many messages of 10 bytes."""
    outbox = Outbox(replace(POSTS, **changes))
    for _ in range(count):
        outbox.put(b"0123456789")
    return outbox


def test_the_oldest_make_room() -> None:
    """`drop_oldest`: exact count, exact numbers."""
    outbox = filled(13, count_max=10)
    assert (outbox.count, outbox.dropped, outbox.next_number) == (10, 3, 13)
    assert outbox.dropped_ranges.spans() == [(0, 2)]
    assert list(outbox.numbers()) == list(range(3, 13))


def test_the_newest_is_not_taken() -> None:
    """`drop_newest` uses the number up, and keeps what it has."""
    outbox = filled(13, count_max=10, overflow="drop_newest")
    assert list(outbox.numbers()) == list(range(10))
    assert outbox.dropped_ranges.spans() == [(10, 12)]


def test_bytes_are_bounded_too() -> None:
    """As many are dropped as the new one needs room."""
    outbox = filled(10, size_bytes_max=100)
    assert (outbox.count, outbox.size_bytes) == (10, 100)
    outbox.put(b"x" * 25)
    assert (outbox.count, outbox.size_bytes, outbox.dropped) == (8, 95, 3)


def test_acks_upto_take_all_before_them() -> None:
    """`upto`; one beyond what was ever sent does nothing."""
    outbox = filled(10, ack_mode="upto")
    assert outbox.acknowledge(6) == 7
    assert (outbox.count, outbox.size_bytes) == (3, 30)
    assert outbox.acknowledge(6) == 0
    assert outbox.acknowledge(99) == 0
    assert (outbox.count, outbox.stray_acks) == (3, 2)


def test_a_late_ack_takes_back_a_drop() -> None:
    """What was written, dropped, and acknowledged after that has arrived: it is not counted as dropped."""
    outbox = filled(10, count_max=10)
    assert len(outbox.next_batch(10, 1000)) == 10
    for _ in range(3):
        outbox.put(b"0123456789")
        assert outbox.next_waiting() is not None
    outbox.acknowledge(1)
    assert (outbox.dropped, outbox.acknowledged) == (2, 1)
    assert outbox.dropped_ranges.spans() == [(0, 0), (2, 2)]
    outbox.acknowledge(1)
    assert outbox.stray_acks == 1


def test_what_was_written_is_dropped_last() -> None:
    """The peer may have it, and what it has must not count as dropped: what nobody has makes room before it."""
    outbox = filled(10, count_max=10)
    assert len(outbox.next_batch(4, 1000)) == 4
    outbox.connected()
    for _ in range(7):
        outbox.put(b"abcdefghij")
    assert outbox.dropped_ranges.spans() == [(4, 10)]
    assert list(outbox.numbers()) == [0, 1, 2, 3, *range(11, 17)]
    assert len(outbox.next_batch(100, 1000)) == 10
    outbox.put(b"abcdefghij")
    assert outbox.dropped_ranges.spans() == [(0, 0), (4, 10)]


def test_without_resend_only_what_was_never_written_is_written() -> None:
    """What an earlier connection took and did not acknowledge is given up."""
    outbox = filled(3, resend=False)
    assert outbox.next_waiting() is not None
    outbox.connected()
    assert list(outbox.numbers()) == [1, 2]
    assert outbox.dropped_ranges.spans() == [(0, 0)]
    assert outbox.waiting == 2


def test_what_was_dropped_or_acknowledged_is_not_written() -> None:
    """The queue of what waits forgets with the outbox."""
    outbox = filled(4, count_max=3)
    outbox.acknowledge(2)
    taken = [outbox.next_waiting() for _ in range(3)]
    assert [data is not None for data in taken] == [True, True, False]


def test_ranges_join_and_split() -> None:
    """Neighbours are one range; taking one out of the middle makes two."""
    ranges = NumberRanges()
    for number in (1, 3, 2, 7, 0, 6):
        ranges.add(number)
    assert ranges.spans() == [(0, 3), (6, 7)]
    assert ranges.discard(2)
    assert not ranges.discard(5)
    assert ranges.spans() == [(0, 1), (3, 3), (6, 7)]
    assert (ranges.count, 3 in ranges, 4 in ranges) == (5, True, False)


def test_too_many_ranges_blur_the_lowest() -> None:
    """The count stays exact; the lowest two ranges cover the gap between them."""
    ranges = NumberRanges(limit=3)
    for number in (0, 10, 20, 30):
        ranges.add(number)
    assert ranges.spans() == [(0, 10), (20, 20), (30, 30)]
    assert ranges.count == 4
    assert not ranges.discard(5), "whether it was in is not known any more"
    assert ranges.discard(20)
    assert ranges.count == 3


def test_a_run_is_taken_out_where_it_is_known() -> None:
    """Where gaps are covered nothing is taken out; what lies beyond is."""
    ranges = NumberRanges(limit=2)
    for number in (0, 10, 20):
        ranges.add(number)
    ranges.discard_run(5, 30)
    assert (ranges.spans(), ranges.count) == ([(0, 10)], 2)


@pytest.mark.parametrize("number", [0, 5, 9])
def test_the_blurred_range_takes_numbers_again(number: int) -> None:
    """A number inside a blurred range is counted, and the ranges do not grow."""
    ranges = NumberRanges(limit=1)
    ranges.add(0)
    ranges.add(10)
    ranges.add(number)
    assert (ranges.spans(), ranges.count) == ([(0, 10)], 3)


def test_a_batch_passes_over_what_is_not_kept_any_more() -> None:
    """Acknowledged before it was written on this connection, or dropped: the next ones are written, up to the count."""
    outbox = filled(10, count_max=10)
    outbox.connected()
    assert outbox.acknowledge(0) == 1
    for _ in range(2):
        outbox.put(b"abcdefghij")
    assert list(outbox.numbers()) == list(range(2, 12))
    assert len(outbox.next_batch(4, 1000)) == 4
    assert len(outbox.next_batch(100, 1000)) == 6
    assert outbox.next_batch(100, 1000) == []
