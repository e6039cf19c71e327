"""Values for a peer that has no application: of any type of a spec, from a seed."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from types import ModuleType
from typing import Any

import msgspec

from mdkspec_runtime.tables import Role

DEPTH_MAX = 4
"""Records inside one another; a record may hold itself."""


class Examples:
    """Values of one spec.

    Args:
        package: Generated from it.
        spec: Its `spec.json`.
        seed: The same seed, the same values.
    """

    def __init__(self, package: ModuleType, spec: Mapping[str, Any], seed: int) -> None:
        self._package = package
        self._random = Random(seed)  # noqa: S311  # nothing secret
        self._structs = {one["name"]: one for one in (*spec["records"], *spec["messages"])}
        self._enums = {one["name"]: one for one in spec["enums"]}
        self._newtypes = {one["name"]: one for one in spec["newtypes"]}
        self.calls: dict[tuple[str, str], dict[str, tuple[str, Sequence[Mapping[str, Any]]]]] = {}
        """By protocol and role the calls by name: the part, and what they take."""
        for protocol, part, machine in _machines(spec):
            calls = {one["name"]: (part["name"], one["arguments"]) for one in machine["calls"]}
            self.calls.setdefault((protocol["name"], machine["role"]), {}).update(calls)
        self.hooks: dict[tuple[str, str, str], Mapping[str, Any]] = {
            (protocol["name"], machine["role"], hook["name"]): hook
            for protocol, _, machine in _machines(spec)
            for hook in machine["hooks"]
        }

    def arguments(self, arguments: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Of a call; what may be left out is."""
        return [msgspec.UNSET if one["optional"] else self.value(one["type"]) for one in arguments]

    def message(self, name: str, depth: int = 0) -> msgspec.Struct:
        """A record or message; what may be left out is there or not."""
        fields: dict[str, Any] = {}
        for field in self._structs[name]["fields"]:
            if field["presence"] == "required" or (depth < DEPTH_MAX and self._random.random() < 0.5):
                fields[field["name"]] = self.value(field["type"], depth + 1)
        made: msgspec.Struct = getattr(self._package, name)(**fields)
        return made

    def value(self, type_: Mapping[str, Any], depth: int = 0) -> Any:
        """A value of a type."""
        random = self._random
        match type_["kind"]:
            case "Scalar":
                return self._scalar(type_["name"])
            case "ListOf":
                return [
                    self.value(type_["item"], depth + 1) for _ in range(random.randrange(3) if depth < DEPTH_MAX else 0)
                ]
            case "MapOf":
                return {f"key{n}": self.value(type_["value"], depth + 1) for n in range(random.randrange(2))}
            case "Nullable":
                return None if random.random() < 0.5 else self.value(type_["base"], depth)
            case _:
                return self._named(type_["name"], depth)

    def _named(self, name: str, depth: int) -> Any:
        if name in self._enums:
            return getattr(self._package, name)(self._random.choice(self._enums[name]["members"])["value"])
        if name in self._newtypes:
            one = self._newtypes[name]
            value = self._scalar(one["base"]["name"])
            low, high = one["minimum"], one["maximum"]
            value = value if low is None else max(low, value)
            return value if high is None else min(high, value)
        return self.message(name, depth)

    def _scalar(self, name: str) -> Any:
        random = self._random
        match name:
            case "bool":
                return True
            case "string":
                return f"text {random.randrange(1000)}"
            case "int":
                return random.randrange(1000)
            case "any":
                return random.choice([None, 1, "x", {"a": [1]}])
            case _:
                return random.randrange(1, 1000) / 10


def _machines(spec: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]]:
    for protocol in spec["protocols"]:
        for part in protocol["parts"]:
            for machine in part["machines"]:
                yield protocol, part, machine


class Nobody:
    """An application that says yes, answers with examples, and notes what it is told."""

    def __init__(self, role: Role, examples: Examples, told: Callable[[str, tuple[Any, ...]], None]) -> None:
        self._role = role
        self._examples = examples
        self._told = told

    def __getattr__(self, name: str) -> Callable[..., Any]:
        hook = self._examples.hooks.get((self._role.protocol, self._role.role, name))
        if hook is None or hook["result"] is None:
            return lambda *args: self._told(name, args)
        result = hook["result"]
        if hook["each"]:
            return lambda *args: [self._examples.value(result) for _ in range(2)]
        return lambda *args: self._examples.value(result)


def add_protocol(parser: argparse.ArgumentParser) -> None:
    """The option that names a protocol of the spec."""
    parser.add_argument(
        "--protocol", metavar="NAME", help="of a spec with several; else the one that has the role, if it is one"
    )


def roles_of(package: ModuleType, protocol: str | None = None, role: str | None = None) -> dict[str, Role]:
    """The tables of one protocol by role: of the one that is named, else of the one that there is, or that has the role.

    Raises:
        ValueError: There is no such protocol or role, or several could be meant.
    """
    found: dict[str, dict[str, Role]] = {}
    for name in package.__all__:
        one = getattr(package, name)
        if isinstance(one, Role):
            found.setdefault(one.protocol, {})[one.role] = one
    if protocol is not None and protocol not in found:
        raise ValueError(f"there is no protocol {protocol!r}; there are: {', '.join(sorted(found))}")
    known = found if protocol is None else {protocol: found[protocol]}
    meant = {name: roles for name, roles in known.items() if role is None or role in roles}
    if not meant:
        roles = sorted({one for roles in known.values() for one in roles})
        raise ValueError(f"there is no role {role!r}; there are: {', '.join(roles)}")
    if len(meant) > 1:
        which = "there are several protocols" if role is None else f"several protocols have a role {role!r}"
        raise ValueError(f"{which}: {', '.join(sorted(meant))}; name one with --protocol")
    return next(iter(meant.values()))
