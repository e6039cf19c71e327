"""The simulations that come with generated packages: ours pass, and a transition taken out of a table is found."""

from __future__ import annotations

import importlib
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from chat_protocol.testing import ChatSimulation
from jobs_protocol.testing import JobsSimulation
from mdk_protocol.testing import SessionSimulation
from mdkspec_runtime.tables import Role
from mdkspec_runtime.testing.simulation import Simulation

SETTINGS = settings(max_examples=25, stateful_step_count=40, deadline=None)
FINDING = settings(
    SETTINGS, max_examples=1000, derandomize=True, database=None, phases=[Phase.generate], report_multiple_bugs=False
)

TestChat = ChatSimulation.TestCase
TestChat.settings = SETTINGS
TestJobs = JobsSimulation.TestCase
TestJobs.settings = SETTINGS
TestSession = SessionSimulation.TestCase
TestSession.settings = settings(SETTINGS, max_examples=10, suppress_health_check=[HealthCheck.too_slow])


def _without(role: Role, part: str, state: str, input_: str, place: int) -> Role:
    """A role's tables with one transition less; `always` is a state, too."""
    machine = next(one for one in role.machines if one.part == part)
    inputs = dict(machine.always if state == "always" else machine.states[state])
    left = [one for number, one in enumerate(inputs.pop(input_)) if number != place]
    if left:
        inputs[input_] = tuple(left)
    changed = (
        replace(machine, always=inputs)
        if state == "always"
        else replace(machine, states={**machine.states, state: inputs})
    )
    return replace(role, machines=tuple(changed if one is machine else one for one in role.machines))


CHAT, JOBS = ("chat_protocol", ChatSimulation), ("jobs_protocol", JobsSimulation)


@pytest.mark.parametrize(
    ("where", "stub", "part", "state", "input_", "place", "problem"),
    [
        (CHAT, "member", "Chat", "Joining", "enter", 0, "never acknowledged: posts"),
        (CHAT, "member", "Talk", "Talking", "recv Said", 0, "Said is not allowed in state 'Talking' of Talk"),
        (CHAT, "room", "Chat", "Door", "recv Join", 0, "never acknowledged: posts"),
        (CHAT, "room", "Chat", "Inside", "recv Bye", 0, "Bye is not allowed in state 'Inside' of Chat"),
        (CHAT, "room", "Talk", "Talking", "call say", 0, "'say' is not allowed in state 'Talking' of Talk"),
        (JOBS, "client", "Jobs", "Up", "recv Bye", 0, "Bye is not allowed in state 'Up' of Jobs"),
        (JOBS, "queue", "Submitting", "Up", "recv Submit", 0, "Submit is not allowed in state 'Up' of Submitting"),
        (JOBS, "queue", "Working", "Up", "recv Result", 0, "never acknowledged: results|Result is not allowed"),
        (JOBS, "queue", "Working", "Up", "call hand_out", 0, "'hand_out' is not allowed in state 'Up' of Working"),
        (JOBS, "queue", "Working", "always", "lapse work", 0, "a shared lease lapsed . times, 0 were told"),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else "",
)
def test_a_transition_that_is_missing_is_found(
    monkeypatch: pytest.MonkeyPatch,
    where: tuple[str, type[Simulation]],
    stub: str,
    part: str,
    state: str,
    input_: str,
    place: int,
    problem: str,
) -> None:
    """By the law that it breaks: messages taken, calls taken, deliveries acknowledged, lapses told."""
    package, simulation = where
    module = importlib.import_module(f"{package}.{stub}")
    constant = next(name for name, value in vars(module).items() if isinstance(value, Role))
    monkeypatch.setattr(module, constant, _without(getattr(module, constant), part, state, input_, place))
    with pytest.raises(Exception, match=problem):
        run_state_machine_as_test(simulation, settings=FINDING)


class Deaf(ChatSimulation):
    """A room that acknowledges nothing."""

    def acknowledge_one(self, place: int) -> None:
        """It forgets."""
        del self.sides.unacknowledged[place]


def test_a_receiver_that_never_acknowledges_is_found() -> None:
    """What is kept in the end is named with its numbers."""
    with pytest.raises(AssertionError, match=r"never acknowledged: posts \[1"):
        run_state_machine_as_test(Deaf, settings=FINDING)


class Empty(ChatSimulation):
    """A room that takes nobody in."""

    answers: ClassVar = {"is_free": False}


def test_answers_are_the_users_to_choose() -> None:
    """With every name taken no post ever arrives."""
    with pytest.raises(AssertionError, match="never acknowledged: posts"):
        run_state_machine_as_test(Empty, settings=FINDING)
