"""A model survives its JSON: what `breaking` and plugins read is what the checker made."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mdkgen.compiler import compile_texts, read_folder
from mdkgen.ir import to_json
from mdkgen.load import LoadError, load
from mdkgen.model import Spec
from mdkgen.rules import all_rules, texts_of

ROOT = Path(__file__).parents[2]
FOLDERS = ["spec", "examples/chat/spec", "examples/jobs/spec"]


def _spec(texts: dict[str, str]) -> Spec:
    spec = compile_texts(texts, verifying=False).spec
    assert spec is not None
    return spec


@pytest.mark.parametrize("folder", FOLDERS)
def test_our_models_are_read_back(folder: str) -> None:
    """Equal, with every span, default and guard."""
    spec = _spec(read_folder(ROOT / folder))
    assert load(to_json(spec)) == spec


@pytest.mark.parametrize("code", [code for code in all_rules() if code > "MDK4"])
def test_the_models_of_examples_are_read_back(code: str) -> None:
    """Constructs that our specs do not use."""
    spec = _spec(texts_of(all_rules()[code].good))
    assert load(to_json(spec)) == spec


RICH = _spec(read_folder(ROOT / "spec"))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_an_edited_model_is_read_as_edited_or_refused(data: st.DataObject) -> None:
    """A value taken out or replaced anywhere: the answer is a model or a LoadError."""
    plain = json.loads(to_json(RICH))
    at = plain
    for _ in range(data.draw(st.integers(1, 8))):
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        assume(keys)
        key = data.draw(st.sampled_from(keys))
        if not isinstance(at[key], dict | list) or data.draw(st.booleans()):
            break
        at = at[key]
        assume(at)
    else:
        key = next(iter(at if isinstance(at, dict) else range(len(at))))
    if data.draw(st.booleans()) and isinstance(at, dict):
        del at[key]
    else:
        at[key] = data.draw(st.sampled_from([None, 1, "x", [], {}, True]))
    with suppress(LoadError):
        assert isinstance(load(json.dumps(plain)), Spec)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', "nonsense"])
def test_what_is_no_model_is_refused(text: str) -> None:
    """Also a format that is newer than this compiler."""
    with pytest.raises(LoadError):
        load(text)


def test_fields_of_other_compilers() -> None:
    """What a newer one wrote is left out; what an older one did not know is empty."""
    spec = _spec(read_folder(ROOT / "examples/jobs/spec"))
    plain = json.loads(to_json(spec))
    plain["of_tomorrow"] = {"kind": "New"}
    for protocol in plain["protocols"]:
        for part in protocol["parts"]:
            for machine in part["machines"]:
                for state in machine["states"]:
                    del state["hot"]
    assert load(json.dumps(plain)) == spec
