"""The vectors under Node: the JavaScript that mdkgen generates does what the Python does."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from conformance.specs import ROOT, SPECS, spec_of
from mdkgen.scenarios.render import entries
from mdkgen.vectors.render import render

PROGRAM = ROOT / "tests/js/vectors.mjs"


def _run(node: str, vectors: Path, module: Path) -> tuple[int, list[str]]:
    done = subprocess.run(
        [node, PROGRAM, vectors, module], capture_output=True, text=True, timeout=150, check=False, cwd=ROOT
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("package", SPECS)
def test_javascript_does_what_the_vectors_say(node: str, tmp_path: Path, package: str) -> None:
    """Every vector of the spec that Python runs; values are compared, not texts."""
    vectors = tmp_path / "vectors.json"
    vectors.write_text(render(spec_of(package))["vectors.json"])
    status, lines = _run(node, vectors, ROOT / SPECS[package][1] / "js")
    assert (status, lines[:-1]) == (0, [])
    assert int(lines[-1].partition(" ")[0]) > 200


@pytest.mark.parametrize("package", SPECS)
def test_javascript_does_what_the_scenarios_say(node: str, tmp_path: Path, package: str) -> None:
    """Each scenario of the spec, for both roles."""
    spec, vectors = spec_of(package), tmp_path / "scenarios.json"
    conversations = entries(spec)
    vectors.write_text(
        json.dumps({"tag": spec.protocols[0].tag, "good": [], "bad": [], "conversations": conversations})
    )
    status, lines = _run(node, vectors, ROOT / SPECS[package][1] / "js")
    assert (status, lines) == (0, [f"{2 * len(spec.scenarios)} vectors, 0 problems"])


FAULTS = [
    ("step.js", "transition.guard === undefined ||", "true ||"),
    ("machines.js", "this._leave(index);\n      this.states[index] = target;", "this.states[index] = target;"),
    ("machines.js", "if (index !== 0) return;", "return;"),
    ("machines.js", "scope.flags[action.flag] = action.value;", ""),
    ("outbox.js", "this._fresh.add(number);", ""),
    (
        "outbox.js",
        "this.acknowledged += 1;\n      return 1;",
        "this._kept.set(number, { frame: '', size: 0 }); return 1;",
    ),
    ("policies.js", "this._inARow[kind] <= dropMax", "this._inARow[kind] < dropMax"),
    ("policies.js", "Math.min(waitS * factor, longestS)", "waitS"),
    ("codec.js", '"1e999"', '"0"'),
    ("codec.js", '"\\ufffd"', '"?"'),
    ("types.js", "item === null && one.presence", "false && one.presence"),
    ("endpoint.js", "this.connectAt = this.clock() + this._backoff.waitS()", "this.connectAt = this.clock()"),
    ("endpoint.js", 'new RequestFailed(name, "timeout")', 'new RequestFailed(name, "lost")'),
    ("endpoint.js", "schedule.set(requestKey(name, number)", "schedule.set(requestKey(name, 0)"),
]


def test_planted_faults_of_the_engine_are_found(node: str, tmp_path: Path) -> None:
    """Each changes one line of a copy of the engine; the vectors of one of the specs say so."""
    files = {package: tmp_path / f"{package}.json" for package in SPECS}
    for package, file in files.items():
        file.write_text(render(spec_of(package))["vectors.json"])
    missed: list[str] = []
    for name, old, new in FAULTS:
        outcomes: list[int] = []
        for package, file in files.items():
            copy = tmp_path / "copy"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(ROOT / SPECS[package][1] / "js", copy)
            text = (copy / "engine" / name).read_text()
            assert old in text, f"{name} has no {old!r}"
            (copy / "engine" / name).write_text(text.replace(old, new, 1))
            done = subprocess.run([node, PROGRAM, file, copy], capture_output=True, timeout=150, check=False)
            outcomes.append(done.returncode)
        if not any(outcomes):
            missed.append(f"{name}: {new}")
    assert missed == []
