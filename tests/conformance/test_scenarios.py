"""What the specs promise as scenarios: the generated stubs do it, role by role."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from mdkspec_runtime.testing.scenarios import Scenario, scenarios_of

PACKAGES = ("mdk_protocol", "chat_protocol", "jobs_protocol")
ALL = [one for package in PACKAGES for one in scenarios_of(package)]


@pytest.mark.parametrize("scenario", ALL, ids=str)
def test_a_role_does_as_the_scenario_says(scenario: Scenario) -> None:
    """On the stubs, under a clock that only the scenario moves."""
    scenario.check()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_generated_package_offers_its_scenarios(package: str) -> None:
    """Each for both roles."""
    testing: Any = importlib.import_module(f"{package}.testing")
    offered = testing.scenarios()
    assert offered == scenarios_of(package)
    assert len({one.name for one in offered}) * 2 == len(offered)


def test_a_stub_that_does_something_else_is_found() -> None:
    """The first step that differs is named."""
    one = next(one for one in ALL if one.name == "a registered node is kept alive" and one.role == "client")
    steps = [dict(step) for step in one.entry["steps"]]
    late = next(place for place, step in enumerate(steps) if step["do"] == "advance" and "frames" in step["expect"])
    steps[late] = {**steps[late], "to": steps[late]["to"] - 1.0}
    wrong = Scenario(one.package, one.name, one.part, one.role, {**one.entry, "steps": steps})
    with pytest.raises(AssertionError, match=rf"client: step {late} \(advance\): deadline 10.0, expected 15.0"):
        wrong.check()
