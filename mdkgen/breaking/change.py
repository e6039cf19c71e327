"""What is found between two versions, and whom it keeps from talking to whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mdkgen.diagnostics import Diagnostic, TraceStep
from mdkgen.model import (
    ConstRef,
    Construct,
    Delivery,
    Enum,
    Expr,
    ListOf,
    ListValue,
    MapOf,
    MapValue,
    Message,
    Named,
    Newtype,
    Nullable,
    Part,
    Protocol,
    Record,
    Send,
    Span,
    Spec,
    Type,
    Value,
)
from mdkgen.model_walk import structs_of, transitions_of
from mdkgen.rules import all_rules

Pair = Literal["old connector", "new connector"]
"""Two versions that meet, by that of the connecting side; the accepting side has the other."""
OLD_CONNECTOR: Pair = "old connector"
NEW_CONNECTOR: Pair = "new connector"
BOTH = frozenset((OLD_CONNECTOR, NEW_CONNECTOR))
NOBODY = frozenset[Pair]()


@dataclass(frozen=True, slots=True)
class Change:
    """One finding, its level, and the pairs that it breaks."""

    diagnostic: Diagnostic
    level: str
    breaks: frozenset[Pair]


def change(
    code: str,
    message: str,
    span: Span,
    breaks: Iterable[Pair] = (),
    *,
    expected: str = "",
    severity: Literal["error", "warning", "note"] | None = None,
    trace: tuple[TraceStep, ...] = (),
) -> Change:
    """A change of the rule's level; without a severity, the rule's own."""
    rule = all_rules()[code]
    found = Diagnostic(code, severity or rule.severity, message, span, expected, trace=trace)
    level = "docs" if rule.category == "notice" else rule.category
    return Change(found, level, frozenset(breaks))


class Version:
    """A spec with what a comparison asks of it."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.messages = {one.name: one for one in spec.messages}
        self.records = {one.name: one for one in spec.records}
        self.enums = {one.name: one for one in spec.enums}
        self.newtypes = {one.name: one for one in spec.newtypes}
        self.consts = {one.name: one for one in spec.consts}
        self.protocols = {one.name: one for one in spec.protocols}
        self.structs: dict[str, Record | Message] = {one.name: one for one in structs_of(spec)}

    @property
    def span(self) -> Span:
        """The beginning, for what is not there any more."""
        return Span(self.spec.files[0] if self.spec.files else "", 1, 1, 1, 2)

    def key(self, struct: str, field: str) -> str:
        """The key of a field on the wire."""
        return next(one.wire for one in self.structs[struct].fields if one.name == field)

    @cached_property
    def senders(self) -> Mapping[str, frozenset[int]]:
        """Message, record, enum or newtype: the sides (0 connects, 1 accepts) that may send it, also inside another."""
        found: dict[str, set[int]] = {}
        for protocol in self.spec.protocols:
            for index, role in enumerate((protocol.connector, protocol.acceptor)):
                for message in sent_by(protocol, role):
                    self._reach(message, index, found)
        return {name: frozenset(sides) for name, sides in found.items()}

    def _reach(self, name: str, index: int, found: dict[str, set[int]]) -> None:
        sides = found.setdefault(name, set())
        if index in sides:
            return
        sides.add(index)
        struct = self.structs.get(name)
        for field in struct.fields if struct is not None else ():
            for inner in named_in(field.type):
                self._reach(inner, index, found)

    def plain(self, expr: Expr | None) -> object:
        """What a default is, however it is written: by a constant, an enum's member or a literal."""
        match expr:
            case ConstRef(name) if name in self.consts:
                return self.consts[name].value.value
            case Value(value):
                return value
            case ListValue(items):
                return [self.plain(one) for one in items]
            case MapValue(items):
                return {key: self.plain(one) for key, one in items}
            case Construct(type_, given):
                keys = {one.name: one.wire for one in self.structs[type_.name].fields}
                return {keys[name]: self.plain(one) for name, one in given}
            case _:
                return expr

    def base(self, type_: Type) -> Type:
        """The type behind a newtype."""
        if isinstance(type_, Named) and type_.name in self.newtypes:
            return self.newtypes[type_.name].base
        return type_


def named_in(type_: Type) -> Iterable[str]:
    """The declared types in a type."""
    match type_:
        case Named(name):
            return (name,)
        case ListOf(inner) | MapOf(inner) | Nullable(inner):
            return named_in(inner)
        case _:
            return ()


def sent_by(protocol: Protocol, role: str) -> set[str]:
    """Every message that a role may send."""
    sent = {protocol.close.type.name} if protocol.close is not None else set[str]()
    for part in protocol.parts:
        for one in transitions_of(part.machine(role)):
            sent |= {action.message for action in one.actions if isinstance(action, Send)}
        for delivery in part.deliveries:
            sent |= set(delivery.packets if delivery.sender == role else delivery.acks)
        for request in part.requests:
            sent |= {request.message if request.sender == role else request.reply}
    return sent


def old_to_new(senders: Iterable[int]) -> frozenset[Pair]:
    """The pairs in which an old sender meets a new receiver."""
    return frozenset(OLD_CONNECTOR if index == 0 else NEW_CONNECTOR for index in senders)


def new_to_old(senders: Iterable[int]) -> frozenset[Pair]:
    """The pairs in which a new sender meets an old receiver."""
    return frozenset(NEW_CONNECTOR if index == 0 else OLD_CONNECTOR for index in senders)


def parts_in_both(old: Version, new: Version) -> Iterable[tuple[Protocol, Part, Protocol, Part]]:
    """Protocols and parts of one name in both versions: old, then new."""
    for name, protocol in new.protocols.items():
        before = old.protocols.get(name)
        if before is not None:
            known = {part.name: part for part in before.parts}
            for part in protocol.parts:
                if part.name in known:
                    yield before, known[part.name], protocol, part


__all__ = [
    "BOTH", "NEW_CONNECTOR", "NOBODY", "OLD_CONNECTOR", "Change", "Delivery", "Enum", "Newtype", "Pair", "Version", "change",
    "named_in", "new_to_old", "old_to_new", "parts_in_both", "sent_by",
]  # fmt: skip
