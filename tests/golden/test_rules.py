"""Every rule is what its declaration says: the wrong example gets just its code, the right one none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

import mdkgen.explore
from mdkgen.breaking import compare
from mdkgen.cli import main
from mdkgen.compiler import compile_texts, lint_texts
from mdkgen.explain import page
from mdkgen.lint import Config
from mdkgen.rules import Rule, all_rules, texts_of
from mdkgen.verify import verification

ROOT = Path(__file__).parents[2]
UNUSED = frozenset(("MDK5003", "MDK5004", "MDK5005"))
"""An example without a protocol uses nothing of what it declares."""
ROOM_FOR_CONFIGURATIONS = 10


def _codes(rule: Rule, example: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    texts: Mapping[str, str] = texts_of(example)
    if rule.code == "MDK4002":
        monkeypatch.setattr(mdkgen.explore, "CONFIGURATIONS_MAX", ROOM_FOR_CONFIGURATIONS)
    if rule.code == "MDK4011":
        spec = compile_texts(texts).spec
        assert spec is not None
        return {one.code for one in verification(spec).diagnostics}
    if rule.code.startswith("MDK6"):
        old, new = (compile_texts(texts_of(one)).spec for one in (rule.before, example))
        assert old is not None
        assert new is not None
        return {
            one.diagnostic.code
            for one in compare(old, new).of(["docs" if rule.category == "notice" else rule.category])
        }
    if not rule.code.startswith("MDK5"):
        return {one.code for one in compile_texts(texts).diagnostics}
    alone = "protocol" not in "".join(texts.values())
    disabled = UNUSED - {rule.code} if alone else frozenset[str]()
    config = Config(frozenset(("minimal", "standard")), frozenset((rule.code,)), disabled)
    return {one.code for one in lint_texts(texts, config).diagnostics}


RULES = list(all_rules().values())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_wrong_example_gets_just_this_code(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page calls wrong is found, and nothing else is wrong with it."""
    assert _codes(rule, rule.bad, monkeypatch) == {rule.code}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_right_example_gets_none(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also not of the lint rules that hold unless they are disabled."""
    assert _codes(rule, rule.good, monkeypatch) == set()


def test_every_code_that_the_compiler_names_is_a_rule() -> None:
    """No finding without a page, and no page of what cannot be found."""
    sources = [path for path in (ROOT / "mdkgen").rglob("*.py") if "rules" not in path.parts]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    assert {code for code in all_rules() if f'"{code}"' not in text} == set()
    assert set(re.findall(r'"(MDK\d{4})"', text)) - set(all_rules()) == set()


def test_explain_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """However the code is written."""
    assert main(["explain", "mdk2001"]) == 0
    text = capsys.readouterr().out
    assert text == page(all_rules()["MDK2001"])
    assert text.startswith("# MDK2001: two things have one name\n\n*error*\n")
    assert "Wrong:\n\n```mdkspec\nrecord Node { service: string  service: int }\n```" in text


def test_explain_of_an_unknown_code_says_which_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2."""
    assert main(["explain", "MDK2999"]) == 2
    assert capsys.readouterr().err.startswith("mdkgen: no rule has the code 'MDK2999'; did you mean MDK2")


def test_the_page_of_all_codes_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/errors.md is what `mdkgen explain --all` prints."""
    assert main(["explain", "--all"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs/errors.md").read_text(encoding="utf-8")
