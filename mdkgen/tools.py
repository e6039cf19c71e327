"""Tools that need the engine: the package of a spec is written to a folder, and the engine's tools are started with it.

mdkgen imports no engine. What checks and generates a protocol must work where none is installed, and must not be
right only because an engine is; so these run beside it, in a process of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from mdkgen.emitters import emit
from mdkgen.model import Spec
from mdkgen.output import write
from mdkgen.source import ConfigurationError

MODULE = "mdkspec_runtime.testing.tools"


def run_tool(spec: Spec, tool: str, arguments: Sequence[str]) -> int:
    """Become a tool of the engine, on the package of a spec: whoever ends this process ends the tool.

    The tool removes the folder as soon as it has read it.
    """
    folder = tempfile.mkdtemp(prefix="mdkgen-")
    write(emit(spec, ["python"]), Path(folder))
    given = [tool, *arguments]
    if tool == "conform":
        (Path(folder) / "plan.json").write_text(json.dumps(_plan(spec, arguments)), encoding="utf-8")
        given += ["--plan", f"{folder}/plan.json"]
    command = [sys.executable, "-m", MODULE, "--path", folder, "--package", spec.namespace, *given]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606  # ourselves


def _plan(spec: Spec, arguments: Sequence[str]) -> object:
    """For each protocol with the role that is named its cases; the tool chooses, and says so if it cannot."""
    from mdkgen.vectors.driven import plan

    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--role")
    parser.add_argument("--say", action="append", default=[])
    given = parser.parse_known_args(arguments)[0]
    role: str = given.role
    said = dict(one for one in (_said(text, spec) for text in given.say) if one is not None)
    return {one.name: plan(spec, one, role, said) for one in spec.protocols if role in (one.connector, one.acceptor)}


def _said(text: str, spec: Spec) -> tuple[str, dict[str, Any]] | None:
    """A message, and the keys that it is given; None if it is none: the tool says what is wrong."""
    from mdkgen.vectors.values import Values

    name, _, written = text.partition("=")
    try:
        fields: Any = json.loads(written)
    except ValueError:
        return None
    if not isinstance(fields, dict) or all(one.name != name for one in spec.messages):
        return None
    given = cast("dict[str, Any]", fields)
    try:
        Values(spec).given(name, given)
    except ValueError as error:
        raise ConfigurationError(f"--say {text}: {error}") from error
    return name, given
