"""mdkgen.js.names: the spec's names in JavaScript."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mdkgen.compiler import compile_texts
from mdkgen.js.names import ENGINE, Names, camel, local
from mdkgen.js.render import render

ENDPOINT = Path(__file__).parents[2] / "mdkgen/js/engine/endpoint.d.ts"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("node_id", "nodeId"), ("ok", "ok"), ("NODE_TTL", "NODE_TTL"), ("_private_x", "_privateX"), ("a__b_2", "aB2")],
)
def test_words_are_joined(name: str, wanted: str) -> None:
    """Words become camelCase; constants, and what stands before the first word, stay."""
    assert camel(name) == wanted


def test_a_word_of_the_language_is_no_variable() -> None:
    """It gets a line behind it; as a member it may stay."""
    assert (local("delete"), local("nodeId")) == ("delete_", "nodeId")


def test_a_stub_hides_nothing_of_the_engine() -> None:
    """ENGINE names every public member of Endpoint: a call of such a name gets another one."""
    text = ENDPOINT.read_text()
    body = text[text.index("export class Endpoint {") :]
    body = body[: body.index("\n}\n")]
    members = set(re.findall(r"^    (?:get )?([a-z]\w*)[(:]", body, re.MULTILINE))
    assert members == set(ENGINE)


AWKWARD = """
mdkspec 1
namespace awkward
version 1.0
message Hello as "hello" { a_b: int  aB: int  delete: string = "*/ \\" ${x}"  constructor?: int }
protocol P {
  transport websocket { path: "/", tag: "type", message_max: 1KiB }
  roles one connects, other accepts
  unknown message -> drop
  illegal message -> drop
  malformed message -> drop
  reconnect 1s .. 2s x 2 jitter 0
  role one {
    start state Up {
      call say(new: string, a_b: int) -> send Hello(delete = new, a_b = a_b, aB = 2)
    }
  }
  role other { start state Up { recv Hello(m) -> tell told(m.a_b, m.aB, m.delete) } }
}
"""


def test_names_that_would_be_one_stay_as_they_are() -> None:
    """`a_b` and `aB` in one spec keep their names; `constructor` and words of the language get other ones."""
    compilation = compile_texts({"a.mdkspec": AWKWARD})
    assert compilation.diagnostics == ()
    assert compilation.spec is not None
    names = Names(compilation.spec)
    assert [names.member(name) for name in ("a_b", "aB", "constructor", "delete")] == [
        "a_b",
        "aB",
        "constructor_",
        "delete",
    ]
    text = render(compilation.spec)["js/messages.js"]
    assert 'constructor({ a_b, aB, delete: delete_ = "*/ \\" ${x}", constructor_ })' in text
