"""mdkgen.highlight: the colours follow the grammar."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Error, Keyword, Name

from mdkgen.highlight import MdkspecLexer, keywords, textmate
from mdkgen.parser import keywords as words_of_the_parser

ROOT = Path(__file__).parents[3]
SPECS = sorted([*ROOT.glob("spec/*.mdkspec"), *ROOT.glob("examples/*/spec/*.mdkspec")])


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_pygments_reads_every_spec(path: Path) -> None:
    """Nothing is left over, nothing is lost."""
    text = path.read_text(encoding="utf-8")
    found = list(MdkspecLexer(stripnl=False, ensurenl=False).get_tokens(text))
    assert [value for kind, value in found if kind is Error] == []
    assert "".join(value for _, value in found) == text


def test_the_keywords_are_the_parser_s() -> None:
    """Though they are read without it."""
    assert sorted(keywords()) == words_of_the_parser()


def test_pygments_needs_nothing_else_of_ours() -> None:
    """Whoever has Pygments and MDK, and not what mdkgen needs, can still look for a lexer: Pygments loads all it finds."""
    code = (
        "import sys; sys.modules.update(lark=None, jinja2=None)\n"
        "from pygments.lexers import get_all_lexers, guess_lexer_for_filename\n"
        "assert any('mdkspec' in one[1] for one in get_all_lexers())\n"
        "assert guess_lexer_for_filename('a.mdkspec', 'mdkspec 1').name == 'mdkspec'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=150)


def test_every_keyword_of_the_grammar_is_one() -> None:
    """In both: nobody copies a list."""
    lexer = MdkspecLexer()
    grammar = json.loads(textmate())
    matches = [one["match"] for one in grammar["patterns"] if "match" in one]
    for word in keywords():
        kinds = [kind for kind, value in lexer.get_tokens(word) if value == word]
        assert all(str(kind).startswith(str(Keyword)) for kind in kinds), word
        assert any(re.search(match, word) for match in matches if word in match), word
    assert next(iter(lexer.get_tokens("author")))[0] is Name


def test_pygments_finds_it_by_name_and_by_file() -> None:
    """The entry point of the installed package."""
    assert get_lexer_by_name("mdkspec").name == "mdkspec"
    assert get_lexer_for_filename("session.mdkspec").name == "mdkspec"


def test_the_extension_names_files_that_are_there() -> None:
    """Its manifest is JSON, and what it points at exists; the grammar is the generated one."""
    folder = ROOT / "editors/vscode"
    manifest = json.loads((folder / "package.json").read_text())
    contributes = manifest["contributes"]
    for name in (manifest["main"], contributes["languages"][0]["configuration"], contributes["grammars"][0]["path"]):
        assert (folder / name).is_file()
    assert (folder / "mdkspec.tmLanguage.json").read_text() == textmate()
    assert contributes["grammars"][0]["scopeName"] == json.loads(textmate())["scopeName"]


def test_an_arrow_is_no_bracket() -> None:
    """An editor that pairs `<` with `>` marks the `>` of every `->` as one that closes nothing."""
    configuration = json.loads((ROOT / "editors/vscode/language-configuration.json").read_text())
    assert ["{", "}"] in configuration["brackets"]
    assert not any(mark in "->" for pair in configuration["brackets"] for mark in pair)
