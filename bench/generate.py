"""How long generation takes, as ratios to the start of a bare Python in the same run. Prints one JSON line.

Targets: all of MDK in 0.4 s from a cold start, 0.15 s when nothing changed.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROUNDS = 7


def _seconds(*command: str) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begun


def main() -> None:
    """Interleave the commands, so that a noisy machine is noisy for all."""
    spec = str(ROOT / "spec")
    rows: dict[str, list[float]] = {"python": [], "cold": [], "unchanged": [], "check": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            rows["python"].append(_seconds(sys.executable, "-c", "pass"))
            rows["cold"].append(_seconds(sys.executable, "-m", "mdkgen", "generate", spec, f"{folder}/{number}"))
            rows["unchanged"].append(_seconds(sys.executable, "-m", "mdkgen", "generate", spec, f"{folder}/{number}"))
            rows["check"].append(_seconds(sys.executable, "-m", "mdkgen", "check", spec))
    medians = {name: statistics.median(times) for name, times in rows.items()}
    figures = {f"{name}_s": round(value, 3) for name, value in medians.items()}
    ratios = {
        f"{name}_to_python": round(value / medians["python"], 1) for name, value in medians.items() if name != "python"
    }
    print(json.dumps({"bench": "generate", **figures, **ratios}))


if __name__ == "__main__":
    main()
