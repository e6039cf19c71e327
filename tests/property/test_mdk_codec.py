"""MDK's messages on the wire: what is sent is read back, what others write differently is understood, rubbish is refused."""

from __future__ import annotations

import json
import pickle
from contextlib import suppress
from typing import Any, get_origin

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdk_protocol import CODEC, SESSION_SERVER, Active, Log, LogAck, Node, Open, SharedContext, messages
from mdk_protocol.testing import any_message, any_shared_context
from mdkspec_runtime import MalformedMessage, UnknownMessage, UnsendableMessage
from mdkspec_runtime.errors import ProtocolRuntimeError
from simulation.variants import connected

ALIASES = {
    "mdk.protocol.Open": "open",
    "mdk.protocol.Close": "close",
    "discovery.protocol.Close": "close",
    "discovery.protocol.Active": "active",
    "discovery.protocol.Expire": "expire",
    "discovery.protocol.Clear": "clear",
    "mdk_tracing.protocol.LogAckEvent": "logack",
}


@settings(max_examples=300, deadline=None)
@given(any_message())
def test_what_is_sent_is_read_back(message: msgspec.Struct) -> None:
    """decode(encode(m)) = m, for every message of the protocol."""
    assert CODEC.decode(CODEC.encode(message)) == message


MAPS = {
    field.encode_name
    for kind in vars(messages).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    for field in msgspec.structs.fields(kind)
    if get_origin(field.type) is dict
}
"""Keys of fields whose own keys are data: nobody writes `$class` among them."""


@settings(max_examples=200, deadline=None)
@given(any_message(), st.randoms(use_true_random=False), st.booleans())
def test_what_originals_do_differently_is_understood(message: msgspec.Struct, random: Any, ascii_only: bool) -> None:
    """Extra keys with `$class`, any order, nulls for what is absent, whole numbers as 42.0, escaped or not."""

    def bent(value: Any) -> Any:
        if isinstance(value, dict):
            items = [(key, inner if key in MAPS else bent(inner)) for key, inner in value.items()]
            items += [("$class", "mdk_protocol.Something"), ("unknown", [1, {"a": None}])]
            random.shuffle(items)
            return dict(items)
        if isinstance(value, list):
            return [bent(item) for item in value]
        return float(value) if type(value) is int and abs(value) < 2**53 and random.random() < 0.5 else value

    plain = json.loads(CODEC.encode(message))
    for optional in ("sequence", "error", "nodeId"):
        if optional in {field.encode_name for field in msgspec.structs.fields(message)}:
            plain.setdefault(optional, None)
    assert CODEC.decode(json.dumps(bent(plain), ensure_ascii=ascii_only)) == message


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_every_accepted_type_name_means_its_message(alias: str, name: str) -> None:
    """The long names of old peers are read as the short ones."""
    body = {"node": {"service": "s"}, "sequence": 1}
    assert CODEC.decode(json.dumps({**body, "type": alias})) == CODEC.decode(json.dumps({**body, "type": name}))


BAD: dict[str, tuple[str | bytes, str]] = {
    "nested deeply": ('{"type":"open","properties":{"a":' + "[" * 100_000, "nested too deeply"),
    "nested and closed": (
        '{"type":"open","properties":{"a":' + "[" * 100_000 + "]" * 100_000 + "}}",
        "nested too deeply",
    ),
    "NaN for a number": ('{"type":"active","ttl":NaN,"node":{"service":"s"}}', "nan is not a number - at `$.ttl`"),
    "a byte too long": ('{"type":"clear"}' + " " * (2**20 - 15), "1048577 bytes, at most 1048576 are allowed"),
    "long in UTF-8": ('{"type":"log","text":"' + "é" * 2**19 + '"}', "1048600 bytes, at most 1048576 are allowed"),
    "not UTF-8": (b'{"type":"log","text":"\xff"}', "byte 22 is not UTF-8"),
    "UTF-16": ('{"type":"clear"}'.encode("utf-16"), "byte 0 is not UTF-8"),
    "not JSON": ('{"type":"clear"', "not JSON: Expecting ',' delimiter: line 1 column 16 (char 15)"),
    "an array": ("[]", "expected a JSON object, got an array"),
    "null": ("null", "expected a JSON object, got null"),
    "no type": ("{}", "the object has no 'type', which names the message's type"),
    "type a number": ('{"type":4}', "'type' names the message's type and must be a string, got a number"),
    "a wrong type": ('{"type":"logack","sequence":"7"}', "Expected `int`, got `str` - at `$.sequence`"),
    "a broken number": ('{"type":"logack","sequence":1.5}', "Expected `int`, got `float` - at `$.sequence`"),
    "a boolean number": ('{"type":"logack","sequence":true}', "Expected `int`, got `bool` - at `$.sequence`"),
    "a missing field": ('{"type":"logack"}', "Object missing required field `sequence`"),
    "a wrong inner type": ('{"type":"active","node":{"service":7}}', "Expected `str`, got `int` - at `$.node.service`"),
    "negative time": ('{"type":"log","timestamp":-1}', "Expected `int` >= 0 - at `$.timestamp`"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_frame_gets_a_clear_text(name: str) -> None:
    """MalformedMessage, with what is wrong and where; no other exception."""
    frame, problem = BAD[name]
    with pytest.raises(MalformedMessage) as caught:
        CODEC.decode(frame)
    assert caught.value.problem == problem


@pytest.mark.parametrize("name", BAD)
def test_bad_frames_are_dropped_and_the_21st_closes(name: str) -> None:
    """The protocol's policy: 20 in a row are forgiven, a good one starts the count anew, the next after 20 ends it."""
    import mdk_protocol

    server = connected(mdk_protocol, mdk_protocol).server
    for _ in range(2):
        for _ in range(20):
            server.receive(BAD[name][0], now=1.0)
        assert not server.hanging_up
        server.receive('{"type":"subscribe"}', now=1.0)
    for _ in range(21):
        server.receive(BAD[name][0], now=1.0)
    assert server.hanging_up
    close = json.loads(server.take_output()[-1])
    assert close["error"]["code"] == "malformed_messages"
    assert close["error"]["title"] == f"malformed message: {BAD[name][1]}"
    assert server.counters.malformed == 61


def test_a_binary_frame_is_malformed() -> None:
    """Only text frames are messages."""
    import mdk_protocol

    server = connected(mdk_protocol, mdk_protocol).server
    server.receive(b'{"type":"subscribe"}', now=1.0, binary=True)
    assert server.counters.malformed == 1
    assert not server.hanging_up


def test_an_unknown_type_is_dropped_for_ever() -> None:
    """The connection stays, however many come."""
    import mdk_protocol

    server = connected(mdk_protocol, mdk_protocol).server
    with pytest.raises(UnknownMessage, match=r"unknown message type 'discovery\.protocol\.Replace'"):
        CODEC.decode('{"type":"discovery.protocol.Replace"}')
    for _ in range(1000):
        server.receive('{"type":"discovery.protocol.Replace"}', now=1.0)
    assert server.counters.unknown == 1000
    assert not server.hanging_up


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_rubbish_raises_nothing_else(frame: bytes | str) -> None:
    """Whatever the frame: a message, or one of the two errors."""
    with suppress(MalformedMessage, UnknownMessage):
        CODEC.decode(frame)


@settings(max_examples=300, deadline=None)
@given(any_message(), st.data())
def test_a_cut_or_changed_frame_raises_nothing_else(message: msgspec.Struct, data: st.DataObject) -> None:
    """Near misses, too: a byte changed, a tail lost."""
    frame = bytearray(CODEC.encode(message))
    at = data.draw(st.integers(0, len(frame) - 1))
    frame[at] = data.draw(st.integers(0, 255))
    for bad in (bytes(frame), bytes(frame[:at])):
        with suppress(MalformedMessage, UnknownMessage):
            CODEC.decode(bad)


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (Active(node=Node(service="s"), ttl=float("nan")), "ttl: nan is not a number in JSON"),
        (Open(properties={"a": [1, {"b": float("inf")}]}), "properties.a[1].b: inf is not a number in JSON"),
        (Open(properties={"a": {1: 2}}), "properties.a: 1 is not a string, as JSON wants for a key"),
        (Open(properties={"a": object()}), "properties.a: object is not a type of JSON"),
        (Log(text="x" * 2**20), "1048800 bytes as JSON, at most 1048576 are allowed"),
    ],
)
def test_what_json_cannot_hold_is_refused_before_it_is_sent(message: msgspec.Struct, problem: str) -> None:
    """Msgspec would write NaN as null; the text names the place."""
    with pytest.raises(UnsendableMessage) as caught:
        CODEC.encode(message)
    assert caught.value.problem.split(" bytes")[-1] == problem.split(" bytes")[-1]


@settings(max_examples=200, deadline=None)
@given(any_shared_context())
def test_a_context_travels_outside_of_messages(context: SharedContext) -> None:
    """Records are read back too, from text and from bytes."""
    data = CODEC.encode_record(context)
    assert CODEC.decode_record(SharedContext, data) == context
    assert CODEC.decode_record(SharedContext, data.decode()) == context


def test_errors_travel_between_processes() -> None:
    """They can be pickled, with their fields."""
    for error in (MalformedMessage("x", b"y"), UnsendableMessage("Log", "too long"), UnknownMessage("z")):
        again: ProtocolRuntimeError = pickle.loads(pickle.dumps(error))
        assert (str(again), vars(again)) == (str(error), vars(error))


def test_the_bound_is_the_specs() -> None:
    """1 MiB to the byte is read."""
    assert SESSION_SERVER.codec.message_bytes_max == 2**20
    assert CODEC.decode('{"type":"logack","sequence":1}'.ljust(2**20)) == LogAck(sequence=1)
