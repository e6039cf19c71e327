"""TypeScript's compiler on what is generated in JavaScript, and on the engine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
ENGINE = ROOT / "mdkgen/js/engine"
TSC = ROOT / "node_modules/.bin/tsc"
TREES = ["generated/js", "examples/chat/generated/js", "examples/jobs/generated/js"]
STRICT = {
    "allowJs": True,
    "checkJs": True,
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "target": "ES2023",
    "module": "NodeNext",
    "lib": ["ES2023", "DOM", "DOM.Iterable"],
    "types": [],
    "noEmit": True,
}


def _check(folder: Path, files: list[str], **options: object) -> str:
    """What the compiler finds wrong with some files of a folder."""
    config = folder / "tsconfig.json"
    config.write_text(json.dumps({"compilerOptions": {**STRICT, **options}, "files": files}))
    done = subprocess.run(
        [TSC, "-p", config.name], cwd=folder, capture_output=True, text=True, timeout=150, check=False
    )
    return done.stdout + done.stderr


def test_the_engine_s_declarations_are_what_its_comments_say(node: str, tmp_path: Path) -> None:
    """Strict over the engine's JavaScript; the committed .d.ts are, byte for byte, what the compiler makes of it."""
    subprocess.run([HERE / "declarations.sh", tmp_path], check=True, timeout=150)
    made = {path.name: path.read_text() for path in tmp_path.glob("*.d.ts")}
    assert made == {path.name: path.read_text() for path in ENGINE.glob("*.d.ts")}
    assert made.keys() == {path.with_suffix("").name + ".d.ts" for path in ENGINE.glob("*.js")}


@pytest.mark.parametrize("tree", TREES)
def test_what_is_generated_is_typed(node: str, tmp_path: Path, tree: str) -> None:
    """Strict over every generated file; and without its declarations each module is still what they promise."""
    shutil.copytree(ROOT / tree, tmp_path / "typed")
    files = [f"typed/{path.name}" for path in sorted((tmp_path / "typed").glob("*.*s"))]
    assert _check(tmp_path, [*files, *_promises(tmp_path)]) == ""


def _promises(folder: Path) -> list[str]:
    """A copy of the tree without declarations, and a file a module that holds it to those of the tree."""
    shutil.copytree(folder / "typed", folder / "plain", ignore=shutil.ignore_patterns("*.d.ts"))
    shutil.rmtree(folder / "plain/engine")
    promises: list[str] = []
    for path in sorted((folder / "plain").glob("*.js")):
        text = re.sub(r'(import\(|from )"\./(?!messages)', r'\1"../typed/', path.read_text())
        path.write_text(text.replace('import("./', 'import("../typed/'))
        promise = f'import * as plain from "./plain/{path.name}";\nimport * as typed from "./typed/{path.name}";\n'
        promises.append(f"{path.stem}.ts")
        (folder / promises[-1]).write_text(promise + "export const kept: typeof typed = plain;\n")
    return promises


def test_a_wrong_declaration_is_found(node: str, tmp_path: Path) -> None:
    """The check can fail: a field with another type, a call with one argument less, code that uses what is not there."""
    program = """
import { ChatMember, Post } from "./js/index.js";
const member = new ChatMember({ ownName: () => 1, ownMember: () => "m", welcomed() {}, dismissed() {}, said() {} });
member.deliverPosts(new Post({ txt: "hello" }));
member.deliverPost(new Post({ text: "hello" }));
"""
    shutil.copytree(ROOT / "examples/chat/generated/js", tmp_path / "js")
    (tmp_path / "program.ts").write_text(program)
    found = _check(tmp_path, ["program.ts"])
    assert [line.partition("(")[2].partition(",")[0] for line in found.splitlines() if line.startswith("program")] == [
        "3",
        "4",
        "5",
    ], found


def test_nothing_imports_a_package(node: str) -> None:
    """The generated module has no dependencies: every import is of a file beside it."""
    files = [*(ROOT / "generated/js").rglob("*.js")]
    assert len(files) > 20
    for file in files:
        imports = [line for line in file.read_text().splitlines() if line.startswith(("import ", "} from", "export *"))]
        assert all('from "./' in line or line.endswith("{") for line in imports), file
    assert "dependencies" not in json.loads((ROOT / "generated/js/package.json").read_text())


def test_the_lock_names_no_registry() -> None:
    """package-lock.json holds what to install and its hashes, not from where."""
    lock = json.loads((ROOT / "package-lock.json").read_text())
    packages = [one for name, one in lock["packages"].items() if name]
    assert packages
    assert all("integrity" in one and "resolved" not in one for one in packages)
    assert "://" not in "".join(line for line in (ROOT / ".npmrc").read_text().splitlines())
