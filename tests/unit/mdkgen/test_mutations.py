"""How good the checker is: what of our specs can be removed or redirected without an answer, and why."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from mutants import Mutant, mutants

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/verification.md"

pytestmark = pytest.mark.xdist_group("mutations")

REASONS = {
    "enter": "Not sending is no wrong order: the peer can live without this message. A scenario can demand it.",
    "every": "Not sending is no wrong order: whether a heartbeat is missed depends on time. A scenario can demand it.",
    "call": "A call that is not there is no error of the protocol: the program that makes it no longer passes a type checker.",
    "fallback": "The same call is also taken elsewhere (in `always`, or in a state): which of the two is meant is not known.",
    "guard": "The transition without `when` behind it takes the message: which of the two is right depends on data.",
}


def reason(one: Mutant) -> str:
    """Why a mutant cannot be told from a spec that is meant so; empty if there is no such reason."""
    if one.kind in ("enter", "every"):
        return one.kind
    if one.kind == "call":
        name = one.what.split("call ")[1].split("(")[0]
        original = (ROOT / one.folder / one.file).read_text(encoding="utf-8")
        return "fallback" if len(re.findall(rf"call {name}\(", original)) > 1 else "call"
    if one.kind == "recv" and " when " in one.what:
        return "guard"
    return ""


@pytest.fixture(scope="module")
def results() -> dict[Mutant, set[str]]:
    """Every mutant with the codes that answer it."""
    return {one: one.caught_by() for one in mutants()}


@pytest.mark.timeout(300)
def test_every_miss_has_its_reason(results: dict[Mutant, set[str]]) -> None:
    """What goes unnoticed is only what could be meant so."""
    missed = [one for one, codes in results.items() if not codes]
    assert [f"{one.file}:{one.line} {one.what}" for one in missed if not reason(one)] == []


@pytest.mark.timeout(300)
def test_a_missing_reception_is_found(results: dict[Mutant, set[str]]) -> None:
    """Nothing can be generated from a spec in which something that may come is not taken."""
    takes = [one for one in results if one.kind in ("recv", "ignore") and reason(one) != "guard"]
    assert len(takes) > 20
    errors = {"MDK3006", "MDK3007", "MDK3011", "MDK4001", "MDK4003"}
    assert [one.what for one in takes if not results[one] & errors] == []


@pytest.mark.timeout(300)
def test_a_redirected_goto_is_found(results: dict[Mutant, set[str]]) -> None:
    """Another state is not the same state."""
    assert [one.what for one in results if one.kind == "goto" and not results[one]] == []


@pytest.mark.timeout(300)
def test_a_redirected_handler_is_found(results: dict[Mutant, set[str]]) -> None:
    """What takes another message no longer takes its own."""
    redirected = [one for one in results if one.kind == "another recv"]
    assert len(redirected) > 20
    assert [one.what for one in redirected if not results[one]] == []


@pytest.mark.timeout(300)
def test_the_documentation_has_these_figures(results: dict[Mutant, set[str]]) -> None:
    """docs/verification.md has the table of mutants and every miss."""
    page = PAGE.read_text(encoding="utf-8")
    assert page.endswith(table(results)), "the specs have changed; run: make mutations"


def table(results: dict[Mutant, set[str]]) -> str:
    """What the page says; `make mutations` writes it there."""
    made, caught = Counter(one.kind for one in results), Counter(one.kind for one, codes in results.items() if codes)
    more = sum(one.is_caught_by_scenarios() for one, codes in results.items() if not codes)
    rows = [
        f"Of {made.total()} mutants {caught.total()} are caught in specs without scenarios. Of the other {made.total() - caught.total()} the scenarios of the specs catch {more}.",
        "",
        "| what is changed | mutants | caught |",
        "|---|---|---|",
    ]
    for kind, count in sorted(made.items()):
        shown = {"goto": "another `goto`", "another recv": "another message in `recv`"}.get(kind, f"no `{kind}`")
        rows.append(f"| {shown} | {count} | {caught[kind]} |")
    missed: dict[str, list[Mutant]] = {}
    for one, codes in results.items():
        if not codes:
            missed.setdefault(reason(one), []).append(one)
    for why, ones in sorted(missed.items()):
        rows += ["", f"{REASONS[why]} ({len(ones)})", ""]
        rows += [f"- `{one.folder}/{one.file}`: {one.what}" for one in ones]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    made = table({one: one.caught_by() for one in mutants()})
    PAGE.write_text(text[: text.index("\nOf ") + 1] + made, encoding="utf-8")
