"""The model as JSON: what plugins, documentation and comparisons between versions read.

Every object of the model becomes an object with its class under `kind`, then its fields in order; a class that has a
field `kind` itself shows that. docs/ir.md is `describe()`: what `mdkgen/model.py` says, so that it cannot be out of date.
"""

from __future__ import annotations

import ast
import dataclasses
import json
from collections.abc import Iterator
from json.encoder import encode_basestring_ascii as _quoted
from pathlib import Path
from typing import Any

from mdkgen.model import Spec

FORMAT = 1
"""Counts the changes of this form that a reader would notice."""


def to_json(spec: Spec) -> str:
    """The whole model as text: the same bytes for the same spec."""
    return '{\n "format": ' + str(FORMAT) + "," + _text(spec).removeprefix("{") + "\n"


def describe() -> str:
    """The form as Markdown: every kind of object, its fields, their types and meaning, in the model's order."""
    source = Path(__file__).with_name("model.py").read_text(encoding="utf-8")
    return "".join(_description(ast.parse(source)))


def _description(module: ast.Module) -> Iterator[str]:
    yield f"""# The model as JSON

`spec.json` of a generated package, and what `mdkgen ir FOLDER` prints: the checked model of a spec folder, for programs
that make something else of it. The whole is one `Spec`, with `format` ({FORMAT}) before its fields; `format` grows when a
reader would notice a change of the form. New fields and kinds may come without that: ignore what you do not know.

An object has its class as `kind`, then the fields below in this order. Where a class has a field `kind` of its own, that
stands in its place: a named type is `{{"kind": "record", "name": "Node"}}`, a trigger `{{"kind": "recv", ...}}`, a step
of a scenario `{{"kind": "pass", ...}}`.
`tuple[T, ...]` is an array of T, `tuple[A, B]` an array of two, `X | None` may be null. Types in capitals are objects.
Every name is resolved, every expression typed; durations are seconds, sizes bytes. The same spec makes the same bytes.
"""
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            yield f"\n## {node.name}\n\n{ast.get_docstring(node)}\n\n| field | type | |\n|---|---|---|\n"
            yield from _rows(node)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            shown = ast.unparse(node.value).replace(" | ", ", ")
            yield f"\n## {node.targets[0].id}\n\nOne of: {shown}.\n"


def _rows(node: ast.ClassDef) -> Iterator[str]:
    for statement, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            said = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            type_ = ast.unparse(statement.annotation).replace("|", "\\|")
            yield f"| `{statement.target.id}` | `{type_}` | {' '.join(str(said).split())} |\n"


def _text(value: Any, margin: str = "\n") -> str:
    """A value of the model as `json.dumps` with an indent of one would write it, several times as fast."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, tuple):
        items = [_text(one, f"{margin} ") for one in value]  # pyright: ignore[reportUnknownVariableType]  # of anything
        return _grouped("[", items, "]", margin)
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]  # one of the model's
    names = _names(kind)
    fields = [f'"{name}": {_text(getattr(value, name), f"{margin} ")}' for name in names]
    return _grouped("{", fields if names[:1] == ("kind",) else [f'"kind": "{kind.__name__}"', *fields], "}", margin)


_NAMES: dict[type[Any], tuple[str, ...]] = {}


def _names(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a class, one called `kind` first."""
    if kind not in _NAMES:
        names = [one.name for one in dataclasses.fields(kind)]
        _NAMES[kind] = tuple(sorted(names, key=lambda name: name != "kind"))
    return _NAMES[kind]


def _grouped(opening: str, items: list[str], closing: str, margin: str) -> str:
    return f"{opening}{margin} {f',{margin} '.join(items)}{margin}{closing}" if items else opening + closing
