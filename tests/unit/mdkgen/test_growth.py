"""Ten times the spec is ten times the work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from mdkgen.compiler import compile_texts
from mdkgen.emitters import emit

RECORDS = """
/// A thing that is counted.
record Thing{0} {{
  id: string
  count: int = {0}
  names: list<string> = []
}}

message Said{0} as "said{0}" {{
  thing: Thing{0}
}}
"""


def _calls(count: int) -> int:
    """Functions called from the text of so many records and messages to the last generated file."""
    text = "mdkspec 1\nnamespace big\nversion 1.0\n" + "".join(RECORDS.format(number) for number in range(count))
    calls = 0

    def counted(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before: Callable[..., object] | None = sys.getprofile()
    sys.setprofile(counted)
    try:
        spec = compile_texts({"big.mdkspec": text}).spec
        assert spec is not None
        emit(spec, ["python"])
    finally:
        sys.setprofile(before)
    return calls


def test_work_grows_with_the_spec_and_no_faster() -> None:
    """Counted in calls, which no machine distorts: nothing looks through all for each."""
    _calls(1)  # what is done once
    none, some, many = _calls(1), _calls(30), _calls(300)
    assert 9 < (many - none) / (some - none) < 10.8
