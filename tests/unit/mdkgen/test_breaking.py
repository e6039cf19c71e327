"""mdkgen.breaking: who is broken by a change, in which order to upgrade, and where the older version comes from."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mdkgen.breaking import Comparison, compare
from mdkgen.breaking.change import NEW_CONNECTOR, OLD_CONNECTOR
from mdkgen.cli import main
from mdkgen.compiler import compile_texts
from mdkgen.ir import to_json
from mdkgen.model import Spec
from mdkgen.rules import all_rules, texts_of

ROOT = Path(__file__).parents[3]
PINGS = "role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered() } }\n"
PONGS = "role server { start state Up { recv Ping -> send Pong() } }"


def _spec(example: str) -> Spec:
    compilation = compile_texts(texts_of(example))
    assert compilation.spec is not None, compilation.diagnostics
    return compilation.spec


def _compared(old: str, new: str) -> Comparison:
    return compare(_spec(old), _spec(new))


def _codes(comparison: Comparison, level: str) -> set[str]:
    return {one.diagnostic.code for one in comparison.of([level])}


def test_the_same_is_compatible() -> None:
    """No change, any order."""
    comparison = _compared(PINGS + PONGS, PINGS + PONGS)
    assert comparison.changes == ()
    assert comparison.verdict == "compatible: upgrade in any order"


NEEDS = 'message {name} as "{wire}" {{ n?: int{field} }}\n'


def test_what_the_server_requires_wants_clients_first() -> None:
    """Only clients send Ping: a new server refuses what an old client writes."""
    client = "role client { start state Up { recv Pong -> tell answered()  call ask(ping: Ping) -> send ping } }\n"
    old = NEEDS.format(name="Ping", wire="ping", field="") + client + PONGS
    new = NEEDS.format(name="Ping", wire="ping", field="  id: string") + client + PONGS
    comparison = _compared(old, new)
    assert _codes(comparison, "wire") == {"MDK6104"}
    assert comparison.verdict == ("upgrade every client first: an old client does not work with a new server")


def test_the_same_change_of_what_the_server_sends_wants_servers_first() -> None:
    """Direction decides: a new client refuses what an old server writes."""
    server = "role server { start state Up { recv Ping -> tell pinged()  call answer(pong: Pong) -> send pong } }"
    old = NEEDS.format(name="Pong", wire="pong", field="") + PINGS + server
    new = NEEDS.format(name="Pong", wire="pong", field="  id: string") + PINGS + server
    comparison = _compared(old, new)
    assert _codes(comparison, "wire") == {"MDK6104"}
    assert comparison.verdict == ("upgrade every server first: a new client does not work with an old server")


KINDS = """
open enum Colour { red  green }
closed enum Light { red  green  amber }
closed enum Hue { red  green }
type Text = string
record One { a: int  b?: string }
record Same { a: int  b?: string  c: int = 0 }
record More { a: int  d: string }
record Loose { a?: int }
"""


@pytest.mark.parametrize(
    ("before", "after", "forth", "back"),
    [
        ("int", "any", True, False),
        ("int", "float", True, False),
        ("float", "seconds", True, True),
        ("int", "string", False, False),
        ("Text", "string", True, True),
        ("int", "int | null", True, False),
        ("int | null", "float | null", True, False),
        ("list<int>", "list<float>", True, False),
        ("map<int>", "list<int>", False, False),
        ("map<int>", "map<float>", True, False),
        ("Colour", "string", True, True),
        ("Light", "string", True, False),
        ("Hue", "Light", True, False),
        ("Hue", "Colour", True, False),
        ("Light", "Colour", True, False),
        ("One", "Same", True, True),
        ("One", "More", False, True),
        ("One", "Loose", True, False),
        ("One", "map<any>", True, False),
        ("One", "Hue", False, False),
        ("One", "list<One>", False, False),
    ],
)
def test_another_type_breaks_whoever_cannot_read_it(before: str, after: str, forth: bool, back: bool) -> None:
    """New servers read what old clients write (`forth`), old servers what new clients write (`back`)."""
    client = "role client { start state Up { recv Pong -> tell answered()  call ask(ping: Ping) -> send ping } }\n"
    text = KINDS + 'message Ping as "ping" { x: TYPE }\n' + client + PONGS
    comparison = _compared(text.replace("TYPE", before), text.replace("TYPE", after))
    broken = {pair for one in comparison.changes if one.diagnostic.code == "MDK6109" for pair in one.breaks}
    assert (OLD_CONNECTOR not in broken, NEW_CONNECTOR not in broken) == (forth, back)


def test_a_record_inside_is_judged_by_who_sends_it() -> None:
    """Through lists and other records; what nobody sends breaks nobody."""
    text = (
        "record Inner {{ a?: int{0} }}\nrecord Outer {{ inner: list<Inner> = [] }}\nrecord Unsent {{ b?: int{0} }}\n"
        'message Ping as "ping" {{ outer: Outer = {{}} }}\n'
    )
    comparison = _compared(text.format("") + PINGS + PONGS, text.format("  c: int") + PINGS + PONGS)
    broken = {one.diagnostic.message.split()[0]: one.breaks for one in comparison.of(["wire"])}
    assert broken == {"Inner.c": frozenset({"old connector"}), "Unsent.c": frozenset()}


def test_another_name_on_the_wire_takes_two_steps() -> None:
    """At once it is a flag day for what both have to know; with `also` first, each step goes."""
    first = 'message Ping as "ping" { n?: int }\n' + PINGS + PONGS
    learnt = first.replace('as "ping"', 'as "ping" also "pinged"')
    renamed = first.replace('as "ping"', 'as "pinged" also "ping"')
    assert "MDK6102" in _codes(_compared(first, first.replace('"ping"', '"pinged"')), "wire")
    assert _compared(first, learnt).verdict == "compatible: upgrade in any order"
    assert _compared(learnt, renamed).verdict == "compatible: upgrade in any order"
    assert _compared(first, renamed).verdict.startswith("upgrade every server first")


def test_a_server_that_demands_more_loses_old_clients() -> None:
    """Every message stays as it was; with an old client the server never comes into Up, and the trace has both versions."""
    rule = all_rules()["MDK6203"]
    comparison = _compared(rule.before, rule.bad)
    assert _codes(comparison, "wire") == set()
    (lost,) = [one for one in comparison.of(["behaviour"]) if one.diagnostic.severity == "error"]
    assert lost.diagnostic.message == "old client, new server: the server never comes into state Up of P"
    assert comparison.verdict.startswith("upgrade every client first")


def test_a_state_that_only_new_peers_reach_is_a_note() -> None:
    """That is what an extension is for."""
    old = PINGS + "role server { start state Up { recv Ping -> send Pong() } }"
    new = (
        'message More as "more" { }\nrole client { start state Up { every 10s -> send Ping()  every 11s -> send More()'
        "  recv Pong -> tell answered() } }\n"
        "role server { start state Up { recv Ping -> send Pong()  recv More -> goto Extended }"
        " state Extended { recv Ping -> send Pong()  ignore More } }"
    )
    comparison = _compared(old, new)
    notes = {one.diagnostic.message: one.diagnostic.severity for one in comparison.of(["behaviour"])}
    assert notes == {
        "new client, old server: the server does not know More and drops it": "warning",
        "old client, new server: the server never comes into state Extended of P, which is new": "note",
    }
    assert comparison.verdict == "compatible: upgrade in any order"


def test_a_trace_names_old_and_new() -> None:
    """Lines are those of the new version; of the old one there is no text."""
    rule = all_rules()["MDK6201"]
    (found,) = [one.diagnostic for one in _compared(rule.before, rule.bad).of(["behaviour"])]
    assert [(one.text, one.span is not None) for one in found.trace] == [
        ("connect", False),
        ("old client: every", False),
        ("old client: every", False),
        ("new server receives Ping", True),
        ("new server receives Ping", False),
    ]


# --- where the older version comes from -----------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the chat's spec."""
    made = tmp_path / "project/spec"
    shutil.copytree(ROOT / "examples/chat/spec", made)
    return made


def test_against_a_folder_a_file_and_a_package_folder(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same answer from each."""
    chat = ROOT / "examples/chat"
    file = tmp_path / "old.json"
    file.write_text((chat / "generated/chat_protocol/spec.json").read_text())
    for against in (chat / "spec", file, chat / "generated/chat_protocol"):
        assert main(["breaking", str(folder), "--against", str(against)]) == 0
        out = capsys.readouterr().out
        assert out == f"{folder} against {against}: 0 changes; compatible: upgrade in any order\n"


def test_against_an_installed_package(capsys: pytest.CaptureFixture[str]) -> None:
    """Its spec.json is read, the package itself is not imported."""
    assert main(["breaking", str(ROOT / "spec"), "--against", "package:mdk_protocol"]) == 0
    assert "0 changes; compatible" in capsys.readouterr().out


def test_against_a_version_of_an_installed_package(capsys: pytest.CaptureFixture[str]) -> None:
    """The version that is meant must be the one that is there."""
    assert main(["breaking", str(ROOT / "spec"), "--against", "package:mdk_protocol==2.0"]) == 0
    assert "spec against package:mdk_protocol==2.0: 0 changes" in capsys.readouterr().out
    assert main(["breaking", str(ROOT / "spec"), "--against", "package:mdk_protocol==1.9"]) == 2
    said = "installed is version 2.0 of the protocol"
    assert capsys.readouterr().err == f"mdkgen: --against package:mdk_protocol==1.9: {said}\n"


def test_a_rename_in_the_spec_alone_breaks_programs_and_no_peer(folder: Path) -> None:
    """A message that keeps its type and a field that keeps its key: source only, with the name that it has now."""
    text = (folder / "chat.mdkspec").read_text()
    old = _spec(text)
    found = compare(old, _spec(re.sub(r"\bSaid\b", "Spoke", text)))
    assert [(one.level, one.diagnostic.message) for one in found.changes] == [
        ("source", "the record or message Said is gone: Spoke has its type 'said', programs have to use that name")
    ]
    new = text.replace("number?: int", 'count as "number"?: int').replace("number number", "number count")
    found = compare(old, _spec(new.replace('"hello", number', '"hello", count')))
    assert [(one.level, one.diagnostic.message) for one in found.changes if one.level != "docs"] == [
        ("source", "Post.number is gone: count has its key 'number', programs have to use that name")
    ]
    assert found.verdict == "compatible: upgrade in any order"


def test_against_a_revision(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same folder there, whatever the working tree has now."""
    root = folder.parent
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one"],
    ):
        subprocess.run(["git", "-C", str(root), *command], check=True, capture_output=True)
    file = folder / "chat.mdkspec"
    file.write_text(file.read_text().replace("  recv Bye -> hangup\n", "  recv Bye -> tell left(), hangup\n"))
    assert main(["breaking", str(folder), "--against", "git:HEAD"]) == 0
    shown = capsys.readouterr()
    assert "warning[MDK6307]: `tell left` is new: every room has to take it" in shown.err
    assert main(["breaking", str(folder), "--against", "git:HEAD", "--level", "wire"]) == 0
    assert "0 changes" in capsys.readouterr().out


def _committed(folder: Path) -> None:
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one"],
    ):
        subprocess.run(["git", "-C", str(folder), *command], check=True, capture_output=True)


def test_a_revision_has_any_names_line_ends_and_byte_order_marks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of which git would quote the name is not overlooked; one that is no text is named."""
    (texts,) = texts_of(PINGS + PONGS).values()
    file = tmp_path / "Ü ü.mdkspec"
    file.write_bytes(b"\xef\xbb\xbf" + texts.replace("\n", "\r\n").encode())
    _committed(tmp_path)
    file.write_text(texts)
    assert main(["breaking", str(tmp_path), "--against", "git:HEAD"]) == 0
    assert "0 changes; compatible" in capsys.readouterr().out
    file.write_bytes(b"mdkspec 1 // \xff")
    subprocess.run(
        ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "two"], check=True
    )
    file.write_text(texts)
    assert main(["breaking", str(tmp_path), "--against", "git:HEAD"]) == 2
    assert capsys.readouterr().err == (
        "mdkgen: --against git:HEAD: Ü ü.mdkspec is not UTF-8 there: byte 13, invalid start byte\n"
    )
    assert main(["breaking", str(tmp_path), "--against", "git:HEAD~9"]) == 2
    assert "--against git:HEAD~9: fatal: Not a valid object name HEAD~9" in capsys.readouterr().err


def test_an_error_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, in every form of output; the verdict comes with the text."""
    rule = all_rules()["MDK6104"]
    old = tmp_path / "spec.json"
    old.write_text(to_json(_spec(rule.before)))
    new = tmp_path / "new"
    new.mkdir()
    for name, text in texts_of(rule.bad).items():
        (new / name).write_text(text)
    assert main(["breaking", str(new), "--against", str(old)]) == 1
    shown = capsys.readouterr()
    assert "error[MDK6104]: Ping.id is new and required: what older peers write lacks it" in shown.err
    assert "upgrade every client first" in shown.out
    assert main(["breaking", str(new), "--against", str(old), "--output", "github"]) == 1
    assert capsys.readouterr().out.startswith("::error file=")


@pytest.mark.parametrize(
    ("against", "reason"),
    [
        ("nowhere", "no such file or folder; or write git:REV or package:NAME"),
        ("package:nothing_of_that_name", "no such package is installed, or it has no spec.json"),
        ("package:json", "no such package is installed, or it has no spec.json"),
        ("git:--output=x", "is not a revision"),
        ("git:", "is not a revision"),
    ],
)
def test_a_wrong_baseline_is_wrong_usage(against: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and what to write instead."""
    assert main(["breaking", str(ROOT / "examples/chat/spec"), "--against", against]) == 2
    assert capsys.readouterr().err == f"mdkgen: --against {against}: {reason}\n"


def test_a_baseline_with_errors_says_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It must have been right to be compared."""
    (tmp_path / "a.mdkspec").write_text("mdkspec 1\nnamespace a\nversion 1.0\nrecord A { x: strnig }\n")
    assert main(["breaking", str(ROOT / "examples/chat/spec"), "--against", str(tmp_path)]) == 2
    assert "has errors, the first is MDK2002: unknown type 'strnig'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        (("messages", 0, "fields"), 3, "messages[0].fields: 3 where a list is wanted"),
        (("protocols", 0, "parts", 0, "machines", 1, "states", 0), [], "protocols[0].parts[0].machines[1].states[0]: [] where a State is wanted"),
        (("messages", 0, "fields", 0, "type"), {"kind": "Set"}, "messages[0].fields[0].type: an object of kind 'Set' where none is known"),
        (("namespace",), None, "no model: it has no namespace"),
        (("protocols",), None, "no model: it has no protocols"),
    ],
    ids=["list", "state", "type", "namespace", "protocols"],
)  # fmt: skip
def test_a_baseline_that_is_no_model_names_the_place(
    place: tuple[str | int, ...], value: object, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is compared with half of one."""
    plain = json.loads(to_json(_spec(PINGS + PONGS)))
    inner = plain
    for step in place[:-1]:
        inner = inner[step]
    if value is None:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    old = tmp_path / "old.json"
    old.write_text(json.dumps(plain))
    assert main(["breaking", str(ROOT / "examples/chat/spec"), "--against", str(old)]) == 2
    assert capsys.readouterr().err == f"mdkgen: --against {old}: {problem}\n"


def test_a_folder_of_packages_is_no_baseline_and_names_one(capsys: pytest.CaptureFixture[str]) -> None:
    """What was meant is one of them."""
    against = str(ROOT / "examples/chat/generated")
    assert main(["breaking", str(ROOT / "examples/chat/spec"), "--against", against]) == 2
    assert capsys.readouterr().err == (
        f"mdkgen: --against {against}: no .mdkspec file in it; name one of its packages: {against}/chat_protocol\n"
    )


ASK = 'message Ask as "ask" { id: int  a: int = 1 }\nmessage Reply as "reply" { id: int  b: int = 1 }\n'
LOOK = """request look { from client  message Ask.id  reply Reply.id  timeout 5s  pending 10 }
role client { start state Up { ignore Pong } }
role server { start state Up { recv Ask(m) -> tell asked(m)  ignore Ping } }"""


def _judged(old: str, new: str) -> tuple[set[str], str]:
    """The codes on the wire and of behaviour, and the verdict up to its reason."""
    made = _compared(old, new)
    return _codes(made, "wire") | _codes(made, "behaviour"), made.verdict.partition(":")[0]


@pytest.mark.parametrize(
    ("before", "after", "codes", "verdict"),
    [
        ("a: int = 1", 'b as "a": string = ""', {"MDK6109", "MDK6215"}, "flag day"),
        ("a?: int", 'b as "a": int', {"MDK6106"}, "upgrade every client first"),
        ("a: int = 1", 'b as "a": int = 1', set[str](), "compatible"),
        ("a: int  b: string", 'b as "a": string  a as "b": int', {"MDK6109"}, "flag day"),
        ("a: int  b: string", 'b as "a": int  a as "b": string', set[str](), "compatible"),
    ],
)
def test_a_field_is_known_by_its_key(before: str, after: str, codes: set[str], verdict: str) -> None:
    """A peer sees keys: what a field is called in the spec neither hides a change nor is one."""
    client = "role client { start state Up { recv Pong -> tell answered()  call ask(ping: Ping) -> send ping } }\n"
    text = 'message Ping as "ping" { n?: int  FIELDS }\n' + client + PONGS
    assert _judged(text.replace("FIELDS", before), text.replace("FIELDS", after)) == (codes, verdict)


def test_a_message_is_known_by_its_type() -> None:
    """One that is called otherwise is compared, and so are its acknowledgement, its request and its states."""
    renamed = (ASK + LOOK).replace("Ask", "Query")
    assert _judged(ASK + LOOK, renamed) == (set(), "compatible")
    assert _judged(ASK + LOOK, renamed.replace("a: int = 1", 'a: string = ""')) == ({"MDK6109", "MDK6215"}, "flag day")
    also = renamed.replace('as "ask"', 'as "query" also "ask"')
    assert _judged(ASK + LOOK, also) == ({"MDK6102", "MDK6202", "MDK6206"}, "upgrade every server first")


def test_messages_that_change_their_names_with_one_another_are_still_known() -> None:
    """Each is what its type says."""
    text = 'message One as "one" { a?: int }\nmessage Two as "two" { b?: string }\n'
    roles = "role client { start state Up { recv Pong -> tell answered()  call ask(one: One, two: Two) -> send one, send two } }\n"
    roles += (
        "role server { start state Up { recv One(m) -> tell first(m)  recv Two(m) -> tell second(m)  ignore Ping } }"
    )
    swapped = (text + roles).replace("One", "Three").replace("Two", "One").replace("Three", "Two")
    assert _judged(text + roles, swapped) == (set(), "compatible")


INNER = "closed enum Kind {{ A B{0} }}\nrecord Deep {{ n: {1} }}\nrecord Outer {{ deep: list<Deep>  kind: Kind }}\n"


@pytest.mark.parametrize(
    ("member", "type_", "codes"),
    [("", "int", set[str]()), ("", "string", {"MDK6109"}), (" C", "int", {"MDK6111"}), (" C", "float", {"MDK6109", "MDK6111"})],
)  # fmt: skip
def test_types_are_known_by_where_they_stand(member: str, type_: str, codes: set[str]) -> None:
    """Records and enums that have other names and are the same break nobody; what has changed in them is named."""
    rest = ASK.replace("a: int = 1", "a: Outer") + LOOK
    new = (
        (INNER.format(member, type_) + rest)
        .replace("Deep", "Inside")
        .replace("Outer", "Around")
        .replace("Kind", "Sort")
    )
    assert _judged(INNER.format("", "int") + rest, new)[0] == codes


@pytest.mark.parametrize("was", ["Ask.id", "Reply.id"])
def test_another_field_that_pairs_question_and_answer_breaks_both(was: str) -> None:
    """A number that stands elsewhere answers no question."""
    fields = (ASK + LOOK).replace(" = 1", "")
    new = fields.replace(was, was.replace(".id", ".a" if was == "Ask.id" else ".b"))
    made = _compared(fields, new)
    assert (_codes(made, "behaviour"), made.verdict.partition(":")[0]) == ({"MDK6207"}, "flag day")


def test_a_question_that_nobody_answers_any_more_breaks_who_asks_it() -> None:
    """The message is still taken; its answer never comes."""
    new = ASK + LOOK.replace(
        "request look { from client  message Ask.id  reply Reply.id  timeout 5s  pending 10 }\n", ""
    )
    new = new.replace("ignore Pong", "ignore Pong, Reply  call ask() -> send Ask(id = 1)")
    made = _compared(ASK + LOOK, new)
    assert _codes(made, "behaviour") == {"MDK6206"}
    assert "old client, new server: no Reply ever reaches the client, and each look times out" in [
        one.diagnostic.message for one in made.changes
    ]
    assert made.verdict == "upgrade every client first: an old client does not work with a new server"


def test_batches_are_compared_by_their_keys() -> None:
    """Another key for the list, or for what is acknowledged: the peer reads nothing."""
    old = (
        'message Note as "note" { n?: int }\nmessage NoteAck as "noteack" { n: int }\n'
        'message Notes as "notes" { notes: list<Note> }\nmessage NotesAck as "notesack" { n: int }\n'
        "delivery notes { from client  message Note  number n from 0  ack NoteAck.n each"
        "  batch Notes.notes of 5 ack NotesAck.n upto in Up  resend on connect  buffer 9 or 1MiB drop_oldest }\n"
        "role client { start state Up { ignore Pong } }\n"
        "role server { start state Up { recv Note(m) -> tell noted(m)  ignore Ping } }"
    )
    assert _judged(old, old) == (set(), "compatible")
    key = old.replace('"notesack" { n: int', '"notesack" { n as "m": int')
    assert _judged(old, key) == ({"MDK6108", "MDK6207"}, "flag day")


@pytest.mark.parametrize(
    ("before", "after", "is_changed"),
    [("N", "3", False), ("N", "4", True), ("3", "N", False), ("N", "M", False)],
)
def test_defaults_are_compared_by_what_they_are(before: str, after: str, is_changed: bool) -> None:
    """A constant is its value."""
    text = "const N: int = 3\nconst M: int = 3\n" + ASK + LOOK
    old, new = (text.replace("a: int = 1", f"a: int = {one}") for one in (before, after))
    assert ("MDK6215" in _codes(_compared(old, new), "behaviour")) == is_changed


def test_another_value_of_a_constant_changes_the_defaults_that_it_is() -> None:
    """Not only programs that read it."""
    text = "const N: int = 3\n" + ASK.replace("a: int = 1", "a: int = N") + LOOK
    made = _compared(text, text.replace("N: int = 3", "N: int = 4"))
    assert (_codes(made, "behaviour"), _codes(made, "source")) == ({"MDK6215"}, {"MDK6311"})


def test_a_comparison_that_is_too_large_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """No verdict pretends to more than was looked at."""
    text = ASK + LOOK
    old, new = _spec(text), _spec(text.replace("pending 10", "pending 20"))
    monkeypatch.setattr("mdkgen.explore.CONFIGURATIONS_MAX", 3)
    made = compare(old, new)
    assert [one.diagnostic.code for one in made.changes] == ["MDK4002", "MDK4002"]
    assert "old client, new server: P has too many configurations" in made.changes[0].diagnostic.message
