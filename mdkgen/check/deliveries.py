"""Deliveries and requests: what they must say, and which messages fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mdkgen import syntax
from mdkgen.check.expressions import INT, Expressions, Scope
from mdkgen.check.names import Names
from mdkgen.model import Batch, Delivery, ListOf, Named, ParamRef, Part, Request


class _Pair(NamedTuple):
    """`Message.field`."""

    message: syntax.Name
    field: syntax.Name


class DeliveryChecker:
    """Checks the deliveries and requests of one protocol's parts.

    Args:
        names: Of the whole spec; gets the reports.
        params: What a timeout may refer to.
        defaults: Of the params, as written.
    """

    def __init__(self, names: Names, params: Mapping[str, ParamRef], defaults: Mapping[str, syntax.Expr]) -> None:
        self.names = names
        self.scope = Scope(params=params, defaults=defaults)

    def _said(self, item: syntax.Item, needed: dict[str, str]) -> dict[str, syntax.Item] | None:
        """What a delivery or request says, by keyword; None, with reports, if something is missing."""
        name, inner = item.values
        found: dict[str, syntax.Item] = {}
        for one in inner:
            if one.kind in found:
                self.names.report("MDK3014", f"`{one.kind}` is said twice", one.span, expected="one of both")
            found[one.kind] = one
        missing = [kind for kind in needed if kind not in found]
        for kind in missing:
            message = f"the {item.kind} {name_of(name).text} does not say `{kind}`"
            self.names.report("MDK3001", message, name_of(name).span, expected=needed[kind])
        return None if missing else found

    def _sender(self, said: dict[str, syntax.Item], roles: tuple[str, str]) -> str:
        name = name_of(said["from"].values[0])
        if name.text not in roles:
            self.names.unknown("role", name, roles)
            return roles[0]  # so that what follows from it is not wrong as well
        return name.text

    def _number(self, message: syntax.Name, field: syntax.Name) -> bool:
        """Whether the message has an integer field of this name."""
        if message.text not in self.names.messages:
            self.names.unknown("message", message, self.names.messages)
            return False
        fields = {one.name.text: one for one in self.names.messages[message.text].fields}
        if field.text not in fields:
            self.names.unknown(f"field of {message.text}", field, fields)
            return False
        type_ = self.names.resolved(fields[field.text].type)
        if type_ is not None and self.names.base(type_) != INT:
            text = f"{message.text}.{field.text} numbers messages, but is no int"
            self.names.report("MDK3013", text, field.span, expected="int")
            return False
        return True

    def _pair(self, item: syntax.Item) -> _Pair | None:
        """`Message.field`."""
        path: tuple[syntax.Name, ...] = item.values[0]
        if len(path) != 2:
            self.names.report("MDK3013", "a message and its field are wanted", item.span, expected="Message.field")
            return None
        return _Pair(*path) if self._number(*path) else None

    def delivery(self, item: syntax.Item, roles: tuple[str, str]) -> Delivery | None:
        """A delivery; None, with reports, if it cannot be."""
        said = self._said(
            item,
            {
                "from": f"from {roles[0]}",
                "message": "message M",
                "number": "number sequence from 0",
                "ack": "ack Ack.sequence each",
                "resend": "resend on connect",
                "buffer": "buffer 10000 or 16MiB drop_oldest",
            },
        )
        if said is None:
            return None
        message, (field, first) = name_of(said["message"].values[0]), said["number"].values
        good = self._number(message, name_of(field))
        ack = self._pair(syntax.Item("ack", said["ack"].values[:1], "", said["ack"].span))
        count, size, overflow = said["buffer"].values
        self._at_least(said["number"], 1, 0)
        self._at_least(said["buffer"], 0, 1)
        self._at_least(said["buffer"], 1, 1)
        if not good or ack is None:
            return None
        self._check_ack(*ack)
        batch = self._batch(said["batch"], message) if "batch" in said else None
        return Delivery(
            name_of(item.values[0]).text,
            self._sender(said, roles),
            message.text,
            name_of(field).text,
            first,
            ack.message.text,
            ack.field.text,
            said["ack"].values[1],
            True,
            count,
            size,
            overflow,
            batch,
            item.doc,
            item.span,
        )

    def _batch(self, item: syntax.Item, delivered: syntax.Name) -> Batch | None:
        packs, count, acks, states = item.values
        ack = self._pair(syntax.Item("ack", (acks,), "", item.span))
        if len(packs) != 2:
            self.names.report("MDK3013", "a message and its list are wanted", item.span, expected="Message.list")
            return None
        message, field = packs
        if not self._packs(message, field, delivered) or ack is None:
            return None
        self._check_ack(*ack)
        if count < 1:
            text = f"a batch of {count} holds nothing"
            self.names.report("MDK3013", text, item.span, expected="1 or more")
        names = tuple(state.text for state in states)
        return Batch(message.text, field.text, count, ack.message.text, ack.field.text, names, item.span)

    def _packs(self, message: syntax.Name, field: syntax.Name, delivered: syntax.Name) -> bool:
        """Whether the message is a list of what is delivered, and nothing else: the engine writes it from its items."""
        if message.text not in self.names.messages:
            self.names.unknown("message", message, self.names.messages)
            return False
        fields = {one.name.text: one for one in self.names.messages[message.text].fields}
        if field.text not in fields:
            self.names.unknown(f"field of {message.text}", field, fields)
            return False
        type_ = self.names.resolved(fields[field.text].type)
        if type_ != ListOf(Named(delivered.text, "message")) or len(fields) > 1:
            text = f"{message.text} is no batch of {delivered.text}"
            expected = f"message {message.text} {{ {field.text}: list<{delivered.text}> }}"
            self.names.report("MDK3013", text, message.span, expected=expected)
            return False
        return True

    def _at_least(self, item: syntax.Item, place: int, least: int) -> None:
        if item.values[place] < least:
            message = f"{item.values[place]} is too small"
            self.names.report("MDK2003", message, item.span, expected=f"{least} or more")

    def _check_ack(self, message: syntax.Name, field: syntax.Name) -> None:
        """The engine makes acknowledgements from their number alone."""
        fields = self.names.messages[message.text].fields
        others = [
            one.name.text for one in fields if one.name.text != field.text and not one.optional and one.default is None
        ]
        if others:
            text = f"{message.text} acknowledges, but needs {', '.join(others)} besides its number"
            self.names.report("MDK3013", text, message.span, expected="no other required field")

    def request(self, item: syntax.Item, roles: tuple[str, str]) -> Request | None:
        """A question and its answer; None, with reports, if it cannot be."""
        said = self._said(
            item,
            {
                "from": f"from {roles[0]}",
                "message": "message Question.number",
                "reply": "reply Answer.number",
                "timeout": "timeout 5s",
                "pending": "pending 100",
            },
        )
        if said is None:
            return None
        asks, answers = self._pair(said["message"]), self._pair(said["reply"])
        timeout = Expressions(self.names, self.scope).duration(said["timeout"].values[0])
        self._at_least(said["pending"], 0, 1)
        if asks is None or answers is None or timeout is None:
            return None
        return Request(
            name_of(item.values[0]).text,
            self._sender(said, roles),
            asks.message.text,
            asks.field.text,
            answers.message.text,
            answers.field.text,
            timeout,
            said["pending"].values[0],
            item.doc,
            item.span,
        )


def check_batches(names: Names, root: Part, part: Part) -> None:
    """Batches are written in states that both sides have, and in which the part is live."""
    one, other = ({state.name for state in machine.states} for machine in root.machines)
    shared = one & other & (set(part.live_in) if part is not root else one)
    for batch in (delivery.batch for delivery in part.deliveries if delivery.batch is not None):
        for state in batch.states:
            if state not in shared:
                text = f"{part.name} is not live in a state {state} of both roles"
                expected = ", ".join(sorted(shared)) or "a state that both roles have"
                names.report("MDK3004", text, batch.span, expected=expected)


def name_of(value: Any) -> syntax.Name:
    """A value of an item, where the grammar makes it a name."""
    name: syntax.Name = value
    return name
