"""What is exported for other tools: valid by the published meta-schemas, and true of what the vectors say of the wire."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from conformance.specs import ROOT, SPECS, spec_of
from mdkgen.cli import main
from mdkgen.documents import asyncapi, diagrams, schema
from mdkgen.vectors.render import render

META = ROOT / "node_modules/@asyncapi/specs/schemas/3.1.0.json"
NO_JSON = ("NaN", "Infinity")
"""What Python's writer makes of numbers that JSON does not have."""


def _schemas(package: str) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in schema.render(spec_of(package)).items()}


@pytest.mark.parametrize("package", SPECS)
def test_json_schemas_are_valid(package: str) -> None:
    """By the meta-schema of draft 2020-12, which they name."""
    for one in _schemas(package).values():
        assert one["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
        jsonschema.Draft202012Validator.check_schema(one)


@pytest.mark.parametrize("package", SPECS)
def test_json_schemas_agree_with_the_vectors(package: str) -> None:
    """What every implementation reads fits the one, what it writes fits the other, what it must refuse fits neither."""
    schemas = _schemas(package)
    reading, writing = (jsonschema.Draft202012Validator(schemas[f"{kind}.schema.json"]) for kind in ("receive", "send"))
    vectors = json.loads(render(spec_of(package))["vectors.json"])
    good = [one for one in vectors["good"] if _is_json(one["frame"])]
    assert len(good) > 20
    assert [one["name"] for one in good if not reading.is_valid(json.loads(one["frame"]))] == []
    assert [one["name"] for one in good if not writing.is_valid(one["value"])] == []
    bad = [one for one in vectors["bad"] if isinstance(one["frame"], str) and _is_json(one["frame"])]
    assert len(bad) > 20
    assert [one["name"] for one in bad if reading.is_valid(json.loads(one["frame"]))] == []


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
        return not any(word in text for word in NO_JSON)
    except ValueError:
        return False


@pytest.mark.parametrize("package", SPECS)
def test_asyncapi_documents_are_valid(package: str) -> None:
    """By the schema that the AsyncAPI initiative publishes; one document for each role."""
    if not META.is_file():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("@asyncapi/specs is missing; run: make javascript")
    validator = jsonschema.Draft7Validator(json.loads(META.read_text(encoding="utf-8")))
    files = asyncapi.render(spec_of(package))
    assert len(files) == 2
    for text in files.values():
        document = json.loads(text)
        assert [f"{list(one.path)}: {one.message[:200]}" for one in validator.iter_errors(document)] == []
        for reference in _references(document):
            assert _at(document, reference) is not None, reference
    broken = json.loads(next(iter(files.values())))
    next(iter(broken["operations"].values()))["action"] = "shout"
    assert not validator.is_valid(broken)


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [one for value in node.values() for one in _references(value)]
    return [one for value in node for one in _references(value)] if isinstance(node, list) else []


def _at(document: Any, reference: str) -> Any:
    assert reference.startswith("#/")
    for key in reference[2:].split("/"):
        document = document.get(key)
    return document


def test_roles_are_each_others_mirror() -> None:
    """What one side sends, the other takes; a question names its answer."""
    client, server = (json.loads(text) for text in asyncapi.render(spec_of("mdk_protocol")).values())
    sides = [set(side["operations"]) for side in (client, server)]
    turned = {f"{'receive' if one.startswith('send.') else 'send'}.{one.split('.')[1]}" for one in sides[0]}
    assert sides[1] - turned == set()
    reply = client["operations"]["send.Question"]["reply"]["messages"]
    assert reply == [{"$ref": "#/channels/Session/messages/receive.Answer"}]
    assert client["x-mdkspec-machines"]["Session"]["states"]["Up"]["transitions"][0] == {
        "on": "enter",
        "do": ["send own_open()"],
    }


@pytest.mark.parametrize("package", SPECS)
def test_every_machine_is_a_graph(package: str) -> None:
    """As Mermaid and as dot; braces and quotes are closed."""
    spec = spec_of(package)
    machines = sum(len(part.machines) for one in spec.protocols for part in one.parts)
    graphs = diagrams.graphs(spec)
    assert len(graphs) == machines
    for text in graphs.values():
        assert text.count("{") >= 1
        assert text.rstrip().endswith("}")
        assert all(line.replace('\\"', "").count('"') % 2 == 0 for line in text.splitlines())
    assert len(diagrams.mermaid(spec)) == machines + len(spec.scenarios)


@pytest.mark.parametrize("form", ["asyncapi", "jsonschema", "mermaid", "dot"])
def test_export_writes_the_same_again(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And `--check` says what is no longer so."""
    chat = str(ROOT / "examples/chat/spec")
    assert main(["export", form, chat, str(tmp_path)]) == 0
    assert main(["export", form, chat, str(tmp_path), "--check"]) == 0
    first = min(tmp_path.iterdir())
    first.write_text("old")
    capsys.readouterr()
    assert main(["export", form, chat, str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().out == f"{first}: differs\n"
