"""How long generation takes, beside the start of a bare Python in the same run. Prints one JSON line.

Targets: all of MDK in 0.4 s from a cold start to a finished output folder, 0.15 s when nothing changed; growth linear.
`cold` is a new process and an empty output folder, with the user's cache of an earlier run; `edited` the same after a
change of a doc, `fresh` with an empty cache, which happens once for each version of mdkgen.
`lines_20000_s` is of a whole process; what ten times the lines take is `phases_of_ten`, inside one process and phase by phase,
as the start would hide it.
Times are of the processor (user and system), which a busy machine distorts least; `_wall_s` beside them.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from mdkgen.checker import check
from mdkgen.emitters import emit
from mdkgen.parser import parse

ROOT = Path(__file__).parent.parent
ROUNDS = 7
LINES = (2_000, 20_000)
RECORDS = """
/// A thing that is counted.
record Thing{0} {{
  /// Which.
  id: string
  count: int = {0}
  names: list<string> = []
}}

message Said{0} as "said{0}" {{
  thing: Thing{0}
}}
"""


class Times:
    """Seconds of the processor and of the wall of some commands."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[float, float]]] = {}

    def run(self, name: str, *command: str, cache: str | None = None) -> None:
        """Run a command and note what it took."""
        environment = os.environ if cache is None else {**os.environ, "XDG_CACHE_HOME": cache}
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        wall_s, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.rows.setdefault(name, []).append((cpu_s, wall_s))

    def medians(self) -> dict[str, float]:
        """By name."""
        figures: dict[str, float] = {}
        for name, times in self.rows.items():
            figures[f"{name}_s"] = round(statistics.median(cpu for cpu, _ in times), 3)
            figures[f"{name}_wall_s"] = round(statistics.median(wall for _, wall in times), 3)
        return figures


def main() -> None:
    """Interleave the commands, so that a noisy machine is noisy for all."""
    mdkgen = (sys.executable, "-m", "mdkgen")
    times = Times()
    with tempfile.TemporaryDirectory() as folder:
        spec, edited = str(ROOT / "spec"), f"{folder}/spec"
        shutil.copytree(spec, edited)
        subprocess.run([*mdkgen, "generate", spec, f"{folder}/warm"], check=True, capture_output=True)
        for number in range(ROUNDS):
            times.run("python", sys.executable, "-c", "pass")
            times.run("cold", *mdkgen, "generate", spec, f"{folder}/{number}")
            times.run("unchanged", *mdkgen, "generate", spec, f"{folder}/{number}")
            file = Path(edited, "session.mdkspec")
            file.write_text(file.read_text(encoding="utf-8").replace("///", f"/// {number}", 1), encoding="utf-8")
            times.run("edited", *mdkgen, "generate", edited, f"{folder}/edited{number}")
            times.run("check", *mdkgen, "check", spec)
        for number in range(3):
            times.run("fresh", *mdkgen, "generate", spec, f"{folder}/fresh{number}", cache=f"{folder}/cache{number}")
        growth = _growth(folder, mdkgen)
    print(json.dumps({"bench": "generate", **times.medians(), **growth, **_phases()}))


def _growth(folder: str, mdkgen: tuple[str, ...]) -> dict[str, float]:
    """Specs of records and messages of two sizes, generated from nothing."""
    times, cache = Times(), f"{folder}/big"
    warming = _counted(folder, "tiny", 10)
    subprocess.run(
        [*mdkgen, "check", warming], check=True, capture_output=True, env={**os.environ, "XDG_CACHE_HOME": cache}
    )
    for number in range(ROUNDS):
        for name, lines in ((f"lines_{lines}", lines) for lines in LINES):
            spec = _counted(folder, f"{name}_{number}", lines)
            out = f"{folder}/out_{name}_{number}"
            times.run(name, *mdkgen, "generate", "--emit", "python", spec, out, cache=cache)
    return {f"{name}_s": round(min(cpu for cpu, _ in rows), 3) for name, rows in times.rows.items()}


def _phases() -> dict[str, dict[str, float]]:
    """What ten times the lines take in each phase, without the collector, as a run of mdkgen is."""
    gc.disable()
    rows: dict[str, list[float]] = {}
    for _ in range(3):
        for lines in LINES:
            text = "mdkspec 1\nnamespace big\nversion 1.0\n"
            text += "".join(RECORDS.format(number) for number in range(lines // RECORDS.count("\n")))
            begun = [time.process_time()]
            file, _ = parse(text, "big.mdkspec")
            begun.append(time.process_time())
            spec, _ = check([file])
            begun.append(time.process_time())
            assert spec is not None
            emit(spec, ["python"])
            begun.append(time.process_time())
            for name, (before, after) in zip(("parse", "check", "emit"), pairwise(begun), strict=True):
                rows.setdefault(f"{name}_{lines}", []).append(after - before)
    best = {name: min(values) for name, values in rows.items()}
    small, large = LINES
    return {
        "phases_of_ten": {
            name: round(best[f"{name}_{large}"] / best[f"{name}_{small}"], 1) for name in ("parse", "check", "emit")
        }
    }


def _counted(folder: str, namespace: str, lines: int) -> str:
    """A spec folder of so many lines, which no cache knows."""
    spec = Path(folder, f"spec_{namespace}")
    spec.mkdir()
    count = max(1, lines // RECORDS.count("\n"))
    head = f"mdkspec 1\nnamespace {namespace}\nversion 1.0\n"
    text = head + "".join(RECORDS.format(number) for number in range(count))
    (spec / "big.mdkspec").write_text(text, encoding="utf-8")
    return str(spec)


if __name__ == "__main__":
    main()
