"""The protocol against what the original client and a server of 2016 said to each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

import mdk
from conformance import captures
from mdk_protocol import CODEC, SESSION_CLIENT, SESSION_SERVER, SharedContext
from mdkspec_runtime.monitor import Monitor

FRAMES = [frame for name in captures.names() for frame in captures.frames(name)]
CONTEXTS = [text for name in captures.names() for text in captures.contexts(name)]


def _without_extras(value: Any) -> Any:
    """A frame's object without what the original adds (`$class`) and writes for nothing (null)."""
    if isinstance(value, dict):
        return {
            key: inner if key == "properties" else _without_extras(inner)
            for key, inner in value.items()
            if key != "$class" and inner is not None
        }
    return [_without_extras(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("frame", [f for f in FRAMES if f.from_client], ids=lambda frame: frame.id)
def test_what_the_original_sent_survives_decode_and_encode(frame: captures.Frame) -> None:
    """Decode, encode, decode gives the same value, and no field of the frame is lost on the way."""
    message = CODEC.decode(frame.text)
    again = CODEC.encode(message)
    assert CODEC.decode(again) == message
    sent, kept = _without_extras(json.loads(frame.text)), json.loads(again)
    lost = {key: value for key, value in sent.items() if kept.get(key) != value and key not in ("node", "environment")}
    assert not {key: value for key, value in lost.items() if not isinstance(value, dict)}


@pytest.mark.parametrize("frame", [f for f in FRAMES if not f.from_client], ids=lambda frame: frame.id)
def test_what_a_server_sent_to_the_original_is_read(frame: captures.Frame) -> None:
    """Every server frame of the captures decodes: short names, long names, with and without $class."""
    assert isinstance(CODEC.decode(frame.text), msgspec.Struct)


@pytest.mark.parametrize("text", CONTEXTS)
def test_every_context_of_the_original_is_read(text: str) -> None:
    """A session context keeps its trace, clock and properties through our codec; NaN becomes null."""
    context = CODEC.decode_record(SharedContext, text)
    plain = json.loads(text, parse_constant=lambda _: None)
    assert context.trace_id == plain["traceId"]
    assert context.clock.clocks == plain["clock"]["clocks"]
    assert context.properties == plain["properties"]
    assert CODEC.decode_record(SharedContext, CODEC.encode_record(context)) == context


@pytest.mark.parametrize("text", CONTEXTS)
def test_every_context_of_the_original_is_joined(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same trace, same properties, the parent's clock ticked and a level appended, its own environment."""
    monkeypatch.setenv("MDK_DISCOVERY_SOURCE", "static:nodes=[]")
    plain = json.loads(text, parse_constant=lambda _: None)
    session = mdk.init().join(text)
    joined = json.loads(session.inject())
    *parents, last = plain["clock"]["clocks"]
    assert joined["traceId"] == plain["traceId"]
    assert joined["clock"]["clocks"] == [*parents, last + 1, 0]
    assert joined["environment"]["name"] == plain["environment"]["name"]
    assert {name: session.get_property(name) for name in plain["properties"]} == plain["properties"]


SPOKE_FIRST = {f"08_reconnect:{line}" for line in (69, 81, 93, 104)}
"""The recording server sent its nodes before the reconnected client's `open`: what our server must never do."""


@pytest.mark.parametrize("name", captures.names())
def test_every_captured_conversation_is_legal_in_the_tables(name: str) -> None:
    """An observer of each connection finds nothing wrong but where the recording server spoke first."""
    monitors: dict[int, Monitor] = {}
    findings: dict[str, str] = {}
    for frame in captures.frames(name):
        monitor = monitors.setdefault(frame.connection, Monitor(SESSION_CLIENT, SESSION_SERVER))
        finding = monitor.observe("client" if frame.from_client else "server", frame.text)
        if finding is not None:
            findings[frame.id] = finding
    expected = {place for place in SPOKE_FIRST if place.startswith(name)}
    assert findings == dict.fromkeys(expected, "server may not send Active in Session Greeting")


def test_the_captures_use_every_message_that_a_client_sends() -> None:
    """No kind of message of the original is missing from what the tests above saw."""
    kinds = {json.loads(frame.text)["type"] for frame in FRAMES if frame.from_client}
    assert kinds == {"open", "active", "expire", "log", "subscribe", "interactionevent"}


def test_the_captures_are_those_of_the_study() -> None:
    """Nine files in this folder, wherever the checkout stands; where the study stands beside it, the same bytes."""
    assert len(captures.names()) == 9
    study = Path(__file__).parents[3] / "shared" / "wire"
    for path in sorted(study.glob("*.jsonl")):
        assert (captures.FOLDER / path.name).read_bytes() == path.read_bytes(), path.name
    assert {path.stem for path in study.glob("*.jsonl")} <= set(captures.names())
