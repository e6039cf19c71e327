"""Laws of the engine: codec, outbox, schedule."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from mdkspec_runtime import MalformedMessage, UnknownMessage, UnsendableMessage
from mdkspec_runtime.outbox import Outbox
from mdkspec_runtime.ranges import NumberRanges, runs_of
from mdkspec_runtime.schedule import Schedule
from mdkspec_runtime.testing.strategies import integers, json_values, numbers, texts
from unit.mdkspec_runtime.toy import POSTS, Handler, Hello, Inner, Mood, Server, codec, joined

CODEC = codec(100_000)

INNERS = st.builds(
    Inner,
    short_name=st.one_of(st.just(UNSET), texts()),
    weight=numbers(),
    count=integers(),
    extra=st.dictionaries(texts(), json_values(), max_size=3),
    maybe=st.one_of(st.none(), integers()),
    mood=st.one_of(st.sampled_from(list(Mood)), texts().map(Mood)),
)
HELLOS = st.builds(Hello, name=texts(), inner=INNERS)
DEFECTIVE = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(["hello", "post", "toy.Hello"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(), st.sampled_from(["type", "name", "inner", "extra"])), inner, max_size=4),
    ),
    max_leaves=8,
)


@given(HELLOS)
def test_what_is_written_is_read(message: Hello) -> None:
    """decode(encode(m)) == m, and writing it again gives the same bytes."""
    data = CODEC.encode(message)
    again = CODEC.decode(data)
    assert again == message
    assert CODEC.encode(again) == data


@given(HELLOS, st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_what_does_not_matter_does_not_matter(message: Hello, random: Any, unknown: bool, escaped: bool) -> None:
    """Order of keys, unknown keys, null for what is absent, whole floats for integers, escapes."""

    def disturbed(value: dict[str, Any]) -> dict[str, Any]:
        items = list(value.items()) + ([("$class", "x"), ("later", {"a": [None]})] if unknown else [])
        random.shuffle(items)
        return dict(items)

    value = json.loads(CODEC.encode(message))
    inner = value["inner"]
    inner.setdefault("shortName", None)
    if abs(inner["count"]) < 2**53:
        inner["count"] = float(inner["count"])
    value["inner"] = disturbed(inner)
    assert CODEC.decode(json.dumps(disturbed(value), ensure_ascii=escaped)) == message


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200), DEFECTIVE.map(json.dumps)))
@settings(max_examples=500)
def test_bad_frames_raise_two_errors_and_no_other(frame: str | bytes) -> None:
    """Whatever comes is a message, malformed or unknown; and what is read can be written."""
    try:
        message = CODEC.decode(frame)
    except (MalformedMessage, UnknownMessage) as error:
        assert str(error)  # noqa: PT017  # the text must be there whatever was raised
    else:
        CODEC.encode(message)


@given(HELLOS, st.data())
def test_a_damaged_message_raises_no_other_error(message: Hello, data: st.DataObject) -> None:
    """Cut, changed and doubled bytes of good messages."""
    frame = bytearray(CODEC.encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(0, len(frame) - 1)))
        match data.draw(st.sampled_from(["cut", "change", "double"])):
            case "cut":
                del frame[place : place + data.draw(st.integers(1, 10))]
            case "change" if frame:
                frame[place] = data.draw(st.integers(0, 255))
            case _:
                frame[place:place] = frame[place : place + 10]
    with suppress(MalformedMessage, UnknownMessage):
        CODEC.encode(CODEC.decode(bytes(frame)))


@given(st.lists(st.one_of(st.binary(max_size=50), st.text(max_size=50), DEFECTIVE.map(json.dumps)), max_size=10))
def test_no_frame_makes_an_endpoint_raise(frames: list[str | bytes]) -> None:
    """The peer cannot make `receive` raise; a server inside or at the door alike."""
    outside = Server(Handler())
    outside.connected(now=0.0)
    inside = joined()[2]
    for frame in frames:
        outside.receive(frame, now=0.0)
        inside.receive(frame, now=0.0)


@given(DEFECTIVE)
def test_any_value_is_written_whole_or_refused(value: Any) -> None:
    """Never changed without a word: what comes out is what went in."""
    message = Hello(name="x", inner=Inner(extra={"value": value}))
    try:
        data = CODEC.encode(message)
    except UnsendableMessage:
        return
    assert json.loads(data)["inner"]["extra"]["value"] == value


OUTBOX_ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 60)),
        st.tuples(st.just("ack"), st.integers(-2, 40)),
        st.tuples(st.just("write"), st.just(0)),
        st.tuples(st.just("connect"), st.just(0)),
    ),
    max_size=60,
)


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest"])
@pytest.mark.parametrize("mode", ["each", "upto"])
@given(acts=OUTBOX_ACTS)
def test_an_outbox_agrees_with_a_list(overflow: Any, mode: Any, acts: list[tuple[str, int]]) -> None:
    """Against a plain list: the same numbers kept, bounds hold, put = acknowledged + dropped + kept.

    What makes room is the oldest that was never written; when all were, the oldest.
    """
    outbox = Outbox(replace(POSTS, count_max=5, size_bytes_max=100, overflow=overflow, ack_mode=mode))
    kept: list[tuple[int, int]] = []
    dropped: set[int] = set()
    written: set[int] = set()  # on this connection
    taken: set[int] = set()  # on any
    number = 0
    for act, value in acts:
        if act == "put":
            fits = len(kept) < 5 and sum(size for _, size in kept) + value <= 100
            assert outbox.put(b"x" * value) == number
            if overflow == "drop_newest" and not fits:
                dropped.add(number)
            else:
                while len(kept) >= 5 or sum(size for _, size in kept) + value > 100:
                    oldest = next((one for one in kept if one[0] not in taken), kept[0])
                    kept.remove(oldest)
                    dropped.add(oldest[0])
                kept.append((number, value))
            number += 1
        elif act == "ack":
            outbox.acknowledge(value)
            if mode == "each":
                kept = [one for one in kept if one[0] != value]
                dropped.discard(value)
            elif value < number:
                kept = [one for one in kept if one[0] > value]
                dropped -= {one for one in written if one <= value}  # written, then dropped: it has arrived
        elif act == "connect":
            outbox.connected()
            written.clear()
            assert outbox.waiting == len(kept)
        else:
            outbox.next_waiting()
            written.update([one for one, _ in kept if one not in written][:1])
            taken |= written
        assert list(outbox.numbers()) == [one for one, _ in kept]
        assert outbox.size_bytes == sum(size for _, size in kept) <= 100
        assert outbox.dropped == len(dropped)
        assert all(one in outbox.dropped_ranges for one in dropped)
        assert number == outbox.acknowledged + outbox.dropped + outbox.count


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=80), st.integers(1, 5))
@example([(True, 4), (True, 6), (True, 8), (False, 8), (True, 0), (True, 2), (False, 5)], 2)
def test_ranges_count_exactly_and_cover_everything(acts: list[tuple[bool, int]], limit: int) -> None:
    """However many ranges there are: ascending, apart, within the limit, over every number."""
    ranges, model = NumberRanges(limit), set[int]()
    for adds, number in acts:
        if adds and number not in ranges:
            ranges.add(number)
            model.add(number)
        elif not adds and ranges.discard(number):
            assert number in model
            model.remove(number)
        spans = ranges.spans()
        assert ranges.count == len(model)
        assert all(number in ranges for number in model)
        assert all(a[1] + 1 < b[0] for a, b in pairwise(spans))
        assert len(spans) <= limit


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 6)), max_size=40))
@example([(True, 0, 6), (False, 2, 2)])
@example([(True, 0, 0), (True, 2, 0), (False, 0, 6)])
def test_runs_are_as_their_numbers_one_by_one(acts: list[tuple[bool, int, int]]) -> None:
    """To add or take out numbers without a gap at once leaves what to do it singly does."""
    ranges, singly = NumberRanges(), NumberRanges()
    for adds, first, more in acts:
        last = first + more
        assert ranges.meets(first, last) == any(number in ranges for number in range(first, last + 1))
        if not adds:
            ranges.discard_run(first, last)
            for number in range(first, last + 1):
                singly.discard(number)
        elif not ranges.meets(first, last):
            ranges.add_run(first, last)
            for number in range(first, last + 1):
                singly.add(number)
        assert (ranges.spans(), ranges.count) == (singly.spans(), singly.count)


@given(st.lists(st.integers(0, 8), max_size=12))
@example([3, 4, 5])
@example([0, 2, 1, 3])
def test_runs_hold_the_numbers_in_their_order(numbers: list[int]) -> None:
    """Written out again they are the same, and no two could be one."""
    runs = runs_of(numbers)
    assert [number for first, last in runs for number in range(first, last + 1)] == numbers
    assert all(before[1] + 1 != after[0] for before, after in pairwise(runs))


@given(
    st.lists(st.tuples(st.sampled_from(["set", "remove", "pop"]), st.integers(0, 5), st.integers(0, 20)), max_size=80)
)
def test_a_schedule_agrees_with_a_dictionary(acts: list[tuple[str, int, int]]) -> None:
    """The deadline is always the least, and what is popped is the first that is due."""
    schedule, model = Schedule[int](), dict[int, float]()
    for act, key, at in acts:
        if act == "set":
            schedule.set(key, at)
            model[key] = at
        elif act == "remove":
            assert schedule.remove(key) == (model.pop(key, None) is not None)
        else:
            due = schedule.pop_due(at)
            least = min(model.values(), default=None)
            if least is None or least > at:
                assert due is None
            else:
                assert due is not None
                assert (model.pop(due[0]), due[1]) == (least, least)
        assert schedule.deadline == min(model.values(), default=None)
        assert len(schedule) == len(model)
