"""Tests of mdk_runtime.core.client.environments."""

from __future__ import annotations

import copy
import pickle

import pytest

from mdk_protocol import messages
from mdk_runtime.core.client.environments import Environment, from_message, parse_environment


@pytest.mark.parametrize(
    ("text", "name", "fallback"),
    [("", "sandbox", None), ("child", "child", None), ("parent:child", "child", "parent")],
)
def test_parse(text: str, name: str, fallback: str | None) -> None:
    """The fallback stands first, and nodes live in what stands last."""
    environment = parse_environment(text)
    assert (environment.name, environment.fallback_name) == (name, fallback)
    assert str(environment) == (text or "sandbox")


@pytest.mark.parametrize("text", [":", "a:", ":b", "a:b:c"])
def test_parse_refuses(text: str) -> None:
    """A missing part is an error."""
    with pytest.raises(ValueError, match=text):
        parse_environment(text)


def test_travels() -> None:
    """What comes back is what went."""
    for environment in (Environment(), Environment("child", "parent")):
        assert from_message(environment.message) == environment
    assert from_message(messages.Environment(name="", fallback_name="")) == Environment()


def test_original_names() -> None:
    """The original's name for the fallback works."""
    assert Environment("child", "parent").fallbackName == Environment("child", "parent").fallback == "parent"


def test_keys_differ() -> None:
    """Environments that differ have keys that differ, whatever their names."""
    assert Environment("b", "a").key != Environment("a:b").key != Environment("b").key


def test_an_environment_is_a_value() -> None:
    """Equal by what it says, usable as a key, copied and pickled, and not to be changed."""
    one, same, other = Environment("child", "parent"), Environment("child", "parent"), Environment("child")
    assert (one == same, one == other, one == "child") == (True, False, False)
    assert {one: 1}[same] == 1
    assert repr(one) == "Environment(name='child', fallback_name='parent')"
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    with pytest.raises(AttributeError, match="an environment cannot be changed: name of Environment"):
        one.name = "other"
