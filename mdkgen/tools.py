"""Tools that need the engine: the package of a spec is written to a folder, and the engine's tools are started with it.

mdkgen imports no engine. What checks and generates a protocol must work where none is installed, and must not be
right only because an engine is; so these run beside it, in a process of their own.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mdkgen.emitters import emit
from mdkgen.model import Spec
from mdkgen.output import write

MODULE = "mdkspec_runtime.testing.tools"


def run_tool(spec: Spec, tool: str, arguments: Sequence[str]) -> int:
    """Become a tool of the engine, on the package of a spec: whoever ends this process ends the tool.

    The tool removes the folder as soon as it has read it.
    """
    folder = tempfile.mkdtemp(prefix="mdkgen-")
    names = ["python", "vectors"] if tool == "conform" else ["python"]
    write(emit(spec, names), Path(folder))
    given = [tool, *arguments, *(["--vectors", f"{folder}/vectors.json"] if tool == "conform" else [])]
    command = [sys.executable, "-m", MODULE, "--path", folder, "--package", spec.namespace, *given]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606  # ourselves
