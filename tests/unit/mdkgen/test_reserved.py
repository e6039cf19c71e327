"""Reserved names: keys, values and type names that once meant something."""

from __future__ import annotations

import json

import pytest

from mdkgen.breaking import compare
from mdkgen.compiler import compile_texts
from mdkgen.formatter import format_text
from mdkgen.ir import to_json
from mdkgen.load import load
from mdkgen.model import Spec

TEXT = """
mdkspec 1
namespace example
version 1.0

open enum Level { INFO  RAW = "raw"  %(enum)s }
record Place {
  host?: string
  /// Nobody reads it.
  reserved "port", "lane"
  zone as "area"?: string
  reserved: bool = false
  %(record)s
}
message Ping as "ping" also "old.Ping" { place?: Place  level: Level = "INFO"  reserved "n"  %(message)s }

protocol P {
  transport websocket { path: "/p", tag: "type", message_max: 1KiB }
  roles client connects, server accepts
  unknown message -> drop
  illegal message -> fail "illegal"
  malformed message -> fail "malformed"
  reserved "pang"
  %(protocol)s
  reconnect 1s .. 2s x 2
  role client { start state Up { every 10s -> send Ping() } }
  role server { start state Up { recv Ping -> tell pinged() } }
}
"""
NOTHING = dict.fromkeys(("enum", "record", "message", "protocol"), "")


def _text(**written: str) -> str:
    return TEXT % {**NOTHING, **written}


def _found(text: str) -> list[tuple[str, str]]:
    return [(one.code, one.message) for one in compile_texts({"a.mdkspec": text}).diagnostics]


def _spec(**written: str) -> Spec:
    spec = compile_texts({"a.mdkspec": _text(**written)}).spec
    assert spec is not None
    return spec


def test_the_model_has_what_is_reserved() -> None:
    """Of a record, a message, an enum and a protocol, in the order of the spec; a field may be called so."""
    spec = _spec(enum='reserved "OLD" reserved "OLDER"')
    assert spec.records[0].reserved == ("port", "lane")
    assert [one.name for one in spec.records[0].fields] == ["host", "zone", "reserved"]
    assert spec.messages[0].reserved == ("n",)
    assert spec.enums[0].reserved == ("OLD", "OLDER")
    assert spec.protocols[0].reserved == ("pang",)
    assert load(to_json(spec)) == spec


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({"record": "lane?: int"}, "the key 'lane' of Place is reserved"),
        ({"record": 'reserved "area"'}, "the key 'area' of Place is reserved"),
        ({"message": "n?: int"}, "the key 'n' of Ping is reserved"),
        ({"enum": 'reserved "raw"'}, "the value 'raw' of Level is reserved"),
        ({"enum": 'reserved "INFO"'}, "the value 'INFO' of Level is reserved"),
        ({"protocol": 'reserved "ping"'}, "the type name 'ping' is reserved"),
        ({"protocol": 'reserved "old.Ping"'}, "the type name 'old.Ping' is reserved"),
    ],
)
def test_a_reserved_name_is_not_used(written: dict[str, str], problem: str) -> None:
    """What counts is the name on the wire; also one that is only read."""
    assert _found(_text(**written)) == [("MDK2010", problem)]


def test_only_the_name_on_the_wire_is_reserved() -> None:
    """Python's name of a field or member may be what the key was."""
    assert _found(_text(record='reserved "zone"', enum='reserved "RAW"')) == []


def test_a_name_is_reserved_once() -> None:
    """Twice is a slip of the hand."""
    assert [code for code, _ in _found(_text(record='reserved "port"'))] == ["MDK2001"]


def test_reserved_names_stay_in_the_layout() -> None:
    """A line of their own in a block; the formatted text means the same and stays."""
    text = _text(enum='reserved   "A" ,"B"')
    made = format_text(text)
    assert 'open enum Level { INFO RAW = "raw" reserved "A", "B" }' in made
    assert '\n  /// Nobody reads it.\n  reserved "port", "lane"\n' in made
    assert format_text(made) == made
    spec = compile_texts({"a.mdkspec": made}).spec
    assert spec is not None
    assert spec.enums[0].reserved == ("A", "B")


def _codes(old: Spec, new: Spec) -> set[str]:
    return {one.diagnostic.code for one in compare(old, new).of(["wire"])}


@pytest.mark.parametrize(
    ("kept", "gone", "used"),
    [
        ({"record": 'reserved "x"'}, {}, {"record": "x?: int"}),
        ({"message": 'reserved "x"'}, {}, {"message": 'y as "x"?: int'}),
        ({"enum": 'reserved "x"'}, {}, {"enum": 'X = "x"'}),
    ],
)
def test_what_was_reserved_stays_so(kept: dict[str, str], gone: dict[str, str], used: dict[str, str]) -> None:
    """Gone from the list, or used again, is an error of the wire, with its own code."""
    assert _codes(_spec(**kept), _spec(**kept)) == set()
    assert _codes(_spec(**kept), _spec(**gone)) == {"MDK6117"}
    assert _codes(_spec(**kept), _spec(**used)) == {"MDK6118"}


def test_a_reserved_type_name_stays_so() -> None:
    """Of a protocol's messages; reading it as an old name is use as well."""
    reserved = _spec(protocol='reserved "pong"')
    assert _codes(reserved, _spec()) == {"MDK6117"}
    text = _text().replace('also "old.Ping"', 'also "old.Ping", "pong"')
    used = compile_texts({"a.mdkspec": text}).spec
    assert used is not None
    assert _codes(reserved, used) == {"MDK6118"}


def test_the_verdict_on_a_reused_name_is_a_flag_day() -> None:
    """Both directions mistake one for the other."""
    assert compare(_spec(record='reserved "x"'), _spec(record="x?: int")).verdict.startswith("flag day")


def test_a_baseline_of_an_older_compiler_reserves_nothing() -> None:
    """Its JSON has no such field."""
    plain = json.loads(to_json(_spec()))
    for one in (*plain["records"], *plain["messages"], *plain["enums"], *plain["protocols"]):
        del one["reserved"]
    assert load(json.dumps(plain)).records[0].reserved == ()
