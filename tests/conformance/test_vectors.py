"""Vectors: what mdkgen works out from the spec alone, on the Python that it generates."""

from __future__ import annotations

import importlib
import json
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from conformance.specs import SPECS, spec_of
from mdkgen.model_walk import transitions_of
from mdkgen.vectors.conversations import Conversations
from mdkgen.vectors.render import render
from mdkgen.vectors.values import Values
from mdkspec_runtime.codec import Codec
from mdkspec_runtime.tables import Role
from mdkspec_runtime.testing.vectors import problems


@cache
def vectors_of(package: str) -> dict[str, Any]:
    """The vectors of a package's spec."""
    vectors: dict[str, Any] = json.loads(render(spec_of(package))["vectors.json"])
    return vectors


@pytest.mark.parametrize("package", SPECS)
def test_python_does_what_the_vectors_say(package: str) -> None:
    """Every form of every message, every frame that is none, every conversation."""
    assert list(problems(vectors_of(package), importlib.import_module(package))) == []


@pytest.mark.parametrize("package", SPECS)
def test_conversations_take_every_transition(package: str) -> None:
    """Of every machine of both roles; shared leases lapse without a conversation."""
    spec = spec_of(package)
    for protocol in spec.protocols:
        for role in (protocol.connector, protocol.acceptor):
            conversations = Conversations(Values(spec), protocol, role)
            assert len(list(conversations.all())) > 10
            wanted = {
                transition.span
                for part in protocol.parts
                for transition in transitions_of(part.machine(role))
                if transition.trigger.kind != "lapse"
            }
            assert wanted - conversations.fired == set()


@pytest.mark.parametrize("package", SPECS)
def test_every_message_has_vectors(package: str) -> None:
    """Read in at least three forms, refused in some; every alias is read."""
    spec, vectors = spec_of(package), vectors_of(package)
    for message in spec.messages:
        good = [one for one in vectors["good"] if one["message"] == message.name]
        assert len(good) >= 3
        assert {one["alias"] for one in good if "alias" in one} == set(message.also)
        bad = [one for one in vectors["bad"] if one["name"].startswith(f"{message.name} ")]
        assert bad or not message.fields


def test_the_same_bytes_every_time() -> None:
    """Vectors do not depend on the order of anything."""
    assert render(spec_of("chat_protocol")) == render(spec_of("chat_protocol"))


def _mutants(role: Role) -> list[tuple[str, Role]]:
    """A role with one transition's actions gone, or with another target, or without its guard."""
    found: list[tuple[str, Role]] = []
    for place, machine in enumerate(role.machines):
        for state, inputs in machine.states.items():
            for input_, transitions in inputs.items():
                for number, one in enumerate(transitions):
                    changed = [structs.replace(one, actions=one.actions[1:])] if one.actions else []
                    if one.target is not None:
                        changed.append(structs.replace(one, target=None))
                    if one.guard is not None:
                        changed.append(structs.replace(one, guard=None))
                    for mutant in changed:
                        table = (*transitions[:number], mutant, *transitions[number + 1 :])
                        states = {**machine.states, state: {**inputs, input_: table}}
                        machines = list(role.machines)
                        machines[place] = structs.replace(machine, states=states)
                        name = f"{role.role} {machine.part} {state} {input_}"
                        found.append((name, structs.replace(role, machines=tuple(machines))))
    return found


def test_every_planted_fault_is_found() -> None:
    """One action, target or guard of chat's tables is wrong: some vector does not come out."""
    package = importlib.import_module("chat_protocol")
    mutants = [*_mutants(package.CHAT_MEMBER), *_mutants(package.CHAT_ROOM)]
    assert len(mutants) > 12
    for name, mutant in mutants:
        names = {"CODEC": package.CODEC, **{one: getattr(package, one) for one in package.__all__}}
        stub = "ChatMember" if mutant.role == "member" else "ChatRoom"
        names[stub] = _with_tables(getattr(package, stub), mutant)
        ours = {**vectors_of("chat_protocol"), "good": [], "bad": []}
        ours["conversations"] = [one for one in ours["conversations"] if one["role"] == mutant.role]
        faulty: Any = SimpleNamespace(**names)
        assert next(problems(ours, faulty), None), name


def _with_tables(stub: Any, role: Role) -> Any:
    def make(handler: object) -> Any:
        endpoint = stub.__new__(stub)
        super(stub, endpoint).__init__(role, handler)
        return endpoint

    return make


def test_a_codec_that_forgets_is_found() -> None:
    """A message read as another, an alias that is not told, a wrong value: each has its line."""
    package = importlib.import_module("chat_protocol")
    wrong: Any = SimpleNamespace(
        CODEC=Codec(tag="kind", messages=package.CODEC.messages[1:], aliases={}, message_bytes_max=65536)
    )
    found = list(problems({**vectors_of("chat_protocol"), "conversations": []}, wrong))
    assert any("Join with everything: is not read: unknown message type 'join'" in line for line in found)
    good = dict(vectors_of("chat_protocol")["good"][0])
    good["value"] = {**good["value"], "name": "another"}
    found = list(problems({"good": [good], "bad": [], "conversations": []}, package))
    assert len(found) == 1
    assert "is written as" in found[0]
