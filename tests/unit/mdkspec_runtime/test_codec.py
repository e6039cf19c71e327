"""The codec: what is read, what is mended, what is refused, in which words."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import Annotated, Any

import pytest
from msgspec import UNSET, Meta, Struct, UnsetType

from mdkspec_runtime import MalformedMessage, UnknownMessage, UnsendableMessage
from mdkspec_runtime.checks import NESTING_MAX
from mdkspec_runtime.codec import Codec
from mdkspec_runtime.errors import PROBLEM_SHOWN_MAX
from unit.mdkspec_runtime.toy import Beat, Hello, Inner, Mood, Posted, codec

CODEC = codec()


class Mark(Enum):
    """A closed enum."""

    GOOD = "good"


class Count(Struct, frozen=True, kw_only=True, tag="count", tag_field="type"):
    """A message in whose errors its sender's words come back."""

    counts: dict[str, int] = {}
    mark: Mark = Mark.GOOD


def hello(inner: str) -> Inner:
    """The `inner` of a hello with this JSON."""
    message = CODEC.decode(f'{{"type":"hello","name":"ada","inner":{inner}}}')
    assert isinstance(message, Hello)
    return message.inner


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ('{"shortName":null,"weight":null,"count":null,"extra":null,"mood":null}', Inner()),
        ('{"count":42.0}', Inner(count=42)),
        ('{"count":-0.0,"weight":3}', Inner(count=0, weight=3.0)),
        ('{"maybe":null}', Inner(maybe=None)),
        ('{"maybe":7.0}', Inner(maybe=7)),
        ('{"$class":"x","unknown":[1,{"a":null}]}', Inner()),
        ('{"extra":{"a":null,"b":[null,NaN],"c":-Infinity,"d":1e999}}',
         Inner(extra={"a": None, "b": [None, None], "c": None, "d": None})),
        (r'{"extra":{"\ud800":"a\udfffb"},"shortName":"\ud83d"}', Inner(extra={"�": "a�b"}, short_name="�")),
        (r'{"shortName":"\ud83d\ude00","count":1.0}', Inner(short_name="😀", count=1)),
        ('{"count":1,"count":2}', Inner(count=2)),
    ],
)  # fmt: skip
def test_what_others_write_is_mended(inner: str, expected: Inner) -> None:
    """Null for what may be absent, whole floats, NaN inside `any`, half surrogates, unknown keys, duplicates."""
    assert hello(inner) == expected


def test_an_open_enum_keeps_what_it_does_not_know() -> None:
    """An unknown value is read, equals its string, and is written as it came."""
    mood = hello('{"mood":"furious"}').mood
    assert (mood, mood.is_known, str(mood)) == ("furious", False, "furious")
    assert hello('{"mood":"calm"}').mood is Mood.CALM
    assert b'"mood":"furious"' in CODEC.encode(Hello(name="x", inner=Inner(mood=mood)))
    assert len(Mood) == 2


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ("[]", "expected a JSON object, got an array"),
        ("null", "expected a JSON object, got null"),
        ("{}", "the object has no 'type', which names the message's type"),
        ('{"type":5}', "'type' names the message's type and must be a string, got a number"),
        ('{"type":"hello"}', "Object missing required field `name`"),
        ('{"type":"hello","name":null}', "Expected `str`, got `null` - at `$.name`"),
        ('{"type":"hello","name":"a","inner":{"count":1.5}}', "Expected `int`, got `float` - at `$.inner.count`"),
        ('{"type":"hello","name":"a","inner":{"count":true}}', "Expected `int`, got `bool` - at `$.inner.count`"),
        ('{"type":"hello","name":"a","inner":{"count":"1"}}', "Expected `int`, got `str` - at `$.inner.count`"),
        ('{"type":"hello","name":"a","inner":{"weight":NaN}}', "nan is not a number - at `$.inner.weight`"),
        ('{"type":"hello","name":"a","inner":{"count":Infinity}}', "inf is not an integer - at `$.inner.count`"),
        ('{"type":"hello","name":"a","inner":[]}', "Expected `object`, got `array` - at `$.inner`"),
        ('{"type":"welcome","members":[1]}', "Expected `str`, got `int` - at `$.members[0]`"),
        ('{"type":"welcome","members":[null]}', "Expected `str`, got `null` - at `$.members[0]`"),
        ("{", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b'{"type":"hello","name":"\xff"}', "byte 24 is not UTF-8"),
        ("[" * 1999, "nested too deeply"),
        ("[" * 401 + "]" * 401, "nested too deeply"),
        ("[" * 400 + "]" * 400, "expected a JSON object, got an array"),
        ('["' + "[" * 401 + '\\"{"]', "expected a JSON object, got an array"),
        ("x" * 2001, "2001 bytes, at most 2000 are allowed"),
        (b"x" * 2001, "2001 bytes, at most 2000 are allowed"),
    ],
)  # fmt: skip
def test_malformed_frames_are_refused_in_words(frame: str | bytes, text: str) -> None:
    """Each text says what is wrong, and where."""
    with pytest.raises(MalformedMessage) as caught:
        CODEC.decode(frame)
    assert str(caught.value) == f"malformed message: {text}"


@pytest.mark.parametrize(
    "frame",
    [
        '{"type":"count","counts":{"' + "k" * 1900 + '":NaN}}',
        '{"type":"count","mark":"' + "k" * 1900 + '"}',
    ],
    ids=["a key", "a value of a closed enum"],
)
def test_a_text_about_a_frame_is_bounded(frame: str) -> None:
    """What the peer wrote is named, but its length does not come back in the close message or the log."""
    codec = Codec(tag="type", messages=(Count, Hello), aliases={}, message_bytes_max=2000)
    with pytest.raises(MalformedMessage) as caught:
        codec.decode(frame)
    assert "kkk" in caught.value.problem
    assert len(caught.value.problem) <= PROBLEM_SHOWN_MAX


@pytest.mark.parametrize("frame", [r'{"type":"count","mark":"\ud800"}', r'{"type":"count","counts":{"\ud800":null}}'])
def test_half_a_surrogate_where_no_text_is_kept_is_malformed(frame: str) -> None:
    """It cannot be one of an enum, and it is no reason to stumble."""
    codec = Codec(tag="type", messages=(Count, Hello), aliases={}, message_bytes_max=2000)
    with pytest.raises(MalformedMessage):
        codec.decode(frame)


@pytest.mark.parametrize("name", ["hello", "toy.Hello"])
@pytest.mark.parametrize("depth", [NESTING_MAX, NESTING_MAX + 1, 450, 700, 900])
def test_what_is_read_can_be_written(name: str, depth: int) -> None:
    """One bound on nesting for both ways, whatever the stack allows: else a message could be taken and never passed on."""
    lists = "[" * (depth - 1) + "]" * (depth - 1)
    deep = f'{{"type":"{name}","name":"a","inner":{{"extra":{{"a":{lists}}}}}}}'
    if depth <= NESTING_MAX:
        assert CODEC.decode(CODEC.encode(CODEC.decode(deep))) == CODEC.decode(deep)
        return
    with pytest.raises(MalformedMessage) as caught:
        CODEC.decode(deep)
    assert caught.value.problem == "nested too deeply"


def test_brackets_in_a_text_are_no_nesting() -> None:
    """Many brackets, or many objects side by side, are read."""
    assert CODEC.decode(CODEC.encode(Hello(name="[{" * 500))) == Hello(name="[{" * 500)
    many = Hello(name="a", inner=Inner(extra={"a": [{} for _ in range(NESTING_MAX + 1)]}))
    assert CODEC.decode(CODEC.encode(many)) == many


def test_unknown_types_are_told_from_malformed_ones() -> None:
    """A future message is unknown, whatever it holds."""
    with pytest.raises(UnknownMessage) as caught:
        CODEC.decode('{"type":"future","name":NaN}')
    assert str(caught.value) == "unknown message type 'future'"


def test_an_alias_is_read_and_reported() -> None:
    """Read as the type it stands for, tolerantly; never written."""
    seen: list[str] = []
    message = CODEC.decode('{"name":"ada","inner":{"count":1.0},"type":"toy.Hello"}', on_alias=seen.append)
    assert message == Hello(name="ada", inner=Inner(count=1))
    assert seen == ["toy.Hello"]
    assert CODEC.encode(message).startswith(b'{"type":"hello"')


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        (Inner(weight=float("nan")), "inner.weight: nan is not a number in JSON"),
        (Inner(extra={"a": [1, {"b": float("-inf")}]}), "inner.extra.a[1].b: -inf is not a number in JSON"),
        (Inner(extra={"a": b"x"}), "inner.extra.a: bytes is not a type of JSON"),
        (Inner(extra={"a": {1: 2}}), "inner.extra.a: 1 is not a string, as JSON wants for a key"),
        (Inner(extra={"a": (1, {2})}), "inner.extra.a[1]: set is not a type of JSON"),
        (Inner(extra={"a": "\ud800"}), "'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed"),
        (5, "inner: int is no Inner"),
    ],
)  # fmt: skip
def test_what_json_cannot_carry_is_refused_with_its_place(inner: Any, text: str) -> None:
    """The encoder alone would write null, base64 or other keys without a word."""
    with pytest.raises(UnsendableMessage) as caught:
        CODEC.encode(Hello(name="ada", inner=inner))
    assert str(caught.value) == f"Hello cannot be sent: {text}"


def test_what_contains_itself_is_refused() -> None:
    """A cycle is no JSON."""
    extra: dict[str, Any] = {}
    extra["self"] = extra
    with pytest.raises(UnsendableMessage) as caught:
        CODEC.encode(Hello(name="ada", inner=Inner(extra=extra)))
    assert str(caught.value) == "Hello cannot be sent: nested too deeply"


def test_the_bound_holds_for_writing() -> None:
    """What the peer would refuse is refused here."""
    with pytest.raises(UnsendableMessage) as caught:
        CODEC.encode(Hello(name="x" * 2000))
    assert str(caught.value).endswith("bytes as JSON, at most 2000 are allowed")


class Tree(Struct, frozen=True):
    """A record that holds records of its own kind."""

    children: list[Tree] = []
    named: dict[str, Tree] = {}
    value: float | None = None


class Lists(Struct, frozen=True):
    """Containers of floats that may be null."""

    many: list[float | None] = []
    by_name: dict[str, float | None] = {}


class Bounded(Struct, frozen=True):
    """Numbers with bounds, as `type Digit = int >= 1 <= 9` makes them."""

    digit: Annotated[int, Meta(ge=1, le=9)] = 1
    share: Annotated[float, Meta(ge=0.0, le=1.0)] | None = None
    many: list[Annotated[int, Meta(ge=0)]] = []
    below: Annotated[int, Meta(le=-1)] | UnsetType = UNSET


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (Bounded(digit=0), "digit: expected at least 1"),
        (Bounded(digit=10), "digit: expected at most 9"),
        (Bounded(share=1.5), "share: expected at most 1.0"),
        (Bounded(share=float("nan")), "share: nan is not a number in JSON"),
        (Bounded(many=[0, -1]), "many[1]: expected at least 0"),
        (Bounded(below=0), "below: expected at most -1"),
        (Tree(children=[Tree(), Tree(value=float("nan"))]), "children[1].value: nan is not a number in JSON"),
        (Tree(named={"a": Tree(value=float("inf"))}), "named.a.value: inf is not a number in JSON"),
        (Lists(many=[None, float("nan")]), "many[1]: nan is not a number in JSON"),
        (Lists(by_name={"a": None, "b": float("nan")}), "by_name.b: nan is not a number in JSON"),
    ],
)
def test_records_are_checked_through_and_through(record: Struct, text: str) -> None:
    """Lists, maps, nullable fields, and records within themselves."""
    with pytest.raises(UnsendableMessage) as caught:
        CODEC.encode_record(record)
    assert str(caught.value) == f"{type(record).__name__} cannot be sent: {text}"


def test_a_number_within_its_bounds_is_sent() -> None:
    """The bounds themselves, null and absent are fine."""
    for one in (Bounded(), Bounded(digit=9, share=0.0, many=[0], below=-1), Bounded(share=1.0)):
        assert CODEC.decode_record(Bounded, CODEC.encode_record(one)) == one


def test_records_are_read_as_tolerantly_as_messages() -> None:
    """`decode_record` mends what `decode` mends, and reads what `encode_record` wrote."""
    tree = Tree(children=[Tree(value=1.5)], named={"a": Tree()})
    assert CODEC.decode_record(Tree, CODEC.encode_record(tree)) == tree
    assert CODEC.decode_record(Tree, '{"children":[{"value":null,"named":null}],"$class":"t"}') == Tree(
        children=[Tree()]
    )
    with pytest.raises(MalformedMessage):
        CODEC.decode_record(Tree, "[]")
    with pytest.raises(MalformedMessage):
        CODEC.decode_record(Tree, "{" * 2001)


def test_a_codec_of_one_message_works() -> None:
    """A union of one is no union."""
    one = Codec(tag="type", messages=(Beat,), aliases={}, message_bytes_max=100)
    assert one.decode(b'{"type":"beat"}') == Beat()
    with pytest.raises(UnknownMessage):
        one.decode('{"type":"posted"}')


def test_absent_is_not_written() -> None:
    """A field that may be absent is left out, never null."""
    assert CODEC.encode(Posted()) == b'{"type":"posted"}'
    assert CODEC.decode('{"type":"posted","number":null}') == Posted(number=UNSET)


def test_the_first_frames_may_be_read_by_several_threads() -> None:
    """The decoder is made at the first frame, whoever reads it; a frame that is wrong is refused as later ones are."""
    fresh = codec()
    with pytest.raises(MalformedMessage):
        fresh.decode('{"type":"hello","name":7}')
    for one in (fresh, codec()):
        with ThreadPoolExecutor(8) as pool:
            read = list(pool.map(one.decode, ['{"type":"hello","name":"ada"}'] * 8))
        assert read == [Hello(name="ada")] * 8


def test_many_brackets_are_not_deep() -> None:
    """A record with hundreds of lists side by side is read; only what is nested is too much."""
    wide = json.dumps({"extra": {"x": [[]] * 300}})
    record = codec().decode_record(Inner, wide)
    assert record.extra == {"x": [[]] * 300}
