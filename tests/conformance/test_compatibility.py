"""docs/compatibility.md is whole: every behaviour has a row, every row a test that is there, every name works."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from functools import reduce
from pathlib import Path

import pytest

import mdk
from conformance.compatibility import ROOT, Row, exists, read_list, read_names, read_rows, read_study

NAMES = read_names()
ORIGINAL_NAMES = {
    "mdk": "init start",
    "mdk.MDK": "start stop register session join derive setDefaultDeadline setDefaultTimeout CONTEXT_HEADER",
    "mdk.Session": "inject externalize critical error warn info debug trace route resolve resolve_until resolve_async "
    "start_interaction fail_interaction finish_interaction interact setDeadline setTimeout getRemainingTime "
    "getProperty setProperty hasProperty getEnvironment",
    "mdk.Node": "id service version address properties environment getId success failure available",
    "mdk.LoggedMessageId": "traceId causalLevel environment environmentFallback",
    "mdk.flask": "mdk_setup MDKLoggingHandler",
    "mdk.django": "MDKSessionMiddleware MDKAppConfig",
    "mdk.requests": "requests_session",
    "mdk.logging": "MDKHandler",
}
"""The public API of the original, all of it."""


def find(name: str) -> object:
    """What a dotted name stands for."""
    parts = name.split(".")
    size = 2 if parts[1].islower() and len(parts) > 2 else 1
    return reduce(getattr, parts[size:], importlib.import_module(".".join(parts[:size])))


@pytest.mark.parametrize(("original", "ours"), NAMES, ids=[original for original, _ in NAMES])
def test_every_name_works(original: str, ours: str) -> None:
    """The original's name and the documented one are the same thing, and the documented one is snake_case."""
    there, documented = find(original), find(ours)
    if original.startswith("mdk.Environment."):  # data, which a frozen dataclass cannot alias
        example = mdk.Environment("child", "parent")
        there, documented = (getattr(example, name.rpartition(".")[2]) for name in (original, ours))
    assert there is documented
    *_, last = ours.split(".")
    assert last == last.lower() or last == last.upper() or last.startswith("MDK"), f"{last} is not snake_case"


def test_every_documented_name_has_a_docstring() -> None:
    """A name that is documented says what it does; data is described where it is declared."""
    bare = [ours for _, ours in NAMES if callable(found := find(ours)) and not (inspect.getdoc(found) or "").strip()]
    assert bare == []


def test_no_name_is_missing() -> None:
    """The table of names has the whole public API of the original."""
    wanted = {f"{place}.{name}" for place, names in ORIGINAL_NAMES.items() for name in names.split()}
    assert wanted - {original for original, _ in NAMES} == set()


def test_typed_user_code_has_the_whole_face() -> None:
    """Every public name of `mdk`, its modules and the original's classes is used in tests/typing."""
    text = " ".join(path.read_text() for path in (ROOT / "tests" / "typing").glob("*.py"))
    used = set(re.findall(r"\w+", text))
    names = {name.rpartition(".")[2] for pair in NAMES for name in pair}
    for module in pkgutil.iter_modules(mdk.__path__, "mdk."):
        names |= set(importlib.import_module(module.name).__all__)
    assert {*names, *mdk.__all__} - used == set()


def test_every_behaviour_has_a_row_with_its_text() -> None:
    """Once, in the words of the list; and no row is of anything else."""
    listed = {behaviour.id: behaviour for behaviour in read_list()}
    rows = read_rows()
    assert len({row.id for row in rows}) == len(rows)
    assert {one.id for one in listed.values() if one.is_wanted} - {row.id for row in rows} == set()
    assert [row.id for row in rows if row.id not in listed or listed[row.id].text != row.text] == []


@pytest.mark.parametrize("row", read_rows(), ids=lambda row: row.id)
def test_every_row_has_tests_that_are_there(row: Row) -> None:
    """At least one, and each is a function of that name in that file."""
    assert row.tests, "a behaviour that no test shows"
    assert [name for name in row.tests if not exists(name)] == []


def test_a_test_that_is_not_there_is_seen() -> None:
    """The check itself can fail."""
    assert exists("conformance/test_compatibility.py::test_a_test_that_is_not_there_is_seen")
    assert not exists("conformance/test_compatibility.py::test_of_nothing")
    assert not exists("conformance/no_such_file.py::test_of_nothing")


def test_the_list_is_the_study_s() -> None:
    """Where the study lies beside the repository, the list has everything that it names."""
    studies = [path for parent in ROOT.parents[:3] if (path := Path(parent, "shared", "behaviours.md")).is_file()]
    if not studies:
        pytest.skip("the study is not here")
    assert read_study(studies[0].read_text()) == read_list()
