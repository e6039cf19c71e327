"""Lark's trees as syntax trees."""

# Lark's types are incomplete, and its children are whatever the methods below made.
# pyright: basic
# ruff: noqa: D102  # a method is named for its rule in grammar.lark, which says what it reads

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from lark import Token, Transformer
from lark.tree import Meta
from lark.visitors import v_args

from mdkgen import syntax
from mdkgen.model import Span

with_meta: Any = v_args(meta=True)
"""Methods get a tree's position beside its children."""


DOES = {"calls": "call", "delivers": "deliver", "acknowledges": "acknowledge", "asks": "ask", "answers": "answer"}
"""What the application does, as a scenario says it, to the kind of step."""


@with_meta
class Builder(Transformer[Token, Any]):
    """Builds the tree of one declaration, which begins at a line and column of its file (both counted from 0)."""

    def __init__(self, file: str, line: int, column: int) -> None:
        super().__init__(visit_tokens=False)
        self._file = file
        self._line = line
        self._column = column
        self.allows: list[syntax.Allow] = []
        """What stands in `@allow(...)`, in order."""

    # --- positions --------------------------------------------------------------------------------

    def span(self, at: Token | Meta) -> Span:
        """Where a token or tree stands in its file."""
        line, column = int(at.line or 1), int(at.column or 1)
        end_line, end_column = int(at.end_line or line), int(at.end_column or column + 1)
        return Span(
            self._file,
            line + self._line,
            column + (self._column if line == 1 else 0),
            end_line + self._line,
            end_column + (self._column if end_line == 1 else 0),
        )

    def _name(self, token: Token) -> syntax.Name:
        return syntax.Name(str(token), self.span(token))

    def _text(self, token: Token) -> syntax.Name:
        return syntax.Name(unquoted(token), self.span(token))

    # --- docs and annotations ---------------------------------------------------------------------

    def annotation(self, meta: Meta, children: list[Any]) -> syntax.Annotation:
        name, *values = (one for one in children if one is not None)
        args = tuple(self._text(one) if one.type == "STRING" else self._name(one) for one in values)
        return syntax.Annotation(self._name(name), args, self.span(meta))

    def _lead(self, meta: Meta, children: list[Any]) -> tuple[str, list[Any]]:
        """The `///` lines before something as one text, and the rest; from here on `meta` begins behind them."""
        docs = [one for one in children if isinstance(one, Token) and one.type == "DOC"]
        notes = [one for one in children if isinstance(one, syntax.Annotation)]
        rest = [one for one in children if one not in notes and not (isinstance(one, Token) and one.type == "DOC")]
        if docs:
            # The item's first word is often a keyword, which has no token here; it stands below its docs.
            meta.line, meta.column = max(int(meta.line), int(docs[-1].line or 1) + 1), int(docs[-1].column or 1)
        self.allows += [syntax.Allow(one, self.span(meta)) for one in notes]
        return " ".join(str(line)[3:].strip() for line in docs), rest

    # --- header and small declarations ------------------------------------------------------------

    def header(self, meta: Meta, children: list[Any]) -> syntax.Header:
        edition, namespace, version = children
        return syntax.Header(int(edition), self._name(namespace), self._name(version), self.span(meta))

    def decl(self, meta: Meta, children: list[Any]) -> syntax.Declaration:
        doc, (make,) = self._lead(meta, children)
        result: syntax.Declaration = make(doc, self.span(meta))
        return result

    def const(self, meta: Meta, children: list[Any]) -> Callable[..., syntax.Const]:
        name, type_, value = children
        return lambda doc, span: syntax.Const(self._name(name), type_, value, doc, span)

    def newtype(self, meta: Meta, children: list[Any]) -> Callable[..., syntax.Newtype]:
        name, base, *bounds = children
        return lambda doc, span: syntax.Newtype(self._name(name), base, tuple(bounds), doc, span)

    def bound(self, meta: Meta, children: list[Any]) -> tuple[str, syntax.Expr]:
        return str(children[0]), children[1]

    def record(self, meta: Meta, children: list[Any]) -> Callable[..., syntax.Record]:
        name, *inner = children
        fields, reserved = _split(inner)
        return lambda doc, span: syntax.Record(self._name(name), None, (), fields, doc, span, reserved)

    def message(self, meta: Meta, children: list[Any]) -> Callable[..., syntax.Record]:
        name, wire, *rest = children
        also = tuple(self._text(one) for one in rest if isinstance(one, Token))
        fields, reserved = _split([one for one in rest if one is not None and not isinstance(one, Token)])
        return lambda doc, span: syntax.Record(self._name(name), unquoted(wire), also, fields, doc, span, reserved)

    def field(self, meta: Meta, children: list[Any]) -> syntax.Field:
        marks = [one for one in children if isinstance(one, syntax.Annotation) and _is_sensitive(one)]
        doc, (name, wire, *rest) = self._lead(meta, [one for one in children if one not in marks])
        optional = bool(rest) and isinstance(rest[0], Token) and rest[0].type == "OPTIONAL"
        type_, default, *fixed = rest[1:] if optional else rest
        return syntax.Field(
            name,
            None if wire is None else unquoted(wire),
            optional,
            type_,
            default,
            bool(fixed),
            doc,
            self.span(meta),
            bool(marks),
        )

    def enum(self, meta: Meta, children: list[Any]) -> Callable[..., syntax.Enum]:
        openness, name, *inner = children
        members, reserved = _split(inner)
        return lambda doc, span: syntax.Enum(self._name(name), openness == "open", members, doc, span, reserved)

    def member(self, meta: Meta, children: list[Any]) -> syntax.Member:
        doc, (name, value) = self._lead(meta, children)
        return syntax.Member(self._name(name), None if value is None else unquoted(value), doc)

    def reserved(self, meta: Meta, children: list[Any]) -> syntax.Item:
        texts = self._lead(meta, children)[1][1:]
        return syntax.Item("reserved", tuple(self._text(one) for one in texts), "", self.span(meta))

    # --- types ------------------------------------------------------------------------------------

    def named_type(self, meta: Meta, children: list[Any]) -> syntax.TypeName:
        return syntax.TypeName(self._name(children[0]), self.span(meta))

    def list_type(self, meta: Meta, children: list[Any]) -> syntax.TypeOf:
        return syntax.TypeOf("list", children[0], self.span(meta))

    def map_type(self, meta: Meta, children: list[Any]) -> syntax.TypeOf:
        return syntax.TypeOf("map", children[0], self.span(meta))

    def nullable(self, meta: Meta, children: list[Any]) -> syntax.TypeOf:
        return syntax.TypeOf("null", children[0], self.span(meta))

    # --- protocols and parts ----------------------------------------------------------------------

    def protocol(self, meta: Meta, children: list[Any]) -> Callable[..., syntax.Part]:
        name, *items = children
        return self._part(name, None, (), items)

    def part(self, meta: Meta, children: list[Any]) -> Callable[..., syntax.Part]:
        name, of, *rest = children
        live_in = tuple(self._name(one) for one in rest if isinstance(one, Token))
        return self._part(name, self._name(of), live_in, [one for one in rest if not isinstance(one, Token)])

    def _part(
        self, name: Token, of: syntax.Name | None, live_in: tuple[syntax.Name, ...], items: list[Any]
    ) -> Callable[..., syntax.Part]:
        roles = tuple(one for one in items if isinstance(one, syntax.Role))
        others = tuple(one for one in items if isinstance(one, syntax.Item))
        return lambda doc, span: syntax.Part(self._name(name), of, live_in, others, roles, doc, span)

    def _item(self, kind: str, meta: Meta, values: list[Any]) -> syntax.Item:
        doc, rest = self._lead(meta, values)
        return syntax.Item(kind, tuple(rest), doc, self.span(meta))

    def transport(self, meta: Meta, children: list[Any]) -> syntax.Item:
        name, *options = children
        return self._item("transport", meta, [self._name(name), *(one for one in options if one is not None)])

    def transport_option(self, meta: Meta, children: list[Any]) -> tuple[syntax.Name, syntax.Expr]:
        return self._name(children[0]), children[1]

    def roles(self, meta: Meta, children: list[Any]) -> syntax.Item:
        return self._item("roles", meta, [self._name(one) for one in children])

    def parts(self, meta: Meta, children: list[Any]) -> syntax.Item:
        return self._item("parts", meta, [self._name(one) for one in children])

    def policy(self, meta: Meta, children: list[Any]) -> syntax.Item:
        return self._item(str(children[0]), meta, [children[1]])

    def drop(self, meta: Meta, children: list[Any]) -> tuple[int | None, str]:
        return None, ""

    def fail_policy(self, meta: Meta, children: list[Any]) -> tuple[int | None, str]:
        return 0, unquoted(children[0])

    def drop_then_fail(self, meta: Meta, children: list[Any]) -> tuple[int | None, str]:
        return int(children[1]), unquoted(children[0])

    def close(self, meta: Meta, children: list[Any]) -> syntax.Item:
        return self._item("close", meta, children)

    def reconnect(self, meta: Meta, children: list[Any]) -> syntax.Item:
        return self._item("reconnect", meta, children)

    def param(self, meta: Meta, children: list[Any]) -> syntax.Item:
        doc, (name, type_, default) = self._lead(meta, children)
        return syntax.Item("param", (self._name(name), type_, default), doc, self.span(meta))

    def delivery(self, meta: Meta, children: list[Any]) -> syntax.Item:
        doc, (name, *items) = self._lead(meta, children)
        return syntax.Item("delivery", (self._name(name), tuple(items)), doc, self.span(meta))

    def request(self, meta: Meta, children: list[Any]) -> syntax.Item:
        doc, (name, *items) = self._lead(meta, children)
        return syntax.Item("request", (self._name(name), tuple(items)), doc, self.span(meta))

    def from_(self, meta: Meta, children: list[Any]) -> syntax.Item:
        return self._item("from", meta, [self._name(children[0])])

    def carries(self, meta: Meta, children: list[Any]) -> syntax.Item:
        return self._item("message", meta, [self._name(children[0])])

    def number(self, meta: Meta, children: list[Any]) -> syntax.Item:
        return self._item("number", meta, [children[0], int(children[1])])

    def ack(self, meta: Meta, children: list[Any]) -> syntax.Item:
        return self._item("ack", meta, children)

    def ack_mode(self, meta: Meta, children: list[Any]) -> str:
        return str(children[0])

    def batch(self, meta: Meta, children: list[Any]) -> syntax.Item:
        packs, count, ack, *states = children
        return self._item("batch", meta, [packs, int(count), ack, tuple(map(self._name, states))])

    def resend(self, meta: Meta, children: list[Any]) -> syntax.Item:
        return self._item("resend", meta, [])

    def buffer(self, meta: Meta, children: list[Any]) -> syntax.Item:
        count, size, overflow = children
        return self._item("buffer", meta, [int(count), syntax.size_bytes(size), str(overflow)])

    def asks(self, meta: Meta, children: list[Any]) -> syntax.Item:
        return self._item("message", meta, children)

    def reply(self, meta: Meta, children: list[Any]) -> syntax.Item:
        return self._item("reply", meta, children)

    def timeout(self, meta: Meta, children: list[Any]) -> syntax.Item:
        return self._item("timeout", meta, children)

    def pending(self, meta: Meta, children: list[Any]) -> syntax.Item:
        return self._item("pending", meta, [int(children[0])])

    # --- machines ---------------------------------------------------------------------------------

    def role(self, meta: Meta, children: list[Any]) -> syntax.Role:
        doc, (name, *items) = self._lead(meta, children)
        scoped = [one for one in items if isinstance(one, syntax.Scoped)]
        return syntax.Role(
            self._name(name),
            tuple(one for one in items if isinstance(one, syntax.Hook)),
            tuple(one for one in scoped if one.initial is not None),
            tuple(one for one in scoped if one.initial is None),
            tuple(one for one in items if isinstance(one, syntax.State)),
            doc,
            self.span(meta),
        )

    def hook(self, meta: Meta, children: list[Any]) -> syntax.Hook:
        doc, (name, parameters, *result) = self._lead(meta, children)
        each = bool(result) and isinstance(result[0], Token)
        type_ = result[-1] if result else None
        return syntax.Hook(self._name(name), parameters, each, type_, doc, self.span(meta))

    def flag(self, meta: Meta, children: list[Any]) -> syntax.Scoped:
        _, (scope, name, initial) = self._lead(meta, children)
        return syntax.Scoped(self._name(name), str(scope), initial == "true", self.span(meta))

    def lease(self, meta: Meta, children: list[Any]) -> syntax.Scoped:
        _, (scope, name) = self._lead(meta, children)
        return syntax.Scoped(self._name(name), str(scope), None, self.span(meta))

    def always(self, meta: Meta, children: list[Any]) -> syntax.State:
        doc, transitions = self._lead(meta, children)
        return syntax.State(None, False, False, tuple(transitions), (), doc, self.span(meta))

    def state(self, meta: Meta, children: list[Any]) -> syntax.State:
        doc, rest = self._lead(meta, children)
        words = [one for one in rest if isinstance(one, Token)]
        start, hot = (any(one.type == word for one in words) for word in ("START", "HOT"))
        name, items = words[-1], [one for one in rest if not isinstance(one, Token)]
        transitions = tuple(one for one in items if isinstance(one, syntax.Transition))
        ignores = tuple(name for one in items if isinstance(one, list) for name in one)
        return syntax.State(self._name(name), start, hot, transitions, ignores, doc, self.span(meta))

    def ignore(self, meta: Meta, children: list[Any]) -> list[syntax.Name]:
        return [self._name(one) for one in self._lead(meta, children)[1]]

    def parameters(self, meta: Meta, children: list[Any]) -> tuple[syntax.Parameter, ...]:
        return tuple(one for one in children if one is not None)

    def parameter(self, meta: Meta, children: list[Any]) -> syntax.Parameter:
        return syntax.Parameter(children[0], len(children) == 3, children[-1])

    def transition(self, meta: Meta, children: list[Any]) -> syntax.Transition:
        doc, (trigger, guard, *actions) = self._lead(meta, children)
        return syntax.Transition(trigger, guard, tuple(actions), doc, self.span(meta))

    def enter(self, meta: Meta, children: list[Any]) -> syntax.Trigger:
        return syntax.Trigger("enter", None, (), (), None, self.span(meta))

    def recv(self, meta: Meta, children: list[Any]) -> syntax.Trigger:
        name, bind = children
        binds = () if bind is None else (bind,)
        return syntax.Trigger("recv", self._name(name), binds, (), None, self.span(meta))

    def call(self, meta: Meta, children: list[Any]) -> syntax.Trigger:
        name, parameters = children
        binds = tuple(one.name for one in parameters)
        return syntax.Trigger("call", self._name(name), binds, parameters, None, self.span(meta))

    def after(self, meta: Meta, children: list[Any]) -> syntax.Trigger:
        return syntax.Trigger("after", None, (), (), children[0], self.span(meta))

    def every(self, meta: Meta, children: list[Any]) -> syntax.Trigger:
        return syntax.Trigger("every", None, (), (), children[0], self.span(meta))

    def lapse(self, meta: Meta, children: list[Any]) -> syntax.Trigger:
        return syntax.Trigger("lapse", self._name(children[0]), (children[1],), (), None, self.span(meta))

    # --- actions ----------------------------------------------------------------------------------

    def _action(self, kind: str, meta: Meta, children: list[Any]) -> syntax.Action:
        names = tuple(self._name(one) for one in children if isinstance(one, Token))
        exprs = tuple(one for one in children if not isinstance(one, Token))
        return syntax.Action(kind, names, exprs, self.span(meta))

    def send(self, meta: Meta, children: list[Any]) -> syntax.Action:
        return self._action("send", meta, children)

    def send_each(self, meta: Meta, children: list[Any]) -> syntax.Action:
        value, variable, hook = children
        return syntax.Action("send", (variable,), (value, hook), self.span(meta))

    def tell(self, meta: Meta, children: list[Any]) -> syntax.Action:
        return syntax.Action("tell", (self._name(children[0]),), children[1], self.span(meta))

    def do(self, meta: Meta, children: list[Any]) -> syntax.Action:
        return syntax.Action("do", (self._name(children[0]),), children[1], self.span(meta))

    def arguments(self, meta: Meta, children: list[Any]) -> tuple[syntax.Expr, ...]:
        return tuple(one for one in children if one is not None)

    def set_flag(self, meta: Meta, children: list[Any]) -> syntax.Action:
        return self._action("set", meta, children)

    def clear_flag(self, meta: Meta, children: list[Any]) -> syntax.Action:
        return self._action("clear", meta, children)

    def grant(self, meta: Meta, children: list[Any]) -> syntax.Action:
        return self._action("lease", meta, children)

    def release(self, meta: Meta, children: list[Any]) -> syntax.Action:
        return self._action("release", meta, children)

    def goto(self, meta: Meta, children: list[Any]) -> syntax.Action:
        return self._action("goto", meta, children)

    def hangup(self, meta: Meta, children: list[Any]) -> syntax.Action:
        return self._action("hangup", meta, children)

    def fail(self, meta: Meta, children: list[Any]) -> syntax.Action:
        return syntax.Action("fail", (self._text(children[0]),), (), self.span(meta))

    # --- expressions ------------------------------------------------------------------------------

    def name(self, meta: Meta, children: list[Any]) -> syntax.Name:
        return self._name(children[0])

    def path(self, meta: Meta, children: list[Any]) -> tuple[syntax.Name, ...]:
        return tuple(children)

    def named(self, meta: Meta, children: list[Any]) -> tuple[syntax.Name, syntax.Expr]:
        return children[0], children[1]

    def reference(self, meta: Meta, children: list[Any]) -> syntax.Reference:
        return syntax.Reference(children[0], self.span(meta))

    def call_empty(self, meta: Meta, children: list[Any]) -> syntax.Call:
        return syntax.Call(self._name(children[0]), (), (), self.span(meta))

    def call_by_position(self, meta: Meta, children: list[Any]) -> syntax.Call:
        return syntax.Call(self._name(children[0]), tuple(children[1:]), (), self.span(meta))

    def call_by_name(self, meta: Meta, children: list[Any]) -> syntax.Call:
        return syntax.Call(self._name(children[0]), (), tuple(children[1:]), self.span(meta))

    def object(self, meta: Meta, children: list[Any]) -> syntax.Object:
        return syntax.Object(tuple(one for one in children if one is not None), self.span(meta))

    def array(self, meta: Meta, children: list[Any]) -> syntax.Array:
        return syntax.Array(tuple(one for one in children if one is not None), self.span(meta))

    def literal(self, meta: Meta, children: list[Any]) -> syntax.Literal:
        token = children[0]
        text = unquoted(token) if token.type == "STRING" else str(token)
        return syntax.Literal(token.type, text, self.span(meta))

    def arithmetic(self, meta: Meta, children: list[Any]) -> syntax.Binary:
        left, operator, right = children
        return syntax.Binary(str(operator), left, right, self.span(meta))

    def comparison(self, meta: Meta, children: list[Any]) -> syntax.Binary:
        return self.arithmetic(meta, children)

    def negation(self, meta: Meta, children: list[Any]) -> syntax.Not:
        return syntax.Not(children[0], self.span(meta))

    def conjunction(self, meta: Meta, children: list[Any]) -> syntax.Expr:
        only: syntax.Expr = children[0]
        return only if len(children) == 1 else syntax.And(tuple(children), self.span(meta))

    # --- faces ------------------------------------------------------------------------------------

    def face(self, meta: Meta, children: list[Any]) -> Callable[..., syntax.Face]:
        name, *items = children
        return lambda doc, span: syntax.Face(self._name(name), tuple(items), doc, span)

    def face_from(self, meta: Meta, children: list[Any]) -> tuple[str, str, tuple[syntax.Export, ...]]:
        return "", "", self._exports(children)

    def face_module(self, meta: Meta, children: list[Any]) -> tuple[str, str, tuple[syntax.Export, ...]]:
        doc, (name, *rest) = self._lead(meta, children)
        return str(name), doc, self._exports(rest)

    def _exports(self, children: list[Any]) -> tuple[syntax.Export, ...]:
        path, *exports = children
        module = ".".join(name.text for name in path)
        return tuple(syntax.Export(module, name, alias) for name, alias in (one for one in exports if one is not None))

    def export(self, meta: Meta, children: list[Any]) -> tuple[syntax.Name, syntax.Name]:
        name, alias = children
        return self._name(name), self._name(alias if alias is not None else name)

    # --- scenarios --------------------------------------------------------------------------------

    def scenario(self, meta: Meta, children: list[Any]) -> Callable[..., syntax.Scenario]:
        title, part, *steps = children
        return lambda doc, span: syntax.Scenario(self._text(title), self._name(part), tuple(steps), doc, span)

    def _step(self, kind: str, meta: Meta, **said: Any) -> syntax.Step:
        names = {key: self._name(said[key]) if said.get(key) is not None else None for key in ("role", "to", "name")}
        return syntax.Step(
            kind, **names, fields=said.get("fields") or (), value=said.get("value"), span=self.span(meta)
        )

    def given(self, meta: Meta, children: list[Any]) -> syntax.Step:
        role, name, value = children
        return self._step("given", meta, role=role, name=name, value=value)

    def doing(self, meta: Meta, children: list[Any]) -> syntax.Step:
        role, does, name, fields = children
        return self._step(DOES[str(does)], meta, role=role, name=name, fields=fields)

    def arrives(self, meta: Meta, children: list[Any]) -> syntax.Step:
        role, to, name, fields = children
        return self._step("arrive", meta, role=role, to=to, name=name, fields=fields)

    def told(self, meta: Meta, children: list[Any]) -> syntax.Step:
        role, name, fields = children
        return self._step("told", meta, role=role, name=name, fields=fields)

    def within(self, meta: Meta, children: list[Any]) -> syntax.Step:
        return self._step("in", meta, role=children[0], name=children[1])

    def passes(self, meta: Meta, children: list[Any]) -> syntax.Step:
        return self._step("pass", meta, value=children[0])

    def lost(self, meta: Meta, children: list[Any]) -> syntax.Step:
        return self._step("lost", meta)

    def made(self, meta: Meta, children: list[Any]) -> syntax.Step:
        return self._step("made", meta)

    def fields(self, meta: Meta, children: list[Any]) -> tuple[tuple[syntax.Name, syntax.Expr], ...]:
        return tuple(one for one in children if one is not None)


def _is_sensitive(one: syntax.Annotation) -> bool:
    return one.name.text == "sensitive" and not one.args


def _split(items: list[Any]) -> tuple[tuple[Any, ...], tuple[syntax.Name, ...]]:
    """Fields or members, and the names that are reserved beside them."""
    reserved = [one for one in items if isinstance(one, syntax.Item)]
    names = tuple(name for one in reserved for name in one.values)
    return tuple(one for one in items if not isinstance(one, syntax.Item)), names


def unquoted(token: Token) -> str:
    """The text of a STRING, which is written as in JSON; the parser has seen to that."""
    return str(json.loads(token, strict=False))
