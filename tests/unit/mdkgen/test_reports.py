"""mdkgen.reports: one list of findings in the forms that people, scripts, code scanners and GitHub read."""

from __future__ import annotations

import json

from sarif_pydantic import Sarif  # type: ignore[import-untyped]  # it has types, but no py.typed

from mdkgen.diagnostics import Diagnostic
from mdkgen.model import Span
from mdkgen.reports import report

SPAN = Span("a.mdkspec", 2, 3, 2, 7)
FOUND = [
    Diagnostic("MDK2002", "error", "unknown type 'strnig': 100%", SPAN, "string", "did you mean string?"),
    Diagnostic("MDK5004", "warning", "nothing uses, the type X", SPAN),
    Diagnostic("MDK5304", "note", "nobody reads it", SPAN, notes=("why",)),
]
TEXTS = {"a.mdkspec": "one\n  strnig x\n"}


def test_text_has_carets() -> None:
    """File, line, column, code; the source line; what was expected."""
    assert report("text", FOUND[:1], TEXTS, "spec") == (
        "spec/a.mdkspec:2:3: error[MDK2002]: unknown type 'strnig': 100%\n"
        "2 |   strnig x\n  |   ^^^^\n  expected: string\n  hint: did you mean string?\n"
    )


def test_json_has_every_field() -> None:
    """A list of objects, with names that stay."""
    first, *_ = json.loads(report("json", FOUND, TEXTS, "spec"))
    assert first == {
        "code": "MDK2002",
        "severity": "error",
        "file": "spec/a.mdkspec",
        "line": 2,
        "column": 3,
        "message": "unknown type 'strnig': 100%",
        "expected": "string",
        "hint": "did you mean string?",
        "notes": [],
        "trace": [],
    }


def test_sarif_is_what_its_model_reads() -> None:
    """SARIF 2.1.0: each result points at its rule and its place; severities are levels."""
    log = Sarif.model_validate_json(report("sarif", FOUND, TEXTS, "spec"))
    (run,) = log.runs
    assert [one.id for one in run.tool.driver.rules or []] == ["MDK2002", "MDK5004", "MDK5304"]
    plain = json.loads(report("sarif", FOUND, TEXTS, "spec"))
    assert plain["version"] == "2.1.0"
    results = plain["runs"][0]["results"]
    assert [(one["ruleId"], one["ruleIndex"], one["level"]) for one in results] == [
        ("MDK2002", 0, "error"),
        ("MDK5004", 1, "warning"),
        ("MDK5304", 2, "note"),
    ]
    place = results[0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "spec/a.mdkspec"}
    assert place["region"] == {"startLine": 2, "startColumn": 3, "endLine": 2, "endColumn": 7}


def test_nothing_found_is_a_whole_document_too() -> None:
    """A scanner wants a log also of a clean run."""
    log = Sarif.model_validate_json(report("sarif", [], {}, "spec"))
    assert log.runs[0].results == []
    assert json.loads(report("json", [], {}, "spec")) == []
    assert report("github", [], {}, "spec") == ""


def test_github_annotations_are_escaped() -> None:
    """A percent sign, a line end or, in a field, a comma would end the command early."""
    rows = report("github", FOUND, TEXTS, "a,b").splitlines()
    assert rows == [
        "::error file=a%2Cb/a.mdkspec,line=2,col=3,endLine=2,title=MDK2002::"
        "unknown type 'strnig': 100%25%0Aexpected: string%0Ahint: did you mean string?",
        "::warning file=a%2Cb/a.mdkspec,line=2,col=3,endLine=2,title=MDK5004::nothing uses, the type X",
        "::notice file=a%2Cb/a.mdkspec,line=2,col=3,endLine=2,title=MDK5304::nobody reads it%0Awhy",
    ]


def test_sarif_names_files_by_references() -> None:
    """Blanks and letters beyond ASCII are escaped; what stands absolute is a file."""

    def uri(folder: str) -> str:
        (run,) = json.loads(report("sarif", FOUND[:1], TEXTS, folder))["runs"]
        return str(run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])

    assert uri("my sp\u00e9c") == "my%20sp%C3%A9c/a.mdkspec"
    assert uri("/my spec") == "file:///my%20spec/a.mdkspec"
