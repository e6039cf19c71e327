"""How long verification takes: all of MDK, and how it grows with the bound's queues. Prints one JSON line.

Target: all of MDK in 0.2 s. Parsing is not part of it.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

from mdkgen.compiler import compile_texts, read_folder
from mdkgen.verify import verification

ROOT = Path(__file__).parent.parent
ROUNDS = 7


def main() -> None:
    """The median of some rounds, in one process."""
    spec = compile_texts(read_folder(ROOT / "spec"), verifying=False).spec
    assert spec is not None
    times: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        begun = time.perf_counter(), time.process_time()
        verification(spec)
        times.append((time.perf_counter() - begun[0], time.process_time() - begun[1]))
    wall_s, cpu_s = (statistics.median(one) for one in zip(*times, strict=True))
    explored = verification(spec).explored
    parts = {one.name: {"configurations": one.configurations, "queues": one.bounds} for one in explored}
    print(json.dumps({"bench": "verify", "verify_s": round(wall_s, 3), "cpu_s": round(cpu_s, 3), "parts": parts}))


if __name__ == "__main__":
    main()
