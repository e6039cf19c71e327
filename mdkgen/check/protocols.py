"""Protocols with their parts: what must be said, deliveries, requests, and what holds between parts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mdkgen import syntax
from mdkgen.check.deliveries import DeliveryChecker, check_batches, name_of
from mdkgen.check.expressions import INT, SECONDS, STRING, Expressions, Scope, Variable, type_of
from mdkgen.check.legality import check_calls, check_messages
from mdkgen.check.machines import STUB_NAMES, MachineChecker, Surroundings
from mdkgen.check.names import Names
from mdkgen.check.types import check_reserved
from mdkgen.model import (
    Construct,
    Machine,
    Named,
    Param,
    ParamRef,
    Part,
    Policy,
    Protocol,
    Reconnect,
    Scalar,
    Span,
    Value,
)

MESSAGE_BYTES_LEAST = 64
"""A message_max below this could hardly hold a type name."""
ONCE = ("transport", "roles", "parts", "unknown", "illegal", "malformed", "close", "reconnect")
NEEDED = {
    "transport": 'transport websocket { path: "/path", tag: "type", message_max: 1MiB }',
    "roles": "roles client connects, server accepts",
    "unknown": "unknown message -> drop",
    "illegal": 'illegal message -> fail "illegal_message"',
    "malformed": 'malformed message -> fail "malformed_message"',
    "reconnect": "reconnect 1s .. 16s x 2 jitter 0.2",
}


def check_protocols(names: Names) -> tuple[Protocol, ...]:
    """All protocols; parts that no protocol lists are reported."""
    checkers = [_ProtocolChecker(names, one) for one in names.protocols.values()]
    protocols = [protocol for checker in checkers if (protocol := checker.protocol()) is not None]
    _check_codec(names, protocols)
    for part in names.parts.values():
        if part.of is not None and part.of.text not in names.protocols:
            names.unknown("protocol", part.of, names.protocols)
    return tuple(protocols)


def _check_codec(names: Names, protocols: Sequence[Protocol]) -> None:
    """A package has one codec: what its protocols write is told apart by one key, and has one limit."""
    for one in protocols[1:]:
        first = protocols[0]
        if one.tag != first.tag:
            message = f"the tag of {one.name} is {one.tag!r}, that of {first.name} is {first.tag!r}"
            names.report("MDK2003", message, one.span, expected=f'tag: "{first.tag}": a package has one codec')
        if one.message_bytes_max != first.message_bytes_max:
            sizes = f"{one.message_bytes_max} bytes, that of {first.name} is {first.message_bytes_max}"
            message = f"the message_max of {one.name} is {sizes}"
            names.report("MDK2003", message, one.span, expected="the same: a package has one codec")


@dataclass(frozen=True)
class _Transport:
    path: str
    tag: str
    message_bytes_max: int


class _ProtocolChecker:
    def __init__(self, names: Names, written: syntax.Part) -> None:
        self.names = names
        self.written = written
        self.items = {item.kind: item for item in reversed(written.items) if item.kind in ONCE}
        self.params: dict[str, ParamRef] = {}
        self.defaults: dict[str, syntax.Expr] = {}

    def protocol(self) -> Protocol | None:
        written = self.written
        self._check_items()
        roles = self.items.get("roles")
        if roles is None:
            return None
        connector, acceptor = (name_of(value).text for value in roles.values)
        self._check_role_names(roles)
        listed = self._parts()
        self._collect_params([written, *listed])
        parts = [self._part(one, (connector, acceptor)) for one in (written, *listed)]
        made = [part for part in parts if part is not None]
        transport = self._transport()
        policies = [self.items.get(kind) for kind in ("unknown", "illegal", "malformed")]
        reconnect = self._reconnect()
        if len(made) < len(parts) or transport is None or reconnect is None or None in policies:
            return None
        self._check_across(made, connector, acceptor)
        unknown, illegal, malformed = (self._policy(one) for one in policies if one is not None)
        return Protocol(
            name=written.name.text,
            path=transport.path,
            tag=transport.tag,
            message_bytes_max=transport.message_bytes_max,
            connector=connector,
            acceptor=acceptor,
            unknown=unknown,
            illegal=illegal,
            malformed=malformed,
            close=self._close(),
            reconnect=reconnect,
            parts=tuple(made),
            doc=written.doc,
            span=written.span,
            reserved=self._reserved(),
        )

    # --- what a protocol says of itself -----------------------------------------------------------

    def _check_items(self) -> None:
        kinds = [item.kind for item in self.written.items]
        for kind, example in NEEDED.items():
            if kind not in kinds:
                message = f"the protocol {self.written.name.text} does not say `{kind}`"
                self.names.report("MDK3001", message, self.written.name.span, expected=example)
        for item in self.written.items:
            if item.kind in ONCE and item is not self.items[item.kind]:
                self.names.report("MDK3014", f"`{item.kind}` is said twice", item.span, expected="one of both")

    def _reserved(self) -> tuple[str, ...]:
        reserved = [name_of(value) for item in self.written.items if item.kind == "reserved" for value in item.values]
        messages = self.names.messages.values()
        taken = [(one.wire or "", one.name.span) for one in messages]
        taken += [(alias.text, alias.span) for one in messages for alias in one.also]
        return check_reserved(self.names, reserved, taken, "the type name {}")

    def _check_role_names(self, roles: syntax.Item) -> None:
        names = [name_of(value) for value in roles.values]
        self.names.unique("the role", names)
        for name in names:
            self.names.python("the role", name, {"messages", "codec", "tables", "testing"})

    def _transport(self) -> _Transport | None:
        item = self.items.get("transport")
        if item is None:
            return None
        kind, *options = item.values
        if name_of(kind).text != "websocket":
            self.names.report(
                "MDK2002", f"unknown transport {name_of(kind).text!r}", name_of(kind).span, expected="websocket"
            )
        values: dict[str, str | int] = {}
        wanted = {"path": STRING, "tag": STRING, "message_max": INT}
        for option in options:
            name, value = _option(option)
            if name.text not in wanted:
                self.names.unknown("option of the transport", name, wanted)
                continue
            resolved = Expressions(self.names).resolve(value, wanted[name.text])
            if isinstance(resolved, Value) and isinstance(resolved.value, str | int):
                values[name.text] = resolved.value
        path, tag, limit = values.get("path", "/"), values.get("tag", "type"), values.get("message_max", 2**20)
        if not re.fullmatch(r"/[!-~]*", str(path)) or "?" in str(path) or "#" in str(path):
            message = f"{path!r} is no path of a URL"
            self.names.report("MDK2003", message, item.span, expected='path: "/name", without blanks, ? and #')
        if int(limit) < MESSAGE_BYTES_LEAST:
            message = f"a message_max of {limit} bytes leaves no room"
            self.names.report("MDK2003", message, item.span, expected=f"{MESSAGE_BYTES_LEAST} bytes or more")
        self._check_tag(str(tag), item)
        return _Transport(str(path), str(tag), int(limit))

    def _check_tag(self, tag: str, item: syntax.Item) -> None:
        """The key that holds a message's type name is no other field's."""
        for message in self.names.messages.values():
            for field in message.fields:
                if (field.wire or field.name.text) == tag:
                    text = f"{tag!r} is already the key that names a message's type"
                    self.names.report("MDK2005", text, field.name.span, expected="another key")
        if not tag:
            self.names.report("MDK2003", "the tag is empty", item.span, expected='tag: "type"')

    def _reconnect(self) -> Reconnect | None:
        item = self.items.get("reconnect")
        if item is None:
            return None
        first, longest, factor, jitter = item.values
        expressions = Expressions(self.names)
        kinds = (SECONDS, SECONDS, Scalar("float"), Scalar("float"))
        written = (first, longest, factor, jitter)
        numbers = [
            0.0 if one is None else expressions.number(one, kind) for one, kind in zip(written, kinds, strict=True)
        ]
        if any(number is None for number in numbers):
            return None
        first_s, longest_s, by, part = (float(number or 0) for number in numbers)
        if not 0 < first_s <= longest_s or by < 1 or not 0 <= part < 1:
            expected = "0 < first <= longest, a factor of 1 or more, a jitter from 0 to below 1"
            self.names.report("MDK2003", "these waits cannot be", item.span, expected=expected)
        return Reconnect(first_s, longest_s, by, part)

    def _close(self) -> Construct | None:
        item = self.items.get("close")
        if item is None:
            return None
        variables = {"CODE": Variable(STRING, optional=False), "TITLE": Variable(STRING, optional=False)}
        (value,) = item.values
        resolved = Expressions(self.names, Scope(variables)).resolve(value)
        if resolved is None:
            return None
        type_ = type_of(resolved)
        if not isinstance(resolved, Construct) or not isinstance(type_, Named) or type_.kind != "message":
            self.names.report("MDK2003", "`close with` wants a message", item.span, expected="Message(field = CODE)")
            return None
        return resolved

    def _policy(self, item: syntax.Item) -> Policy:
        drop_max, code = item.values[0]
        if drop_max is not None and drop_max < 0:
            self.names.report("MDK2003", f"{drop_max} is too small", item.span, expected="0 or more")
        return Policy(drop_max, code)

    # --- parts ------------------------------------------------------------------------------------

    def _parts(self) -> list[syntax.Part]:
        own = self.written.name.text
        declared = {name: one for name, one in self.names.parts.items() if one.of is not None and one.of.text == own}
        item = self.items.get("parts")
        listed = [name_of(value) for value in item.values] if item is not None else []
        self.names.unique("the part", listed)
        for name in listed:
            if name.text not in declared:
                message = f"{name.text} is not declared as a part of {own}"
                self.names.report(
                    "MDK3012", message, name.span, expected=f"part {name.text} of {own} live in ... {{ }}"
                )
        for part in declared.values():
            if part.name.text not in {name.text for name in listed}:
                message = f"{own} does not list its part {part.name.text}, so it would never start"
                expected = f"parts ..., {part.name.text} in protocol {own}"
                self.names.report("MDK3012", message, part.name.span, expected=expected)
        return [declared[name.text] for name in dict.fromkeys(listed) if name.text in declared]

    def _collect_params(self, parts: Iterable[syntax.Part]) -> None:
        written = [(part, item) for part in parts for item in part.items if item.kind == "param"]
        self.names.unique("the param", (name_of(item.values[0]) for _, item in written))
        for part, item in written:
            name, type_ = name_of(item.values[0]), self.names.resolved(item.values[1])
            self.names.python("the param", name, {"self", "handler", "shared", "random", "super"})
            if type_ is not None and self.names.base(type_) not in (SECONDS, INT, Scalar("float")):
                self.names.report(
                    "MDK2003", f"the param {name.text} is not a number", item.span, expected="int, float or seconds"
                )
            elif type_ is not None:
                self.params.setdefault(name.text, ParamRef(part.name.text, name.text, type_))
                self.defaults.setdefault(name.text, item.values[2])

    def _part(self, written: syntax.Part, roles: tuple[str, str]) -> Part | None:
        params = [self._param(item) for item in written.items if item.kind == "param"]
        checker = DeliveryChecker(self.names, self.params, self.defaults)
        deliveries = [checker.delivery(item, roles) for item in written.items if item.kind == "delivery"]
        requests = [checker.request(item, roles) for item in written.items if item.kind == "request"]
        machines = self._machines(written, roles)
        if machines is None:
            return None
        return Part(
            written.name.text,
            tuple(name.text for name in written.live_in),
            tuple(one for one in params if one is not None),
            tuple(one for one in deliveries if one is not None),
            tuple(one for one in requests if one is not None),
            machines,
            written.doc,
            written.span,
        )

    def _machines(self, written: syntax.Part, roles: tuple[str, str]) -> tuple[Machine, ...] | None:
        self.names.unique("the role", (role.name for role in written.roles))
        by_name = {role.name.text: role for role in written.roles}
        for role in by_name.values():
            if role.name.text not in roles:
                self.names.unknown("role", role.name, roles)
        missing = [name for name in roles if name not in by_name]
        for name in missing:
            message = f"{written.name.text} says nothing of the {name}"
            self.names.report("MDK3001", message, written.name.span, expected=f"role {name} {{ start state Up {{ }} }}")
        if missing:
            return None
        return tuple(
            MachineChecker(
                self.names, written.name.text, by_name[role], Surroundings(self.params, self.defaults, role == roles[1])
            ).machine()
            for role in roles
        )

    def _param(self, item: syntax.Item) -> Param | None:
        name, written, default = item.values
        type_ = self.names.resolved(written)
        expressions = Expressions(self.names)
        value = None if type_ is None else expressions.resolve(default, type_)
        number = expressions.value(value)
        if number is not None and number <= 0:
            message = f"the param {name_of(name).text} is {number:g}"
            self.names.report("MDK2003", message, default.span, expected="a number above 0")
        return None if type_ is None or value is None else Param(name_of(name).text, type_, value, item.doc, item.span)

    # --- between parts ----------------------------------------------------------------------------

    def _check_across(self, parts: list[Part], connector: str, acceptor: str) -> None:
        root = parts[0]
        for part in parts[1:]:
            states = {state.name for machine in root.machines for state in machine.states}
            for name in self.names.parts[part.name].live_in:
                if name.text not in states:
                    message = f"{root.name} has no state {name.text}"
                    self.names.report("MDK3004", message, name.span, expected=", ".join(sorted(states)))
            for machine in root.machines:
                if not {state.name for state in machine.states} & set(part.live_in):
                    message = f"{part.name} is never live for the {machine.role}"
                    self.names.report("MDK3004", message, part.span, expected=f"live in a state of the {machine.role}")
        for part in parts:
            check_batches(self.names, root, part)
        for role in (connector, acceptor):
            self._check_unique(parts, role)
        check_calls(self.names, parts)
        check_messages(self.names, parts, self.items.get("close"), self._close())

    def _check_unique(self, parts: list[Part], role: str) -> None:
        """Calls, hooks, tells, deliveries and requests become names of one class."""
        seen: dict[str, str] = {}
        for part in parts:
            machine = part.machine(role)
            for name, span in _names_of(part, machine):
                if seen.setdefault(name, part.name) != part.name:
                    message = f"{name!r} of {part.name} is also a name in {seen[name]}, for the same role"
                    self.names.report("MDK2001", message, span, expected="another name")
                if name in STUB_NAMES:
                    message = f"{name!r} would clash in the generated code"
                    self.names.report("MDK2006", message, span, expected="another name")


def _names_of(part: Part, machine: Machine) -> Iterator[tuple[str, Span]]:
    yield from ((one.name, one.span) for one in machine.hooks)
    yield from ((one.name, machine.span) for one in machine.calls)
    yield from ((one.name, machine.span) for one in machine.events)
    yield from ((one.name, one.span) for one in part.deliveries)
    yield from ((one.name, one.span) for one in part.requests)


def _option(value: Any) -> tuple[syntax.Name, syntax.Expr]:
    option: tuple[syntax.Name, syntax.Expr] = value
    return option
