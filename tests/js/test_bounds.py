"""The JavaScript engine's bounds: outboxes, the heap of timers, output that nobody reads, leases that lapse."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from conformance.specs import ROOT, SPECS

PROGRAM = ROOT / "tests/js/bounds.test.mjs"
JOBS = ROOT / SPECS["jobs_protocol"][1] / "js"


def _run(node: str, folder: Path) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, "ENGINE": str(folder / "engine"), "JOBS": str(folder)}
    return subprocess.run(
        [node, "--test", PROGRAM], capture_output=True, text=True, timeout=150, check=False, cwd=ROOT, env=given
    )


def test_the_bounds_hold(node: str) -> None:
    """Each test of the program, by Node's own runner."""
    done = _run(node, JOBS)
    assert done.returncode == 0, done.stdout
    assert "# pass 9" in done.stdout


FAULTS = [
    ("outbox.js", "this.sizeBytes + size > sizeBytesMax", "false"),
    ("outbox.js", "const size = sizeBytes(frame);", "const size = frame.length;"),
    ("outbox.js", "this.onDrop?.(frame);", ""),
    ("outbox.js", "this._again = written;", ""),
    ("outbox.js", "    this._fresh.delete(number);\n", ""),
    ("outbox.js", "const number = fresh ?? ", "const number = "),
    ("outbox.js", "this._writtenDrops.add(number)", ""),
    ("schedule.js", "    this._sweep();\n  }", "  }"),
    ("schedule.js", "if (there) this._sweep();", ""),
    ("machines.js", "this.output.sizeBytes > UNREAD_BYTES_MAX", "false"),
    ("link.js", "shared.wake = look;", ""),
    ("link.js", "waitMs > TIMER_MS_MAX ? setTimeout(next, TIMER_MS_MAX) : ", ""),
]


def test_planted_faults_of_the_bounds_are_found(node: str, tmp_path: Path) -> None:
    """Each changes one line of a copy of the engine."""
    missed: list[str] = []
    for number, (name, old, new) in enumerate(FAULTS):
        copy = tmp_path / str(number)
        shutil.copytree(JOBS, copy)
        text = (copy / "engine" / name).read_text()
        assert old in text, f"{name} has no {old!r}"
        (copy / "engine" / name).write_text(text.replace(old, new, 1))
        if _run(node, copy).returncode == 0:
            missed.append(f"{name}: {new or old}")
    assert missed == []
