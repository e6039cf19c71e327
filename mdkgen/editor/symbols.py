"""Every name of a spec folder, and what it names: for definition, references, rename and hover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mdkgen import syntax
from mdkgen.model import SCALARS, Span


class Symbol(NamedTuple):
    """What a name stands for. `scope` says in what it is declared: `("Session", "client")`."""

    kind: str
    scope: tuple[str, ...]
    name: str


class Occurrence(NamedTuple):
    """A place where a symbol is named."""

    symbol: Symbol
    span: Span
    defines: bool
    written: Any = None
    """The declaration, field, state or the like, where it is defined."""


@dataclass(frozen=True)
class _Inside:
    """What an expression may name."""

    part: str = ""
    protocol: str = ""
    role: str = ""
    variables: Mapping[str, tuple[Symbol, syntax.Type | None]] = field(
        default_factory=dict[str, "tuple[Symbol, syntax.Type | None]"]
    )


class Index:
    """All occurrences, in the order of the files."""

    def __init__(self, files: Sequence[syntax.File]) -> None:
        self.declarations = [one for file in files for one in file.declarations]
        self.structs = {one.name.text: one for one in self.declarations if isinstance(one, syntax.Record)}
        self.enums = {one.name.text: one for one in self.declarations if isinstance(one, syntax.Enum)}
        self.consts = {one.name.text for one in self.declarations if isinstance(one, syntax.Const)}
        self.parts = {one.name.text: one for one in self.declarations if isinstance(one, syntax.Part)}
        self.declared = {
            one.name.text for one in self.declarations if not isinstance(one, syntax.Face | syntax.Scenario)
        }
        self.occurrences: list[Occurrence] = [found for one in self.declarations for found in self._declaration(one)]

    def at(self, span_of: Any, file: str, line: int, column: int) -> Occurrence | None:
        """The name at a place; `span_of` turns the trees' places into real ones."""
        for one in self.occurrences:
            span: Span = span_of(one.span)
            if span.file == file and span.line == line and span.column <= column <= span.end_column:
                return one
        return None

    def of(self, symbol: Symbol) -> list[Occurrence]:
        """Everywhere that a symbol is named."""
        return [one for one in self.occurrences if one.symbol == symbol]

    # --- declarations -----------------------------------------------------------------------------

    def _declaration(self, one: syntax.Declaration) -> Iterator[Occurrence]:
        if isinstance(one, syntax.Face):
            return
        if isinstance(one, syntax.Scenario):
            yield from self._scenario(one)
            return
        yield Occurrence(_declared(one.name.text), one.name.span, True, one)
        match one:
            case syntax.Const():
                yield from self._type(one.type)
                yield from self._expr(one.value, _Inside(), one.type)
            case syntax.Newtype():
                yield from self._type(one.base)
            case syntax.Record():
                for each in one.fields:
                    yield Occurrence(Symbol("field", (one.name.text,), each.name.text), each.name.span, True, each)
                    yield from self._type(each.type)
                    if each.default is not None:
                        yield from self._expr(each.default, _Inside(), each.type)
            case syntax.Enum():
                for member in one.members:
                    symbol = Symbol("member", (one.name.text,), member.name.text)
                    yield Occurrence(symbol, member.name.span, True, member)
            case syntax.Part():
                yield from self._part(one)

    def _part(self, part: syntax.Part) -> Iterator[Occurrence]:
        protocol = part.name.text if part.of is None else part.of.text
        inside = _Inside(part.name.text, protocol)
        if part.of is not None:
            yield from self._ref(part.of)
        yield from (Occurrence(Symbol("state", (protocol,), one.text), one.span, False) for one in part.live_in)
        for item in part.items:
            yield from self._item(item, inside)
        for role in part.roles:
            yield Occurrence(Symbol("role", (protocol,), role.name.text), role.name.span, False)
            yield from self._role(role, _Inside(part.name.text, protocol, role.name.text))

    def _item(self, item: syntax.Item, inside: _Inside) -> Iterator[Occurrence]:
        match item.kind, item.values:
            case "roles", names:
                for one in names:
                    yield Occurrence(Symbol("role", (inside.protocol,), one.text), one.span, True, item)
            case "parts", names:
                for one in names:
                    yield from self._ref(one)
            case "param", (name, type_, default):
                yield Occurrence(Symbol("param", (inside.part,), name.text), name.span, True, item)
                yield from self._type(type_)
                yield from self._expr(default, inside, type_)
            case "delivery" | "request", (name, items):
                yield Occurrence(Symbol(item.kind, (inside.part,), name.text), name.span, True, item)
                yield from self._traffic(items, inside)
            case "close", (expr,):
                yield from self._expr(expr, inside, None)
            case "transport", (_, *options):
                for _, expr in options:
                    yield from self._expr(expr, inside, None)
            case "reconnect", exprs:
                for one in exprs:
                    yield from self._expr(one, inside, None) if one is not None else ()
            case _:
                return

    def _traffic(self, items: Iterable[syntax.Item], inside: _Inside) -> Iterator[Occurrence]:
        """What stands in a delivery or request."""
        message = ""
        for item in items:
            match item.kind, item.values:
                case "from", (name,):
                    yield Occurrence(Symbol("role", (inside.protocol,), name.text), name.span, False)
                case "message", (syntax.Name() as name,):
                    message = name.text
                    yield from self._ref(name)
                case "message" | "reply", (path,):
                    yield from self._path(path)
                case "number", (name, _):
                    yield Occurrence(Symbol("field", (message,), name.text), name.span, False)
                case "ack", (path, _):
                    yield from self._path(path)
                case "batch", (packs, _, ack, states):
                    yield from self._path(packs)
                    yield from self._path(ack)
                    for one in states:
                        yield Occurrence(Symbol("state", (inside.protocol,), one.text), one.span, False)
                case "timeout", (expr,):
                    yield from self._expr(expr, inside, None)
                case _:
                    continue

    def _path(self, path: tuple[syntax.Name, ...]) -> Iterator[Occurrence]:
        """`Message.field`."""
        first, *rest = path
        yield from self._ref(first)
        yield from self._fields(rest, syntax.TypeName(first, first.span))

    def _ref(self, name: syntax.Name) -> Iterator[Occurrence]:
        if name.text in self.declared:
            yield Occurrence(_declared(name.text), name.span, False)

    # --- machines ---------------------------------------------------------------------------------

    def _role(self, role: syntax.Role, inside: _Inside) -> Iterator[Occurrence]:
        own = (inside.part, inside.role)
        for hook in role.hooks:
            yield Occurrence(Symbol("hook", own, hook.name.text), hook.name.span, True, hook)
            for one in hook.parameters:
                yield from self._type(one.type)
            if hook.result is not None:
                yield from self._type(hook.result)
        for kind, ones in (("flag", role.flags), ("lease", role.leases)):
            for scoped in ones:
                yield Occurrence(Symbol(kind, own, scoped.name.text), scoped.name.span, True, scoped)
        for state in role.states:
            if state.name is not None:
                yield Occurrence(self._state(state.name.text, inside), state.name.span, True, state)
            for name in state.ignores:
                yield from (
                    self._ref(name)
                    if name.text in self.structs
                    else (Occurrence(Symbol("call", own, name.text), name.span, False),)
                )
            for transition in state.transitions:
                yield from self._transition(transition, inside)

    def _state(self, name: str, inside: _Inside) -> Symbol:
        """A protocol's own states are named by its parts, for both roles; a part's belong to one role."""
        own = (inside.protocol,) if inside.part == inside.protocol else (inside.part, inside.role)
        return Symbol("state", own, name)

    def _transition(self, one: syntax.Transition, inside: _Inside) -> Iterator[Occurrence]:
        trigger, own = one.trigger, (inside.part, inside.role)
        place = f"{one.span.file}:{one.span.line}:{one.span.column}"
        variables: dict[str, tuple[Symbol, syntax.Type | None]] = {}
        types: dict[str, syntax.Type | None] = {one.name.text: one.type for one in trigger.parameters}
        if trigger.name is not None:
            match trigger.kind:
                case "recv":
                    yield from self._ref(trigger.name)
                    types = {bind.text: syntax.TypeName(trigger.name, trigger.name.span) for bind in trigger.binds}
                case "call":
                    yield Occurrence(Symbol("call", own, trigger.name.text), trigger.name.span, True, one)
                case _:
                    yield Occurrence(Symbol("lease", own, trigger.name.text), trigger.name.span, False)
        for bind in trigger.binds:
            # A call has the same parameters wherever it is taken.
            symbol = Symbol(
                "variable", (*own, trigger.name.text) if trigger.name and trigger.parameters else (place,), bind.text
            )
            variables[bind.text] = symbol, types.get(bind.text)
            yield Occurrence(symbol, bind.span, True, trigger)
        for parameter in trigger.parameters:
            yield from self._type(parameter.type)
        inside = _Inside(inside.part, inside.protocol, inside.role, variables)
        for expr in (trigger.delay, one.guard):
            if expr is not None:
                yield from self._expr(expr, inside, None)
        for action in one.actions:
            yield from self._action(action, inside, place)

    def _action(self, action: syntax.Action, inside: _Inside, place: str) -> Iterator[Occurrence]:
        own = (inside.part, inside.role)
        kinds = {"do": "hook", "set": "flag", "clear": "flag", "lease": "lease", "release": "lease"}
        exprs = action.exprs
        match action.kind:
            case "send" if action.names:
                value, hook = exprs
                (variable,) = action.names
                symbol = Symbol("variable", (place, str(variable.span.column), str(variable.span.line)), variable.text)
                found = self._hook(hook.name.text, inside) if isinstance(hook, syntax.Call) else None
                type_ = found.result if found is not None else None
                yield Occurrence(symbol, variable.span, True, action)
                yield from self._expr(hook, inside, None)
                more = {**inside.variables, variable.text: (symbol, type_)}
                yield from self._expr(value, _Inside(inside.part, inside.protocol, inside.role, more), None)
                return
            case "goto":
                yield Occurrence(self._state(action.names[0].text, inside), action.names[0].span, False)
            case "tell":
                symbol = Symbol("event", (inside.protocol, inside.role), action.names[0].text)
                yield Occurrence(symbol, action.names[0].span, True, action)
            case kind if kind in kinds:
                yield Occurrence(Symbol(kinds[kind], own, action.names[0].text), action.names[0].span, False)
            case _:
                pass
        for expr in exprs:
            yield from self._expr(expr, inside, None)

    def _hook(self, name: str, inside: _Inside) -> syntax.Hook | None:
        part = self.parts.get(inside.part)
        roles = [] if part is None else [one for one in part.roles if one.name.text == inside.role]
        return next((hook for role in roles for hook in role.hooks if hook.name.text == name), None)

    # --- scenarios --------------------------------------------------------------------------------

    def _scenario(self, one: syntax.Scenario) -> Iterator[Occurrence]:
        yield from self._ref(one.part)
        part = self.parts.get(one.part.text)
        if part is None:
            return
        protocol = part.name.text if part.of is None else part.of.text
        for step in one.steps:
            for role in (step.role, step.to):
                if role is not None:
                    yield Occurrence(Symbol("role", (protocol,), role.text), role.span, False)
            inside = _Inside(part.name.text, protocol, step.role.text if step.role is not None else "")
            if step.name is None:
                yield from self._expr(step.value, inside, None) if step.value is not None else ()
            else:
                yield from self._step(step, step.name, inside)

    def _step(self, step: syntax.Step, name: syntax.Name, inside: _Inside) -> Iterator[Occurrence]:
        own = (inside.part, inside.role)
        match step.kind:
            case "given":
                hook = self._hook(name.text, inside)
                owner = inside.part if hook is not None else inside.protocol
                hook = hook or self._hook(name.text, _Inside(inside.protocol, inside.protocol, inside.role))
                yield Occurrence(Symbol("hook", (owner, inside.role), name.text), name.span, False)
                want = hook.result if hook is not None else None
                if hook is not None and hook.each and want is not None:
                    want = syntax.TypeOf("list", want, want.span)
                yield from self._expr(step.value, inside, want) if step.value is not None else ()
            case "call":
                yield Occurrence(Symbol("call", own, name.text), name.span, False)
                yield from self._said(step, inside, self._call_arguments(name.text, inside))
            case "told":
                event = Symbol("event", (inside.protocol, inside.role), name.text)
                is_hook = self._hook(name.text, inside) is not None  # one without an answer is told, too
                yield Occurrence(Symbol("hook", own, name.text) if is_hook else event, name.span, False)
                yield from self._said(step, inside, self._told_arguments(name.text, inside))
            case "arrive":
                yield from self._ref(name)
                yield from self._given(step.fields, name.text, inside)
            case "in":
                yield Occurrence(self._state(name.text, inside), name.span, False)
            case _:
                kind, message = self._carried(name.text, inside, answers=step.kind == "answer")
                yield Occurrence(Symbol(kind, (inside.part,), name.text), name.span, False)
                yield from self._given(step.fields, message, inside)

    def _said(
        self, step: syntax.Step, inside: _Inside, known: Mapping[str, tuple[Symbol, syntax.Type | None]]
    ) -> Iterator[Occurrence]:
        for name, value in step.fields:
            symbol, type_ = known.get(name.text, (None, None))
            if symbol is not None:
                yield Occurrence(symbol, name.span, False)
            yield from self._expr(value, inside, type_)

    def _transitions(self, inside: _Inside) -> Iterator[syntax.Transition]:
        part = self.parts.get(inside.part)
        for role in part.roles if part is not None else ():
            if role.name.text == inside.role:
                for state in role.states:
                    yield from state.transitions

    def _call_arguments(self, name: str, inside: _Inside) -> dict[str, tuple[Symbol, syntax.Type | None]]:
        for one in self._transitions(inside):
            trigger = one.trigger
            if trigger.kind == "call" and trigger.name is not None and trigger.name.text == name:
                own = (inside.part, inside.role, name)
                return {
                    each.name.text: (Symbol("variable", own, each.name.text), each.type) for each in trigger.parameters
                }
        return {}

    def _told_arguments(self, name: str, inside: _Inside) -> dict[str, tuple[Symbol, syntax.Type | None]]:
        """An argument of an event is called like the variable or field that is told."""
        for one in self._transitions(inside):
            for action in one.actions:
                if action.kind == "tell" and action.names[0].text == name:
                    return self._told(one, action, inside)
        return {}

    def _told(
        self, one: syntax.Transition, action: syntax.Action, inside: _Inside
    ) -> dict[str, tuple[Symbol, syntax.Type | None]]:
        found: dict[str, tuple[Symbol, syntax.Type | None]] = {}
        named = {each.span: each.symbol for each in self._transition(one, inside)}
        for expr in action.exprs:
            if isinstance(expr, syntax.Reference) and expr.path[-1].span in named:
                symbol = named[expr.path[-1].span]
                found[expr.path[-1].text] = symbol, self._type_of(symbol, one)
        return found

    def _type_of(self, symbol: Symbol, one: syntax.Transition) -> syntax.Type | None:
        if symbol.kind == "field":
            fields = self.structs[symbol.scope[0]].fields
            return next((each.type for each in fields if each.name.text == symbol.name), None)
        if one.trigger.kind == "recv" and one.trigger.name is not None:
            return syntax.TypeName(one.trigger.name, one.trigger.name.span)
        return next((each.type for each in one.trigger.parameters if each.name.text == symbol.name), None)

    def _carried(self, name: str, inside: _Inside, *, answers: bool) -> tuple[str, str]:
        """Whether a name is a delivery or a request, and its message: of an answer, the reply."""
        part = self.parts[inside.part]
        for item in part.items:
            if item.kind in ("delivery", "request") and item.values[0].text == name:
                for each in item.values[1]:
                    if each.kind == ("reply" if answers else "message"):
                        (value,) = each.values
                        return item.kind, value.text if isinstance(value, syntax.Name) else value[0].text
        return "delivery", ""

    # --- types and expressions --------------------------------------------------------------------

    def _type(self, type_: syntax.Type) -> Iterator[Occurrence]:
        if isinstance(type_, syntax.TypeOf):
            yield from self._type(type_.inner)
        elif type_.name.text not in SCALARS:
            yield from self._ref(type_.name)

    def _expr(self, expr: syntax.Expr, inside: _Inside, want: syntax.Type | None) -> Iterator[Occurrence]:
        match expr:
            case syntax.Reference(path):
                yield from self._reference(path, inside)
            case syntax.Call(name, args, named):
                if name.text in self.structs:
                    yield from self._ref(name)
                    yield from self._given(named, name.text, inside)
                else:
                    yield Occurrence(Symbol("hook", (inside.part, inside.role), name.text), name.span, False)
                for one in args:
                    yield from self._expr(one, inside, None)
            case syntax.Object(items):
                yield from self._given(items, _struct(want), inside)
            case syntax.Array(items):
                inner = want.inner if isinstance(want, syntax.TypeOf) else None
                for one in items:
                    yield from self._expr(one, inside, inner)
            case syntax.Binary(_, left, right):
                yield from self._expr(left, inside, None)
                yield from self._expr(right, inside, None)
            case syntax.Not(operand):
                yield from self._expr(operand, inside, None)
            case syntax.And(operands):
                for one in operands:
                    yield from self._expr(one, inside, None)
            case syntax.Literal():
                return

    def _given(
        self, items: Iterable[tuple[syntax.Name, syntax.Expr]], struct: str, inside: _Inside
    ) -> Iterator[Occurrence]:
        """`field = value` of a record or message; of a map, only the values."""
        fields = {one.name.text: one for one in self.structs[struct].fields} if struct in self.structs else {}
        for name, value in items:
            found = fields.get(name.text)
            if found is not None:
                yield Occurrence(Symbol("field", (struct,), name.text), name.span, False)
            yield from self._expr(value, inside, found.type if found is not None else None)

    def _reference(self, path: tuple[syntax.Name, ...], inside: _Inside) -> Iterator[Occurrence]:
        first, *rest = path
        if first.text in inside.variables:
            symbol, type_ = inside.variables[first.text]
            yield Occurrence(symbol, first.span, False)
            yield from self._fields(rest, type_)
            return
        part = self.parts.get(inside.part)
        for role in part.roles if part is not None else ():
            if role.name.text == inside.role and any(one.name.text == first.text for one in role.flags):
                yield Occurrence(Symbol("flag", (inside.part, inside.role), first.text), first.span, False)
                return
        for owner in (inside.part, inside.protocol):
            if first.text in self._params(owner):
                yield Occurrence(Symbol("param", (owner,), first.text), first.span, False)
                return
        if first.text in self.consts:
            yield Occurrence(_declared(first.text), first.span, False)

    def _params(self, part: str) -> set[str]:
        found = self.parts.get(part)
        return set() if found is None else {one.values[0].text for one in found.items if one.kind == "param"}

    def _fields(self, path: Sequence[syntax.Name], type_: syntax.Type | None) -> Iterator[Occurrence]:
        for name in path:
            struct = _struct(type_)
            declared = self.structs.get(struct)
            found = next((one for one in declared.fields if one.name.text == name.text), None) if declared else None
            if found is None:
                return
            yield Occurrence(Symbol("field", (struct,), name.text), name.span, False)
            type_ = found.type


def _declared(name: str) -> Symbol:
    return Symbol("declaration", (), name)


def _struct(type_: syntax.Type | None) -> str:
    """The name of the record or message that a value of a type is."""
    while isinstance(type_, syntax.TypeOf) and type_.kind == "null":
        type_ = type_.inner
    return type_.name.text if isinstance(type_, syntax.TypeName) else ""
