"""How long diagnostics take after a keystroke in a spec of 2,000 lines. Prints one JSON line.

Target: 50 ms from the text to everything that is wrong with it. `verified` is the same with verification, which an
editor asks for when nothing was typed for a moment. The spec is MDK's, with more records; keystrokes go into a
machine (a comment, a handler), into a record, and at the head of a file (a new line, which moves everything below).
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from mdkgen.editor.folder import SpecFolder

ROOT = Path(__file__).parent.parent
LINES = 2_000
ROUNDS = 30
RECORD = "\n/// A thing.\nrecord Filler{0} {{\n  id: string\n  count: int = {0}\n  names: list<string> = []\n}}\n"


def main() -> None:
    """One file with everything, so that a keystroke has the most to do."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "spec").glob("*.mdkspec"))}
    head = "mdkspec 1\nnamespace mdk_protocol\nversion 1.0\n"
    whole = head + "".join(text.split("version", 1)[1].split("\n", 1)[1] for text in texts.values())
    missing = max(0, LINES - whole.count("\n"))
    whole += "".join(RECORD.format(number) for number in range(missing // RECORD.count("\n")))
    folder = SpecFolder({"all.mdkspec": whole})
    begun = time.process_time()
    assert folder.analyse(verifying=True).diagnostics == ()
    opened_s = time.process_time() - begun

    figures: dict[str, float] = {"lines": whole.count("\n"), "opened_ms": round(opened_s * 1000, 1)}
    keystrokes: dict[str, Callable[[int], str]] = {
        "record": lambda n: whole.replace("count: int = 7", f"count: int = {100 + n}"),
        "machine": lambda n: whole.replace("    recv ", f"    //{n}\n    recv ", 1),
        "handler": lambda n: whole.replace(
            "tell table_complete()", f"tell table_complete(), tell whole{time.time_ns()}_{n}()"
        ),
        "new_line": lambda n: head + "\n" * (n + 1) + whole.removeprefix(head),
        "mistake": lambda n: whole.replace("count: int = 7", f"count: in{n} = 7"),
        "unfinished": lambda n: whole.replace("count: int = 7", f"count{n}: "),
    }
    for name, typed in keystrokes.items():
        for verifying in (False, True):
            times: list[float] = []
            for number in range(ROUNDS):
                folder.texts["all.mdkspec"] = typed(number)
                begun = time.process_time()
                folder.analyse(verifying=verifying)
                times.append(time.process_time() - begun)
            figures[f"{name}{'_verified' if verifying else ''}_ms"] = round(statistics.median(times) * 1000, 1)
    print(json.dumps({"bench": "lsp", **figures}))


if __name__ == "__main__":
    main()
