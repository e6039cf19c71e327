"""What `mdkgen mock`, `conform` and `trace-check` run: tools that need the engine, for which the compiler has no use.

mdkgen writes the package of the spec into a folder of its own and starts this module with it.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from mdkspec_runtime.testing import conform, mock, trace_check


def main(argv: list[str] | None = None) -> int:
    """Run one tool; exit status 0 fine, 1 findings, 2 usage."""
    parser = argparse.ArgumentParser(prog="mdkgen")
    parser.add_argument("--path", required=True, help="folder of the generated package; it is removed when it is read")
    parser.add_argument("--package", required=True)
    tools = parser.add_subparsers(required=True)
    for name, tool in (("mock", mock), ("conform", conform), ("trace-check", trace_check)):
        one = tools.add_parser(name, description=tool.__doc__)
        tool.add_arguments(one)
        one.set_defaults(run=tool.run)
    arguments = parser.parse_args(argv)
    sys.path.insert(0, arguments.path)
    package = importlib.import_module(arguments.package)
    for name in package.__all__:
        getattr(package, name)  # Some of it is imported when it is asked for; its folder goes before.
    spec: dict[str, Any] = json.loads((Path(arguments.path) / arguments.package / "spec.json").read_text("utf-8"))
    if hasattr(arguments, "plan"):
        arguments.plan = json.loads(arguments.plan.read_text("utf-8"))
    shutil.rmtree(arguments.path)
    try:
        return int(asyncio.run(arguments.run(arguments, package, spec)))
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        named = error.filename and error.strerror
        return _refuse(f"{error.filename}: {error.strerror}" if named else str(error))
    except ValueError as error:
        return _refuse(str(error))


def _refuse(problem: str) -> int:
    print(f"mdkgen: {problem}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
