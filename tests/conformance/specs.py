"""The specs of this repository, with what is generated from each."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mdkgen.compiler import compile_folder
from mdkgen.model import Spec

ROOT = Path(__file__).parents[2]
SPECS = {
    "mdk_protocol": ("spec", "generated"),
    "chat_protocol": ("examples/chat/spec", "examples/chat/generated"),
    "jobs_protocol": ("examples/jobs/spec", "examples/jobs/generated"),
}
"""Package to the folders of its spec and of what is made of it."""


@cache
def spec_of(package: str) -> Spec:
    """The checked model of a package's spec."""
    spec = compile_folder(ROOT / SPECS[package][0]).spec
    assert spec is not None
    return spec
