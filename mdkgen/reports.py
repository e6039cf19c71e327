"""Findings for people and for programs: text with carets, JSON, SARIF 2.1.0, annotations of GitHub."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from mdkgen.diagnostics import Diagnostic, TraceStep, render
from mdkgen.rules import Rule, all_rules
from mdkgen.traces import as_text

FORMATS = ("text", "json", "sarif", "github")
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_GITHUB = {"error": "error", "warning": "warning", "note": "notice"}


def report(output: str, found: Sequence[Diagnostic], texts: Mapping[str, str], folder: str) -> str:
    """All findings in one of `FORMATS`; files are named relative to where the command runs."""
    match output:
        case "json":
            return json.dumps([_plain(one, folder) for one in found], indent=1) + "\n"
        case "sarif":
            return json.dumps(_sarif(found, folder), indent=1) + "\n"
        case "github":
            return "".join(_annotation(one, folder) + "\n" for one in found)
        case _:
            return "".join(_text(one, texts, folder) for one in found)


def _text(one: Diagnostic, texts: Mapping[str, str], folder: str) -> str:
    text = f"{_path(folder, one)}{render(one, texts.get(one.span.file, ''))}\n"
    if one.trace:
        text += "  a shortest way there:\n" + "".join(f"  {row}\n" for row in as_text(one.trace, texts, folder))
    return text


def _path(folder: str, one: Diagnostic) -> str:
    return f"{folder}/" if folder and one.span.file else ""


def _file(folder: str, one: Diagnostic) -> str:
    return _path(folder, one) + one.span.file


def _plain(one: Diagnostic, folder: str) -> dict[str, object]:
    return {
        "code": one.code,
        "severity": one.severity,
        "file": _file(folder, one),
        "line": one.span.line,
        "column": one.span.column,
        "message": one.message,
        "expected": one.expected,
        "hint": one.hint,
        "notes": list(one.notes),
        "trace": [_plain_step(step, folder) for step in one.trace],
    }


def _plain_step(step: TraceStep, folder: str) -> dict[str, object]:
    place = None if step.span is None else f"{folder}/{step.span.file}:{step.span.line}"
    return {"text": step.text, "kind": step.kind, "role": step.role, "name": step.name, "place": place}


def _whole(one: Diagnostic) -> str:
    """Everything that a finding says, as one text."""
    rows = [one.message]
    rows += [f"expected: {one.expected}"] if one.expected else []
    rows += [f"hint: {one.hint}"] if one.hint else []
    rows += ["a shortest way there: " + "; ".join(step.text for step in one.trace)] if one.trace else []
    return "\n".join([*rows, *one.notes])


# --- GitHub ---------------------------------------------------------------------------------------


def _annotation(one: Diagnostic, folder: str) -> str:
    fields = {
        "file": _file(folder, one),
        "line": one.span.line,
        "col": one.span.column,
        "endLine": one.span.end_line,
        "title": one.code,
    }
    shown = ",".join(f"{key}={_escaped(str(value), in_field=True)}" for key, value in fields.items())
    return f"::{_GITHUB[one.severity]} {shown}::{_escaped(_whole(one), in_field=False)}"


def _escaped(text: str, *, in_field: bool) -> str:
    for character in "%\r\n" + (":," if in_field else ""):
        text = text.replace(character, f"%{ord(character):02X}")
    return text


# --- SARIF ----------------------------------------------------------------------------------------


def _sarif(found: Sequence[Diagnostic], folder: str) -> dict[str, Any]:
    codes = sorted({one.code for one in found})
    driver = {"name": "mdkgen", "rules": [_sarif_rule(all_rules()[code]) for code in codes]}
    results = [_sarif_result(one, codes.index(one.code), folder) for one in found]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"category": rule.category},
    }


def _sarif_result(one: Diagnostic, index: int, folder: str) -> dict[str, Any]:
    region = {
        "startLine": one.span.line,
        "startColumn": one.span.column,
        "endLine": one.span.end_line,
        "endColumn": one.span.end_column,
    }
    place = {"artifactLocation": {"uri": _uri(_file(folder, one))}, "region": region}
    result: dict[str, Any] = {
        "ruleId": one.code,
        "ruleIndex": index,
        "level": one.severity,
        "message": {"text": _whole(one)},
        "locations": [{"physicalLocation": place}],
    }
    if one.trace:
        flow = [{"location": _step_location(step, place, folder)} for step in one.trace]
        result["codeFlows"] = [{"threadFlows": [{"locations": flow}]}]
    return result


def _step_location(step: TraceStep, place: dict[str, Any], folder: str) -> dict[str, Any]:
    """Where a step's transition stands; steps of the link have the finding's own file."""
    physical: dict[str, Any] = {"artifactLocation": place["artifactLocation"]}
    if step.span is not None:
        uri = f"{folder}/{step.span.file}" if folder else step.span.file
        physical = {"artifactLocation": {"uri": _uri(uri)}, "region": {"startLine": step.span.line}}
    return {"message": {"text": step.text}, "physicalLocation": physical}


def _uri(path: str) -> str:
    """A reference of RFC 3986: relative to where the command runs, or to the root of all files."""
    quoted = quote(path.replace("\\", "/"))
    return f"file://{quoted}" if quoted.startswith("/") else quoted
