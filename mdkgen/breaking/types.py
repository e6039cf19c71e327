"""What messages and types are called in a spec: no peer sees it, so an old version is compared under the new names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeGuard

from mdkgen.model import (
    Batch,
    Delivery,
    Enum,
    Field,
    ListOf,
    MapOf,
    Message,
    Named,
    Newtype,
    Nullable,
    Record,
    Request,
    Send,
    Spec,
    State,
    Trigger,
    Type,
)
from mdkgen.model_walk import structs_of

_NAMED: Mapping[type, tuple[str, ...]] = {
    Batch: ("message", "ack"),
    Delivery: ("message", "ack"),
    Enum: ("name",),
    Message: ("name",),
    Named: ("name",),
    Newtype: ("name",),
    Record: ("name",),
    Request: ("message", "reply"),
    Send: ("message",),
    State: ("ignores",),
}
"""Where the name of a message or type stands."""


def types_called_as_in(new: Spec, old: Spec) -> Spec:
    """The old version, with the names that the new one has for the same messages and types.

    Messages are the same if one reads what the other writes; other types, if they stand in the same place of the same
    message and neither version has the other's name.
    """
    names = _Pairs(new, old).names()
    return _called(old, names) if names else old


def by_key(before: tuple[Field, ...], after: tuple[Field, ...]) -> list[tuple[Field, Field]]:
    """Fields of an old and a new struct that are the same for a peer; those that have kept only their name follow."""
    news = {one.wire: one for one in after}
    pairs = [(one, news[one.wire]) for one in before if one.wire in news]
    taken = {one.wire for _, one in pairs}
    left = {one.name: one for one in after if one.wire not in taken}
    return pairs + [(one, left[one.name]) for one in before if one.wire not in news and one.name in left]


class _Pairs:
    """Finds what is called otherwise now."""

    def __init__(self, new: Spec, old: Spec) -> None:
        self.new, self.old = new, old
        self.found: dict[str, str] = {}
        self.structs = ({one.name: one for one in structs_of(old)}, {one.name: one for one in structs_of(new)})
        self.known = (_declared(old), _declared(new))
        self.seen: set[tuple[str, str]] = set()

    def names(self) -> dict[str, str]:
        """By old name, the new one."""
        writes = {one.wire: one.name for one in self.new.messages}
        reads = {wire: one.name for one in self.new.messages for wire in one.also}
        for one in self.old.messages:
            now = writes.get(one.wire) or (reads.get(one.wire) if one.name not in self.known[1] else None)
            if now is not None:
                self._structs(one.name, now)
        left = self.known[0] - self.found.keys()
        return self.found | {name: f"older {name}" for name in left & {*self.found.values()}}

    def _structs(self, old: str, new: str) -> None:
        """The same message or record, under two names or one."""
        if old != new:
            self.found[old] = new
        if (old, new) not in self.seen:
            self.seen.add((old, new))
            for before, after in by_key(self.structs[0][old].fields, self.structs[1][new].fields):
                self._types(before.type, after.type)

    def _types(self, old: Type, new: Type) -> None:
        match old, new:
            case Nullable(inner), _:
                self._types(inner, new)
            case _, Nullable(inner):
                self._types(old, inner)
            case (ListOf(a), ListOf(b)) | (MapOf(a), MapOf(b)):
                self._types(a, b)
            case Named(a, kind), Named(b, other) if kind == other and kind != "message" and self._may_be_same(a, b):
                if kind == "record":
                    self._structs(a, b)
                elif a != b:
                    self.found[a] = b
            case _:
                pass

    def _may_be_same(self, old: str, new: str) -> bool:
        if old == new or old in self.found:
            return self.found.get(old, old) == new
        return old not in self.known[1] and new not in self.known[0] and new not in self.found.values()


def _declared(spec: Spec) -> set[str]:
    others = {one.name for one in spec.newtypes} | {one.name for one in spec.enums}
    return others | {one.name for one in structs_of(spec)}


def _is_tuple(facts: Any) -> TypeGuard[tuple[Any, ...]]:
    return isinstance(facts, tuple)


def _called(facts: Any, names: Mapping[str, str]) -> Any:
    if _is_tuple(facts):
        return tuple(_called(one, names) for one in facts)
    if not is_dataclass(facts) or isinstance(facts, type):
        return facts
    changed: dict[str, Any] = {}
    for one in fields(facts):
        value = getattr(facts, one.name)
        made = _called(value, names)
        if made != value:
            changed[one.name] = made
    own = _NAMED.get(type(facts), ("name",) if isinstance(facts, Trigger) and facts.kind == "recv" else ())
    for name in own:
        value = getattr(facts, name)
        changed[name] = names.get(value, value) if isinstance(value, str) else tuple(names.get(n, n) for n in value)
    return replace(facts, **changed) if changed else facts
