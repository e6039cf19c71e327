"""What came of driving an implementation: cases, and the transitions that were not taken, with the reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from xml.etree import ElementTree

from mdkspec_runtime.tables import Role
from mdkspec_runtime.testing.driver import Driver, Limits
from mdkspec_runtime.testing.plan import Case, Plan, TransitionFact

SAME_SHOWN = 3
"""Cases that are named of those that were not reached for one reason; JUnit has all."""


def undriven(plan: Plan, cases: Sequence[Case], driver: Driver) -> list[tuple[TransitionFact, str]]:
    """The transitions of the role that were not taken, and why."""
    taken = {source for case in cases for source in case.taken}
    return [
        (one, _reason(one, plan, cases, driver.limits))
        for one in plan.transitions
        if one.source not in taken and not _was_seen(one, plan, driver)
    ]


def _was_seen(one: TransitionFact, plan: Plan, driver: Driver) -> bool:
    """Whether something came that nothing else sends in its state."""
    others = {
        type_
        for other in plan.transitions
        if other is not one and other.part == one.part and other.state in (one.state, "")
        for type_ in other.sends
    }
    states = {state for part, state, _ in driver.seen if part == one.part and one.state in (state, "")}
    return any((one.part, state, type_) in driver.seen for state in states for type_ in {*one.sends} - others)


def _reason(one: TransitionFact, plan: Plan, cases: Sequence[Case], limits: Limits) -> str:
    if one.kind == "call":
        return "only its application makes this call, and what it sends did not come"
    if one.kind == "lapse":
        return "only time ends a lease, and nothing of it is seen from outside"
    leading = [case for case in plan.cases if any(one.source in step.takes for way in case.outcomes for step in way)]
    if one.delay_s is not None and one.delay_s > limits.timers_s:
        return f"{one.delay_s:g} s is longer than --timers-s {limits.timers_s:g}"
    if not leading:
        return (
            "the guards there want what only the application does, or other data"
            if one.guarded
            else "nothing that a peer does leads there"
        )
    driven = [case for case in cases if case in leading]
    if not driven:
        return "its cases were left out by --cases"
    if any(case.problem is not None for case in driven):
        return "its cases failed"
    return next((case.not_reached for case in driven if case.not_reached), "the application answered otherwise")


def report(plan: Plan, cases: Sequence[Case], left: Sequence[tuple[TransitionFact, str]]) -> None:
    """Print it, as the command does."""
    why: dict[str, list[Case]] = {}
    for case in cases:
        if case.problem is not None:
            print(f"FAILED {case.name}: {case.problem}")
        elif case.not_reached is not None:
            why.setdefault(case.not_reached, []).append(case)
    for reason, unreached in why.items():
        for case in unreached[:SAME_SHOWN]:
            print(f"not reached {case.name}: {reason}")
        if len(unreached) > SAME_SHOWN:
            print(f"not reached {len(unreached) - SAME_SHOWN} others: {reason}")
    for one, reason in left:
        print(f"not driven {one}: {reason}")
    count = len(plan.transitions)
    print(f"{count} transition{'' if count == 1 else 's'}, {count - len(left)} driven")
    failed = sum(case.problem is not None for case in cases)
    print(
        f"{len(cases)} case{'' if len(cases) == 1 else 's'}, {failed} failed, {sum(map(len, why.values()))} not reached"
    )


def junit(role: Role, cases: Sequence[Case], left: Sequence[tuple[TransitionFact, str]]) -> str:
    """The results as JUnit XML; a transition that was not driven is a test that was skipped."""
    failed = sum(case.problem is not None for case in cases)
    unreached = sum(case.problem is None and case.not_reached is not None for case in cases)
    suite = ElementTree.Element(
        "testsuite",
        name=f"{role.protocol} {role.role}",
        tests=str(len(cases) + len(left)),
        failures=str(failed),
        skipped=str(unreached + len(left)),
    )
    for case in cases:
        one = ElementTree.SubElement(suite, "testcase", classname=f"{role.protocol}.{role.role}", name=case.name)
        if case.problem is not None:
            sent = [step.frame for step in case.steps if step.do == "send"]
            text = "\n".join(frame if isinstance(frame, str) else json.dumps(frame) for frame in sent)
            ElementTree.SubElement(one, "failure", message=case.problem).text = text
        elif case.not_reached is not None:
            ElementTree.SubElement(one, "skipped", message=case.not_reached)
    for fact, reason in left:
        place = f"{role.protocol}.{role.role}.transitions"
        one = ElementTree.SubElement(suite, "testcase", classname=place, name=str(fact))
        ElementTree.SubElement(one, "skipped", message=reason)
    return ElementTree.tostring(suite, encoding="unicode") + "\n"
