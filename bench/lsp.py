"""How long diagnostics take after a keystroke in a spec of 2,000 lines. Prints one JSON line.

Target: 50 ms from the text to everything that is wrong with it. `verified` is the same with verification and scenarios,
which an editor asks for when nothing was typed for a moment. The spec is MDK's, with more records; keystrokes go into a
machine (a comment, a handler), into a record, and at the head of a file (a new line, which moves everything below).

`slowest_ms` is of the slowest of many edits of the machines (`edits`), each of which is typed for the first time: one
handler, guard, timer, state, delivery more, less or otherwise, in each role of each part.
"""

from __future__ import annotations

import gc
import json
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mdkgen import syntax
from mdkgen.editor.folder import SpecFolder
from mdkgen.model import Span
from mdkgen.parser import parse
from mdkgen.stamp import cache_folder

ROOT = Path(__file__).parent.parent
FILE = "all.mdkspec"
LINES = 2_000
ROUNDS = 30
EDIT_ROUNDS = 5
HEAD = "mdkspec 1\nnamespace mdk_protocol\nversion 1.0\n"
RECORD = "\n/// A thing.\nrecord Filler{0} {{\n  id: string\n  count: int = {0}\n  names: list<string> = []\n}}\n"


def main() -> None:
    """One file with everything, so that a keystroke has the most to do; a memory of its own, empty when it begins."""
    gc.disable()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        print(json.dumps({"bench": "lsp", **_figures(_whole())}))


def _whole() -> str:
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "spec").glob("*.mdkspec"))]
    whole = HEAD + "".join(text.split("version", 1)[1].split("\n", 1)[1] for text in texts)
    missing = max(0, LINES - whole.count("\n"))
    return whole + "".join(RECORD.format(number) for number in range(missing // RECORD.count("\n")))


def _figures(whole: str) -> dict[str, object]:
    folder = SpecFolder({FILE: whole})
    begun = time.process_time()
    assert folder.analyse(verifying=True).diagnostics == ()
    figures: dict[str, object] = {"lines": whole.count("\n"), "opened_ms": _ms(time.process_time() - begun)}
    keystrokes: dict[str, Callable[[int], str]] = {
        "record": lambda n: whole.replace("count: int = 7", f"count: int = {100 + n}"),
        "machine": lambda n: whole.replace("    recv ", f"    //{n}\n    recv ", 1),
        "handler": lambda n: whole.replace("tell table_complete()", f"tell table_complete(), tell whole_{n}()"),
        "new_line": lambda n: HEAD + "\n" * (n + 1) + whole.removeprefix(HEAD),
        "mistake": lambda n: whole.replace("count: int = 7", f"count: in{n} = 7"),
        "unfinished": lambda n: whole.replace("count: int = 7", f"count{n}: "),
    }
    for name, typed in keystrokes.items():
        for verifying in (False, True):
            times = [_typed_s(folder, typed(number), verifying=verifying) for number in range(ROUNDS)]
            figures[f"{name}{'_verified' if verifying else ''}_ms"] = _ms(statistics.median(times))
    return figures | _of_machines(folder, whole)


def _of_machines(folder: SpecFolder, whole: str) -> dict[str, object]:
    """The slowest edits of machines; before each the text is as it was."""
    made: dict[str, float] = {}
    for name, edited in edits(whole):
        times: list[float] = []
        for _ in range(EDIT_ROUNDS):
            _typed_s(folder, whole, verifying=True)
            _forget()
            times.append(_typed_s(folder, edited, verifying=True))
        made[name] = _ms(statistics.median(times))
    slowest = sorted(made, key=lambda name: -made[name])
    return {"edits": len(made), "slowest_ms": made[slowest[0]], "slowest": {name: made[name] for name in slowest[:5]}}


def _typed_s(folder: SpecFolder, text: str, *, verifying: bool) -> float:
    folder.texts[FILE] = text
    begun = time.process_time()
    folder.analyse(verifying=verifying)
    gc.collect(0)  # looks through what was made, and belongs to it
    time_s = time.process_time() - begun
    gc.collect()  # all that is open: now and then in an editor, here each time, so that it falls on nobody
    return time_s


def _forget() -> None:
    """What was typed is not known from the round before."""
    place = cache_folder()
    assert place is not None
    for kept in place.glob("sound-*"):
        kept.unlink()


def _ms(time_s: float) -> float:
    return round(time_s * 1000, 1)


def edits(text: str) -> Iterator[tuple[str, str]]:
    """Texts that differ in one machine, or in the deliveries beside it, each with a name."""
    tree, _ = parse(text, FILE)
    for part in tree.declarations:
        if isinstance(part, syntax.Part):
            for role in part.roles:
                for kind, edited in _of_role(_Text(text), role):
                    yield f"{part.name.text} {role.name.text}: {kind}", edited
            for item in part.items:
                if item.kind == "delivery":
                    said = _Text(text).at(item.span)
                    edited = _Text(text).replaced(item.span, re.sub(r"buffer \d+", "buffer 77", said))
                    yield f"{part.name.text}: delivery", edited


class _Text:
    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def at(self, span: Span) -> str:
        return self.text[self._begin(span) : self._end(span)]

    def replaced(self, span: Span, new: str) -> str:
        return self.text[: self._begin(span)] + new + self.text[self._end(span) :]

    def _begin(self, span: Span) -> int:
        return self.starts[span.line - 1] + span.column - 1

    def _end(self, span: Span) -> int:
        return self.starts[span.end_line - 1] + span.end_column - 1


def _of_role(text: _Text, role: syntax.Role) -> Iterator[tuple[str, str]]:
    states = [one for one in role.states if one.name is not None]
    names = [one.name.text for one in states if one.name is not None]
    handlers = [(state, one) for state in states for one in state.transitions if one.trigger.kind == "recv"]
    for state, one in handlers[:1]:
        said = text.at(one.span)
        head, _, actions = said.partition("->")
        yield "tell", text.replaced(one.span, f"{head}-> tell typed(), {actions}")
        yield "no handler", text.replaced(one.span, "")
        if one.guard is None:
            yield "guard", _with_hook(text, role, text.replaced(one.span, f"{head}when may_typed() -> {actions}"))
        if "goto" not in actions and "hangup" not in actions:
            yield "goto", text.replaced(one.span, f"{said}, goto {[*names, *names][names.index(_name(state)) + 1]}")
    first, said = states[0], text.at(states[0].span)
    yield "timer", text.replaced(first.span, f"{said[:-1]}  after 7s -> tell typed()\n    }}")
    yield "state", text.replaced(first.span, f"{said}\n    state Typed {{ }}")
    calls = [one for state in states for one in state.transitions if one.trigger.kind == "call"]
    for one in calls[:1]:
        yield "no call", text.replaced(one.span, "")
    for one in calls:
        said = text.at(one.span)
        sent = re.search(r"send (?:\w+\([^)]*\)|\w+)", said)
        if sent is not None:
            yield "send", text.replaced(one.span, said.replace(sent[0], f"{sent[0]}, {sent[0]}", 1))
            break


def _name(state: syntax.State) -> str:
    return state.name.text if state.name is not None else ""


def _with_hook(text: _Text, role: syntax.Role, edited: str) -> str:
    """The hook stands before the first state, which stands before what was edited."""
    begin = text.starts[role.span.line - 1] + role.span.column - 1
    brace = edited.index("{", begin) + 1
    return f"{edited[:brace]}\n    hook may_typed() -> bool{edited[brace:]}"


if __name__ == "__main__":
    main()
