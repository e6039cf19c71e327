"""mdkgen.habits: what people write as other languages have it gets one finding, at its place, that says how it is written here."""

from __future__ import annotations

import pytest

from mdkgen.compiler import compile_texts
from mdkgen.habits import TYPES, VALUES
from mdkgen.rules import texts_of

SPEC = """mdkspec 1
namespace habits
version 1.0

const WAIT: seconds = 30s
type Amount = int >= 0

open enum Reason { SLOW GONE }

record Item {
  key: string
  amount: Amount
}

message Ask as "ask" { items: list<Item> }
message Told as "told" { reason: Reason = "SLOW" }
message Bye as "bye" { code: string }

protocol Habits {
  transport websocket { path: "/h", tag: "type", message_max: 64KiB }
  roles client connects, server accepts
  unknown message -> drop
  illegal message -> fail "illegal"
  malformed message -> fail "malformed"
  close with Bye(code = CODE)
  reconnect 1s .. 2s x 2
  role client {
    hook is_good(items: list<Item>) -> bool
    start state Up {
      call ask(items: list<Item>) -> send Ask(items = items)
      recv Told(m) -> tell told(m.reason)
      recv Bye -> hangup
    }
  }
  role server {
    hook can_do(items: list<Item>) -> bool
    start state Up {
      recv Ask(m) when can_do(m.items) -> send Told()
      recv Ask -> send Told(reason = "GONE")
      recv Bye -> hangup
    }
  }
}
"""

NAME = "a name has letters from a to z, digits and _, and begins with no digit"
COMMENT = "a comment begins with //"
STRING = "a string stands in double quotes"
TIME = "a time is in ms, s, min or h"
SIZE = "a size is a whole number of KiB or MiB"
LIST, MAP = "a list is list<T>", "a map is map<T>; its keys are strings"
SPACE = "this is no space, though it looks like one or like nothing"
COMMAS = "fields and members stand without commas"
KEY = "  key: string\n"
GUARD = "when can_do(m.items)"

HABITS = [
    (KEY, "  key: string;\n", ";", "mdkspec has no semicolons"),
    (KEY, "  key: string,\n", ",", COMMAS),
    ("{ SLOW GONE }", "{ SLOW, GONE }", ",", COMMAS),
    (KEY, "  key: string?\n", "?", "what may be absent is `name?: type`"),
    (KEY, "  key: string | int\n", "int", "a type has no alternatives but null"),
    (KEY, "  key: null | string\n", "string", "null comes last: `T | null`"),
    (KEY, "  key: Item[]\n", "[", LIST),
    (KEY, "  key: List<Item>\n", "<", LIST),
    (KEY, "  key: Map<Item>\n", "<", MAP),
    (KEY, "  key: map<string, Item>\n", ",", MAP),
    (KEY, "  key: string = 'x'\n", "'", STRING),
    ('"ask"', "\u201cask\u201d", "\u201c", STRING),
    ('"ask"', '"ask', '"', "the string does not end in its line"),
    ("record Item", "record\xa0Item", "\xa0", SPACE),
    ("record Item", "\ufeffrecord Item", "\ufeff", SPACE),
    ("record Item", "/* an item */\nrecord Item", "/", COMMENT),
    ("record Item", "# an item\nrecord Item", "#", COMMENT),
    ("Item", "\xcdtem", "\xcd", NAME),
    ("record Item", "record 2Item", "2", NAME),
    ("record Item", "import other\nrecord Item", "import", "there are no imports: the files of a folder are one spec"),
    ("open enum", "enum", "enum", "an enum is `open enum`, which keeps what is not on its list, or `closed enum`"),
    ("30s", "30sec", "sec", TIME),
    ("30s", "1d", "d", TIME),
    ("30s", "-30s", "s", "a time is not negative"),
    ("64KiB", "1GiB", "GiB", SIZE),
    ("64KiB", "64KB", "KB", SIZE),
    ("64KiB", "64k", "k", ""),
    (GUARD, "when can_do(m.items) or can_do(m.items)", "or", "there is no `or`: write a transition for each"),
    (GUARD, "when can_do(m.items) || can_do(m.items)", "|", "there is no `or`: write a transition for each"),
    (GUARD, "when can_do(m.items) && can_do(m.items)", "&", "did you mean and?"),
    (GUARD, "when !can_do(m.items)", "!", "did you mean not?"),
    (GUARD, 'when m.key = "x"', "=", "did you mean ==?"),
    ("recv Ask -> send", "recv Ask => send", "=", "an arrow is ->"),
    ("version 1.0", "version 1.0.0", ".", "a version has two numbers, such as 1.0"),
    ("namespace habits", "namespace my-habits", "-", "a namespace is one name, such as my_protocol"),
    ("namespace habits", "namespace my.habits", ".", "a namespace is one name, such as my_protocol"),
    ('fail "illegal"', "fail", "malformed", ""),
    ("message Told", "mesage Told", "mesage", "did you mean message?"),
    ("recv Told(m)", "receive Told(m)", "receive", "did you mean recv?"),
]


@pytest.mark.parametrize(("old", "new", "found", "hint"), HABITS, ids=range(len(HABITS)))
def test_a_habit_gets_a_hint(old: str, new: str, found: str, hint: str) -> None:
    """One syntax error, at what is wrong; the first names it, and how it is written."""
    assert old in SPEC
    text = SPEC.replace(old, new, 1)
    first = compile_texts({"a.mdkspec": text}).diagnostics[0]
    assert first.code in ("MDK1001", "MDK1002")
    assert (first.message, first.hint) == (f"unexpected {found!r}", hint)
    line = text.split("\n")[first.span.line - 1]
    assert line[first.span.column - 1 :].startswith(found)
    assert first.expected


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_type_of_another_language_is_named_in_ours(name: str) -> None:
    """One finding."""
    (found,) = compile_texts({"a.mdkspec": SPEC.replace(KEY, f"  key: {name}\n")}).diagnostics
    assert (found.message, found.hint) == (f"unknown type {name!r}", f"did you mean {TYPES[name]}?")


@pytest.mark.parametrize("name", sorted(VALUES))
def test_a_value_of_another_language_is_named_in_ours(name: str) -> None:
    """One finding."""
    (found,) = compile_texts({"a.mdkspec": SPEC.replace(KEY, f"  key: string | null = {name}\n")}).diagnostics
    assert (found.message, found.hint) == (f"unknown name {name!r}", f"did you mean {VALUES[name]}?")


@pytest.mark.parametrize(
    ("old", "new", "message", "expected", "hint"),
    [
        ("close with Bye(code = CODE)", "close with Bye", "unknown name 'Bye'", "CODE, TITLE, WAIT", "Bye(...) makes one"),
        (GUARD, "when can_it(m.items)", "unknown hook, record or message 'can_it'", "Ask, Bye, Item, Told, can_do", "did you mean can_do?"),
        (GUARD, "when can_do()", "can_do takes 1 arguments, 0 are given", "can_do(items: list<Item>)", ""),
        ("hook can_do(items: list<Item>)", "hook can_do(items: list<Itm>)", "unknown type 'Itm'", "a declared type", "did you mean Item?"),
        ("call ask(items: list<Item>)", "call ask(items: list<Itm>)", "unknown type 'Itm'", "a declared type", "did you mean Item?"),
        (KEY, "  key: strng\n", "unknown type 'strng'", "a declared type", "did you mean string?"),
        ("version 1.0", "version -1.0", "version -1.0", "version 1.0", ""),
        ("int >= 0", "int >= 5 <= 1", "no number is of the type Amount: at least 5 and at most 1", "a bound <= of 5 or more", ""),
    ],
    ids=["close", "hook", "arguments", "hook type", "call type", "field type", "version", "bounds"],
)  # fmt: skip
def test_one_mistake_gets_one_finding(old: str, new: str, message: str, expected: str, hint: str) -> None:
    """What only follows from it is not reported."""
    assert old in SPEC
    (found,) = compile_texts({"a.mdkspec": SPEC.replace(old, new, 1)}).diagnostics
    assert (found.message, found.expected, found.hint) == (message, expected, hint)


def test_a_sender_that_is_no_role_gets_one_finding() -> None:
    """Not one more for each message that would then come from nowhere."""
    example = (
        'message Ask as "ask" { n: int }\nmessage Told as "told" { n: int }\n'
        "request look { from clent  message Ask.n  reply Told.n  timeout 5s  pending 9 }\n"
        "role client { start state Up { ignore Pong } }\n"
        "role server { start state Up { recv Ask(m) -> tell asked(m)  ignore Ping } }"
    )
    (found,) = compile_texts(texts_of(example)).diagnostics
    assert (found.message, found.hint) == ("unknown role 'clent'", "did you mean client?")
