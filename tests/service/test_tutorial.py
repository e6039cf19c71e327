"""docs/tutorial.md as somebody follows it, and `mdkgen init`: the text's own blocks, in its order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mdkgen.source import ConfigurationError
from mdkgen.starter import project

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """One block of the tutorial: its language, what is said behind that, its text."""

    kind: str
    options: dict[str, str]
    text: str


def _blocks() -> list[Block]:
    found: list[Block] = []
    for kind, said, text in BLOCK.findall((ROOT / "docs/tutorial.md").read_text(encoding="utf-8")):
        pairs = [one.partition("=") for one in shlex.split(said)]
        found.append(Block(kind, {key: value for key, _, value in pairs}, text))
    return found


class Reader:
    """Does what the tutorial says, in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        packages = os.pathsep.join([str(ROOT), str(ROOT / "runtime")])
        self.environment = {**os.environ, "PYTHONPATH": packages, "XDG_CACHE_HOME": str(folder / ".cache")}
        self.said = ""
        self.status = 0
        self.programs: list[subprocess.Popen[str]] = []

    def follow(self, block: Block) -> None:
        """One block."""
        path = self.folder / block.options.get("file", block.options.get("replace", ""))
        if "file" in block.options:
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif "replace" in block.options:
            text, after = path.read_text(encoding="utf-8"), block.options["after"] + "\n"
            assert text.count(after) == 1
            path.write_text(text.replace(after, after + block.text), encoding="utf-8")
        elif "background" in block.options:
            self._start(block.text.strip())
        elif block.kind == "sh":
            self.said, self.status = "", 0
            for line in block.text.splitlines():
                self._run(line)
        else:
            assert block.kind == "output", block
            assert self.status == int(block.options["exit"]), self.said
            for line in block.text.splitlines():
                assert line in self.said.splitlines(), self.said

    def _command(self, line: str) -> list[str]:
        first, *rest = shlex.split(line)
        return [sys.executable, *(["-m", "mdkgen"] if first == "mdkgen" else []), *rest]

    def _run(self, line: str) -> None:
        done = subprocess.run(
            self._command(line), cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=150, check=False
        )  # fmt: skip
        self.said += done.stdout + done.stderr
        self.status = self.status or done.returncode

    def _start(self, line: str) -> None:
        program = subprocess.Popen(
            self._command(line), cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True
        )
        self.programs.append(program)
        assert program.stdout is not None
        assert program.stdout.readline().startswith("ws://")

    def close(self) -> None:
        """End what was started."""
        for one in self.programs:
            one.kill()
            one.communicate()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Somebody with an empty folder."""
    made = Reader(tmp_path)
    yield made
    made.close()


def test_the_tutorial_can_be_followed(reader: Reader) -> None:
    """Every file, command and output of it, as it stands."""
    blocks = _blocks()
    assert len(blocks) > 8
    for block in blocks:
        reader.follow(block)


def test_a_new_project_s_tests_pass(tmp_path: Path) -> None:
    """`mdkgen init`, then `make test`, without a word changed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "runtime")])}
    folder = tmp_path / "my-counter"
    subprocess.run([sys.executable, "-m", "mdkgen", "init", str(folder)], env=environment, check=True)
    done = subprocess.run(
        ["make", "test", f"PYTHON={sys.executable}"], cwd=folder, env=environment, capture_output=True, text=True, timeout=150, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
    assert "spec: 1 file, lint-clean" in done.stdout


@pytest.mark.parametrize("name", ["1st", "class", "ž", "x" * 50])
def test_a_folder_that_cannot_name_a_protocol_is_refused(tmp_path: Path, name: str) -> None:
    """Before anything is written."""
    with pytest.raises(ConfigurationError, match="its name becomes the protocol's"):
        project(tmp_path / name)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    """Nobody's work is written over."""
    (tmp_path / "counter").mkdir()
    (tmp_path / "counter/notes.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="is not an empty folder"):
        project(tmp_path / "counter")
