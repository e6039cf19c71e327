"""mdkgen.cli: commands, exit statuses, and that no traceback reaches a user."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mdkgen.commands.checking
from mdkgen.cli import main

ROOT = Path(__file__).parents[3]
CHAT = str(ROOT / "examples/chat/spec")
PYTHON = ("--emit", "python")
"""Whatever this repository's pyproject.toml says."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A spec folder with two errors in one file."""
    folder = tmp_path / "spec"
    shutil.copytree(CHAT, folder)
    file = folder / "chat.mdkspec"
    file.write_text(file.read_text().replace("text: string\n", "text: strnig\n").replace("goto Inside", "goto Outside"))
    return folder


def test_check_says_that_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, and one line."""
    assert main(["check", CHAT]) == 0
    assert capsys.readouterr().out == f"{CHAT}: 1 file, no errors\n"


def test_check_reports_every_error_with_its_place(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1; path:line:column, code, the source with carets, a hint; all errors in one run."""
    assert main(["check", str(broken)]) == 1
    text = capsys.readouterr().err
    assert f"{broken}/chat.mdkspec:21:9: error[MDK2002]: unknown type 'strnig'\n" in text
    assert "unknown field of Post" not in text, "what is wrong with the field is said where it is declared"
    assert "21 |   text: strnig\n   |         ^^^^^^\n  expected: a declared type\n  hint: did you mean string?" in text
    assert text.count("error[MDK3003]: there is no state Outside") == 2


def test_check_as_json(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same for programs."""
    assert main(["check", "--json", str(broken)]) == 1
    first = json.loads(capsys.readouterr().out)[0]
    assert (first["code"], first["line"], first["hint"]) == ("MDK2002", 21, "did you mean string?")


def test_generate_writes_then_has_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second run changes nothing, from memory; a run without memory neither."""
    out = tmp_path / "out"
    assert main(["generate", *PYTHON, CHAT, str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 10 files, 10 changed\n"
    assert main(["generate", *PYTHON, CHAT, str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 10 files, 0 changed\n"
    shutil.rmtree(tmp_path / "cache")
    assert main(["generate", *PYTHON, CHAT, str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 10 files, 0 changed\n"


def test_what_was_checked_and_is_sound_is_not_checked_again(tmp_path: Path) -> None:
    """The very texts: another one is checked, and one with a warning says so each time."""
    spec = tmp_path / "spec"
    shutil.copytree(CHAT, spec)
    file = spec / "chat.mdkspec"
    program = "import sys; from mdkgen.cli import main; print(main(sys.argv[1:]), 'mdkgen.model' in sys.modules)"

    def checked(*more: str) -> tuple[str, str]:
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
        command = [sys.executable, "-c", program, "check", str(spec), *more]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        return done.stdout.replace(f"{spec}: 1 file, no errors\n", "sound "), done.stderr

    assert checked() == ("sound 0 True\n", "")
    assert checked() == ("sound 0 False\n", "")
    assert checked("--json")[0].startswith("[]\n0 ")
    text = file.read_text()
    file.write_text(text.replace("recv Bye -> hangup", "recv Bye -> hangup  after 9s -> hangup  after 8s -> hangup"))
    for _ in range(2):
        said, warning = checked()
        assert (said, "warning[MDK4010]" in warning) == ("sound 0 True\n", True)
    file.write_text(text.replace("recv Bye -> hangup", "recv Bye -> hangu"))
    for _ in range(2):
        said, error = checked()
        assert (said, "error[MDK1001]" in error) == ("1 True\n", True)
    file.write_text(text)
    assert checked() == ("sound 0 False\n", "")


def test_what_somebody_has_edited_is_named_when_it_is_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Known by what was written there; what another revision of the spec makes is nobody's edit."""
    spec, out = tmp_path / "spec", tmp_path / "out"
    shutil.copytree(CHAT, spec)
    file = spec / "chat.mdkspec"
    first, second = file.read_text(), file.read_text().replace("/// What a member says.", "/// What it says.")
    messages = out / "chat_protocol/messages.py"

    def generated(text: str) -> str:
        file.write_text(text)
        assert main(["generate", str(spec), str(out)]) == 0
        return capsys.readouterr().err

    assert generated(first) == ""
    old = messages.read_bytes()
    assert generated(second) == ""
    new = messages.read_bytes()
    messages.write_bytes(old)  # as a checkout does
    assert generated(second) == ""
    messages.write_bytes(old + b"# mine\n")
    assert generated(second) == f"mdkgen: {messages}: was changed since it was generated; it is overwritten\n"
    assert messages.read_bytes() == new
    messages.unlink()
    assert generated(first) == ""
    shutil.rmtree(tmp_path / "cache")
    messages.write_bytes(old + b"# mine\n")
    assert generated(second) == ""  # nothing is known


def test_generate_repairs_what_was_edited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Memory does not hide an edited, a missing or a stale file."""
    out = tmp_path / "out"
    main(["generate", *PYTHON, CHAT, str(out)])
    (out / "chat_protocol/codec.py").write_text("broken")
    (out / "chat_protocol/room.py").unlink()
    (out / "chat_protocol/old.py").write_text("# Generated by mdkgen from an older specification\n")
    capsys.readouterr()
    assert main(["generate", *PYTHON, CHAT, str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 10 files, 3 changed\n"
    assert main(["generate", *PYTHON, "--check", CHAT, str(out)]) == 0


def test_check_mode_fails_on_any_difference_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Edited, missing and extra files, each with a diff; --diff prints the same and exits with 0."""
    out = tmp_path / "out"
    main(["generate", *PYTHON, CHAT, str(out)])
    (out / "chat_protocol/py.typed").write_text("edited\n")
    (out / "chat_protocol/room.py").unlink()
    (out / "chat_protocol/mine.py").write_text("mine = 1\n")
    capsys.readouterr()
    assert main(["generate", *PYTHON, "--check", CHAT, str(out)]) == 1
    text = capsys.readouterr().out
    assert f"{out}/chat_protocol/mine.py: extra\n" in text
    assert f"{out}/chat_protocol/py.typed: changed\n" in text
    assert "-edited\n" in text
    assert f"{out}/chat_protocol/room.py: missing\n" in text
    assert text.endswith(f"mdkgen: 3 files differ; run: mdkgen generate {CHAT} {out}\n")
    assert main(["generate", *PYTHON, "--diff", CHAT, str(out)]) == 0
    assert not (out / "chat_protocol/room.py").exists()


def test_a_strangers_file_in_the_way_is_reported_and_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1; nothing of somebody's work is lost."""
    out = tmp_path / "out"
    (out / "chat_protocol").mkdir(parents=True)
    (out / "chat_protocol/mine.py").write_text("mine = 1\n")
    assert main(["generate", *PYTHON, CHAT, str(out)]) == 1
    error = capsys.readouterr().err
    assert error == f"mdkgen: {out}/chat_protocol/mine.py: not made by mdkgen, left alone; move it elsewhere\n"
    assert (out / "chat_protocol/mine.py").read_text() == "mine = 1\n"


def test_the_first_generation_into_a_folder_overwrites_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing says that it was generated, a file that is there is somebody's work."""
    mine = tmp_path / "out/chat_protocol/messages.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("precious\n")
    assert main(["generate", *PYTHON, CHAT, str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == f"mdkgen: {mine}: not made by mdkgen, left alone; move it elsewhere\n"
    assert mine.read_text() == "precious\n"
    mine.unlink()
    assert main(["generate", *PYTHON, CHAT, str(tmp_path / "out")]) == 0
    mine.write_text("edited\n")
    assert main(["generate", *PYTHON, CHAT, str(tmp_path / "out")]) == 0
    assert mine.read_text() != "edited\n"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["docs"], "protocol.md"),
        (["docs"], "protocol.html"),
        (["docs", "--pieces"], "protocol.css"),
        (["docs", "--pieces"], "protocol.js"),
        (["export", "asyncapi"], "room.asyncapi.json"),
        (["export", "jsonschema"], "send.schema.json"),
        (["export", "mermaid"], "Chat.room.mmd"),
        (["export", "dot"], "Chat.room.dot"),
    ],
)
def test_documents_take_the_place_of_older_ones_and_of_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], name: str
) -> None:
    """A file of the same name that says nothing of mdkgen stays; what mdkgen wrote is written anew."""
    run = [command[0], *command[1:], CHAT, str(tmp_path)]
    assert main(run) == 0
    file, mine = tmp_path / name, "mine\n"
    made = file.read_text()
    file.write_text(f"{made}older\n")
    assert main(run) == 0
    assert file.read_text() == made
    file.write_text(mine)
    capsys.readouterr()
    assert main(run) == 1
    assert capsys.readouterr().err == f"mdkgen: {file}: not made by mdkgen, left alone; move it elsewhere\n"
    assert file.read_text() == mine


def test_a_file_that_stands_where_a_folder_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that names it, in every mode; nothing is written."""
    out = tmp_path / "out"
    out.write_text("mine")
    for mode in ([], ["--check"], ["--diff"]):
        assert main(["generate", *mode, CHAT, str(out)]) == 2
        assert capsys.readouterr().err == f"mdkgen: {out}: Not a directory\n"
    assert out.read_text() == "mine"
    folder = tmp_path / "other"
    (folder / "chat_protocol/room.py").mkdir(parents=True)
    assert main(["generate", CHAT, str(folder)]) == 2
    assert capsys.readouterr().err == f"mdkgen: {folder}/chat_protocol/room.py: Is a directory\n"


def test_a_check_of_an_empty_place_shows_every_file_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Missing files are a difference too, each with all its lines; the folder is not made."""
    assert main(["generate", "--check", CHAT, str(tmp_path / "none")]) == 1
    text = capsys.readouterr().out
    assert f"mdkgen: {text.count(': missing')} files differ; run: " in text
    assert "+class Join(" in text
    assert not (tmp_path / "none").exists()


def test_an_interrupted_run_says_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C: the shell's exit status for it, and no traceback."""
    monkeypatch.setattr(mdkgen.commands.checking, "read_folder", interrupt)
    assert main(["check", CHAT]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_bug_of_ours_is_called_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 70 and one line: whose fault it is, and what to report."""
    monkeypatch.setattr(mdkgen.commands.checking, "read_folder", stumble)
    assert main(["check", CHAT]) == 70
    assert capsys.readouterr().err == "mdkgen: this is a bug of mdkgen, not of your spec: ValueError: odd\n"


def test_another_missing_module_is_not_taken_for_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the compiler's own two are named with the command that installs them."""
    monkeypatch.setattr(mdkgen.commands.checking, "read_folder", lose_a_module)
    with pytest.raises(ModuleNotFoundError):
        main(["check", CHAT])


def interrupt(_: Path) -> dict[str, str]:
    """As Ctrl-C does."""
    raise KeyboardInterrupt


def stumble(_: Path) -> dict[str, str]:
    """As a bug would."""
    raise ValueError("odd")


def lose_a_module(_: Path) -> dict[str, str]:
    """As an import of something else."""
    raise ModuleNotFoundError("no json", name="json")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_terminal_can_show_it(encoding: str, tmp_path: Path) -> None:
    """What a terminal has no letters for is escaped; a reader that goes away early is no bug."""
    spec = tmp_path / "späc"
    shutil.copytree(CHAT, spec)
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "mdkgen", "check", str(spec)]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=150)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(b": 1 file, no errors\n")
    piped = f"{sys.executable} -m mdkgen ir {spec} | head -1"
    done = subprocess.run(["bash", "-c", piped], capture_output=True, env=environment, timeout=150)
    assert (done.stdout.splitlines()[0], done.stderr) == (b"{", b"")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_byte_order_mark_is_no_part_of_the_text(mark: bytes, tmp_path: Path) -> None:
    """Editors that write one are many."""
    (tmp_path / "a.mdkspec").write_bytes(mark + b"mdkspec 1\r\nnamespace a\r\nversion 1.0\r\n")
    assert main(["check", str(tmp_path)]) == 0


def test_a_spec_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of that name, for example: exit 2 and one line."""
    (tmp_path / "a.mdkspec").mkdir()
    assert main(["check", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"mdkgen: {tmp_path}: {tmp_path}/a.mdkspec cannot be read: Is a directory\n"


def test_nothing_is_generated_from_a_broken_spec(broken: Path, tmp_path: Path) -> None:
    """Exit 1, and the output folder is not even made."""
    assert main(["generate", str(broken), str(tmp_path / "out")]) == 1
    assert not (tmp_path / "out").exists()


def test_the_model_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """What plugins read: the same as the package's spec.json."""
    assert main(["ir", CHAT]) == 0
    assert capsys.readouterr().out == (ROOT / "examples/chat/generated/chat_protocol/spec.json").read_text()


def test_the_form_of_the_model_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/ir.md is what `--describe` prints, and names every kind and field that stands in a real spec.json."""
    assert main(["ir", "--describe"]) == 0
    text = capsys.readouterr().out
    assert text == (ROOT / "docs/ir.md").read_text(encoding="utf-8")
    described = {part.split("\n")[0]: set(re.findall(r"^\| `(\w+)`", part, re.M)) for part in text.split("\n## ")[1:]}
    own_kind = [name for name, fields in described.items() if "kind" in fields]
    assert own_kind == ["Named", "Trigger", "ScenarioStep"]

    def visit(value: Any) -> None:
        for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            visit(one)
        if isinstance(value, dict):
            kinds = [value["kind"]] if value["kind"] in described else own_kind
            assert any(value.keys() - {"kind", "format"} == described[kind] - {"kind"} for kind in kinds), value

    for path in ROOT.glob("**/generated/**/spec.json"):
        visit(json.loads(path.read_text(encoding="utf-8")))


def test_the_model_of_nothing_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and what would be right."""
    assert main(["ir"]) == 2
    assert capsys.readouterr().err == "mdkgen ir: give the folder that holds the .mdkspec files, or --describe\n"


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (None, "no such folder; give the folder that holds the .mdkspec files"),
        ({}, "no .mdkspec file in it"),
        ({"a.mdkspec": b"\xff\xfe"}, "a.mdkspec is not UTF-8: byte 0, invalid start byte"),
    ],
)
def test_a_folder_that_cannot_be_compiled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: dict[str, bytes] | None, problem: str
) -> None:
    """Exit 2, one line that says what would be right."""
    folder = tmp_path / "spec"
    if make is not None:
        folder.mkdir()
        for name, data in make.items():
            (folder / name).write_bytes(data)
    assert main(["check", str(folder)]) == 2
    assert capsys.readouterr().err.startswith(f"mdkgen: {folder}: {problem}")


def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    """As argparse says it."""
    with pytest.raises(SystemExit) as caught:
        main(["genrate", "a", "b"])
    assert caught.value.code == 2
    assert "invalid choice: 'genrate'" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["generate", "--chek", "a", "b"])
    assert caught.value.code == 2
    assert "--chek; `mdkgen generate --help` says what there is" in capsys.readouterr().err
    assert main(["explain"]) == 2
    assert capsys.readouterr().err == "mdkgen explain: give a code, such as MDK4001, or --all\n"


@pytest.mark.parametrize("missing", ["lark", "jinja2"])
def test_without_its_extra_it_says_how_to_get_it(missing: str, tmp_path: Path) -> None:
    """Exit 2 and the command that installs what is missing; no ImportError."""
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        f"from mdkgen.cli import main; sys.exit(main(['generate', {CHAT!r}, {str(tmp_path / 'out')!r}]))"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "empty")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=150)
    assert (done.returncode, done.stderr) == (2, f'mdkgen: {missing} is missing; run: pip install "mdk[gen]"\n')


def test_format_writes_then_has_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file is laid out anew; a second run changes nothing."""
    file = tmp_path / "a.mdkspec"
    file.write_text("mdkspec 1 namespace a version 1.0 record  A{n:int}")
    assert main(["format", "--check", str(tmp_path)]) == 1
    text = capsys.readouterr().out
    assert "+record A { n: int }" in text
    assert text.endswith("1 file, 1 would change\n")
    assert main(["format", str(file)]) == 0
    assert file.read_text() == "mdkspec 1\nnamespace a\nversion 1.0\n\nrecord A { n: int }\n"
    assert main(["format", "--check", str(tmp_path)]) == 0


def test_format_keeps_the_line_ends_of_a_file(tmp_path: Path) -> None:
    """Of Windows or of others; a byte order mark goes."""
    file = tmp_path / "a.mdkspec"
    file.write_bytes(b"\xef\xbb\xbfmdkspec 1\r\nnamespace a\r\nversion 1.0\r\nrecord  R { }\r\n")
    assert main(["format", str(file)]) == 0
    assert file.read_bytes() == b"mdkspec 1\r\nnamespace a\r\nversion 1.0\r\n\r\nrecord R { }\r\n"
    assert main(["format", "--check", str(file)]) == 0


def test_format_names_a_file_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As every command does: no bug of mdkgen."""
    (tmp_path / "a.mdkspec").write_bytes(b"mdkspec \xff")
    assert main(["format", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"mdkgen: {tmp_path}: a.mdkspec is not UTF-8: byte 8, invalid start byte\n"


def test_a_file_where_a_spec_folder_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder to give is named."""
    (tmp_path / "a.mdkspec").write_text("mdkspec 1\n")
    assert main(["check", str(tmp_path / "a.mdkspec")]) == 2
    assert capsys.readouterr().err == (
        f"mdkgen: {tmp_path}/a.mdkspec: a file; give the folder that holds it: {tmp_path}\n"
    )


def test_a_file_of_nothing_but_errors_is_given_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a hundred, in a moment, also if it is one line."""
    (tmp_path / "a.mdkspec").write_text("mdkspec 1\nnamespace a\nversion 1.0\n" + "}{ " * 20_000)
    assert main(["check", str(tmp_path)]) == 1
    heads = [line for line in capsys.readouterr().err.splitlines() if line.startswith(str(tmp_path))]
    assert len(heads) == 101
    assert heads[-1].endswith(" error[MDK1001]: 100 syntax errors; from here on nothing is read")


def test_no_standard_output_is_no_bug() -> None:
    """As in `mdkgen check spec >&-`: the status says it."""
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m mdkgen check {CHAT} >&-"], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_format_leaves_what_does_not_parse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1 with the syntax error, and the file stays as it is."""
    file = tmp_path / "a.mdkspec"
    file.write_text("mdkspec 1 namespace a version 1.0 record  A{n;int}")
    assert main(["format", str(tmp_path)]) == 1
    assert "error[MDK1001]: unexpected ';'" in capsys.readouterr().err
    assert file.read_text() == "mdkspec 1 namespace a version 1.0 record  A{n;int}"


def test_check_for_github(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The annotations go to standard output, where the runner reads them."""
    assert main(["check", "--output", "github", str(broken)]) == 1
    assert capsys.readouterr().out.startswith(f"::error file={broken}/chat.mdkspec,line=21,")


def test_what_is_made_is_said_by_the_option_or_by_the_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--emit` wins over the nearest pyproject.toml that speaks of it; without either it is Python alone."""
    spec = tmp_path / "project/spec"
    shutil.copytree(CHAT, spec)

    def made(*options: str) -> set[str]:
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        assert main(["generate", *options, str(spec), str(out)]) == 0
        return {path.name for path in out.iterdir()}

    assert made() == {"chat_protocol"}
    (tmp_path / "project/pyproject.toml").write_text('[tool.mdkgen]\nemit = ["js", "python"]\n')
    assert made() == {"chat_protocol", "js"}
    (spec / "pyproject.toml").write_text("[tool.other]\n")
    assert made() == {"chat_protocol", "js"}
    assert made("--emit", "js") == {"js"}
    capsys.readouterr()
    for text, problem in (
        ('[tool.mdkgen]\nemit = ["cobol"]\n', "there is no emitter 'cobol'; there are: python, js"),
        ('[tool.mdkgen]\nemit = "js"\n', "tool.mdkgen.emit is a list of names, not 'js'"),
        ("[tool.mdkgen\n", "Expected ']'"),
    ):
        (spec / "pyproject.toml").write_text(text)
        assert main(["generate", str(spec), str(tmp_path / "out")]) == 2
        assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [(("chek", "spec"), "check"), (("export", "asyncap", "spec", "out"), "asyncapi"), (("lint", "spec", "--output", "jsn"), "json")],
    ids=["command", "form", "output"],
)  # fmt: skip
def test_a_misspelt_choice_is_answered_with_what_was_meant(
    arguments: tuple[str, ...], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Behind all that there is."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert capsys.readouterr().err.endswith(f"); did you mean {meant}?\n")


def test_a_code_may_be_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    """All begin alike."""
    assert main(["explain", "4001"]) == 0
    assert capsys.readouterr().out.startswith("# MDK4001: ")
