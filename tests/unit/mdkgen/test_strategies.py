"""mdkgen.strategies: values of types that hold themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mdkgen.compiler import compile_texts
from mdkgen.emitters import emit
from mdkgen.output import write

SPEC = """mdkspec 1
namespace tree_protocol
version 1.0
record Tree { left?: Tree  right: Tree | null  more: list<Branch> = []  named: map<Tree> = {} }
record Branch { tree?: Tree  size: int }
message Grow as "grow" { tree: Tree }
"""
DRAW = """
from hypothesis import given
from tree_protocol.codec import CODEC
from tree_protocol.testing import any_grow

@given(any_grow())
def drawn(grow):
    assert CODEC.decode(CODEC.encode(grow)) == grow

drawn()
"""


def test_a_record_that_holds_itself_is_drawn_and_ends(tmp_path: Path) -> None:
    """Directly, in a list, in a map, behind another record; what cannot come back to itself is written as before."""
    spec = compile_texts({"tree.mdkspec": SPEC}).spec
    assert spec is not None
    files = emit(spec, ["python"])
    assert "return st.builds(Grow, tree=any_tree())" in files["tree_protocol/testing.py"]
    write(files, tmp_path)
    subprocess.run([sys.executable, "-c", DRAW], check=True, cwd=tmp_path, timeout=150)
