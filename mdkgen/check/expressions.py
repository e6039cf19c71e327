"""Expressions: names resolved, types agreed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mdkgen import syntax
from mdkgen.check.names import Names
from mdkgen.diagnostics import did_you_mean
from mdkgen.habits import VALUES
from mdkgen.model import (
    And,
    ArgRef,
    Arithmetic,
    Compare,
    ConstRef,
    Construct,
    Expr,
    FlagRef,
    Hook,
    HookCall,
    ListOf,
    ListValue,
    MapOf,
    MapValue,
    Named,
    Not,
    Nullable,
    ParamRef,
    Scalar,
    Type,
    Value,
)

BOOL = Scalar("bool")
STRING = Scalar("string")
INT = Scalar("int")
FLOAT = Scalar("float")
SECONDS = Scalar("seconds")
ANY = Scalar("any")
UNKNOWN = Scalar("any")
"""Of a parameter whose own type is wrong: it is reported there, and known by being this very object."""
NULL = Nullable(ANY)
"""Of `null` itself."""
UNITS_S = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Variable:
    """What came with an input, under its name."""

    type: Type
    optional: bool


@dataclass(frozen=True)
class Scope:
    """What an expression may name besides constants."""

    variables: Mapping[str, Variable] = field(default_factory=dict[str, Variable])
    params: Mapping[str, ParamRef] = field(default_factory=dict[str, ParamRef])
    hooks: Mapping[str, Hook] = field(default_factory=dict[str, Hook])
    flags: frozenset[str] = frozenset()
    defaults: Mapping[str, syntax.Expr] = field(default_factory=dict[str, syntax.Expr])
    """Of the params, as written."""


class Expressions:
    """Resolves the expressions of one scope; everything wrong is reported to `names`, and answered with None."""

    def __init__(self, names: Names, scope: Scope | None = None, *, partial: bool = False) -> None:
        self.names = names
        self._partial = partial
        """Records and messages may lack what they require."""
        self.scope = scope or Scope()

    def resolve(self, expr: syntax.Expr, want: Type | None = None) -> Expr | None:
        """The expression, of the wanted type if there is one."""
        resolved = self._resolve(expr, want)
        if resolved is None or want is None:
            return resolved
        actual = type_of(resolved)
        if not self.fits(actual, want):
            message = f"{_shown(actual)} where {_shown(want)} is wanted"
            self.names.report("MDK2003", message, expr.span, expected=_shown(want))
            return None
        self._check_bounds(resolved, expr, want)
        return resolved

    def _check_bounds(self, resolved: Expr, written: syntax.Expr, want: Type) -> None:
        """A number that is known before anything runs must keep the bounds of its type: the peer refuses it otherwise."""
        want = want.base if isinstance(want, Nullable) else want
        if not isinstance(want, Named) or want.kind != "newtype":
            return
        value = self.value(resolved)
        if value is None:
            return
        for operator, bound in self.names.newtypes[want.name].bounds:
            limit = self._literal_number(bound)
            if limit is not None and (value < limit if operator == ">=" else value > limit):
                message = f"{value:g} where {want.name} is wanted"
                self.names.report("MDK2003", message, written.span, expected=f"{want.name} {operator} {limit:g}")

    def number(self, expr: syntax.Expr, kind: Scalar) -> float | int | None:
        """A literal number or constant, as a value."""
        resolved = self.resolve(expr, kind)
        if isinstance(resolved, Value) and isinstance(resolved.value, int | float):
            return resolved.value
        if resolved is not None:
            self.names.report("MDK2003", "this must be written as a number", expr.span, expected=str(kind))
        return None

    def duration(self, expr: syntax.Expr, want: Scalar = SECONDS) -> Expr | None:
        """A time to wait. What can be worked out here, constants and defaults of params, must be above 0."""
        resolved = self.resolve(expr, want)
        if resolved is None or not self.always_there(resolved, expr):
            return None
        value = self.value(resolved)
        if value is not None and value <= 0:
            self.names.report("MDK2003", f"a time of {value:g} s", expr.span, expected="a time above 0")
        return resolved

    def value(self, expr: Expr | None) -> float | None:
        """The number of an expression, if it is known before anything runs."""
        match expr:
            case Value(value) if isinstance(value, int | float):
                return value
            case ConstRef(name):
                return self._literal_number(self.names.consts[name].value)
            case ParamRef(_, name) if name in self.scope.defaults:
                return self._literal_number(self.scope.defaults[name])
            case Arithmetic(operator, left, right):
                a, b = self.value(left), self.value(right)
                if a is None or b is None or (operator == "/" and b == 0):
                    return None
                return a * b if operator == "*" else a / b
            case _:
                return None

    def _literal_number(self, written: syntax.Expr) -> float | None:
        """The number that a constant or a default is written as; anything else is reported where it stands."""
        if isinstance(written, syntax.Literal) and written.kind in ("INT", "NUMBER", "DURATION", "SIZE"):
            return self.value(self._literal(written, None))
        if isinstance(written, syntax.Reference) and written.path[0].text in self.names.consts:
            inner = self.names.consts[written.path[0].text].value
            return self._literal_number(inner) if isinstance(inner, syntax.Literal) else None
        return None

    def fits(self, actual: Type, want: Type) -> bool:
        """Whether a value of one type may stand where another is wanted."""
        actual, want = self.names.base(actual), self.names.base(want)
        if actual == want or want == ANY:
            return True
        match want, actual:
            case Scalar("float" | "seconds"), Scalar("int" | "float" | "seconds"):
                return True
            case Nullable(inner), _:
                return actual == NULL or self.fits(actual.base if isinstance(actual, Nullable) else actual, inner)
            case ListOf(inner), ListOf(item):
                return self.fits(item, inner)
            case MapOf(inner), MapOf(item):
                return self.fits(item, inner)
            case _:
                return False

    def _resolve(self, expr: syntax.Expr, want: Type | None) -> Expr | None:
        match expr:
            case syntax.Literal():
                return self._literal(expr, want)
            case syntax.Reference():
                return self._reference(expr)
            case syntax.Call():
                return self._call(expr)
            case syntax.Object():
                return self._object(expr, want)
            case syntax.Array(items):
                inner = want.item if isinstance(want, ListOf) else ANY
                values = [self.resolve(item, inner) for item in items]
                if any(value is None for value in values):
                    return None
                return ListValue(tuple(value for value in values if value is not None), ListOf(inner))
            case syntax.Binary():
                return self._binary(expr)
            case syntax.Not(operand):
                value = self.resolve(operand, BOOL)
                return None if value is None else Not(value)
            case syntax.And(operands):
                values = [self.resolve(one, BOOL) for one in operands]
                return (
                    None if any(one is None for one in values) else And(tuple(one for one in values if one is not None))
                )

    def _literal(self, expr: syntax.Literal, want: Type | None) -> Expr | None:
        text = expr.text
        base = self.names.base(want) if want is not None else None
        base = self.names.base(base.base) if isinstance(base, Nullable) else base
        match expr.kind:
            case "STRING":
                if isinstance(base, Named) and base.kind == "enum":
                    return self._member(expr, base)
                return Value(text, STRING)
            case "BOOL":
                return Value(text == "true", BOOL)
            case "NULL":
                return Value(None, NULL)
            case "DURATION":
                number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
                return Value(round(float(number) * UNITS_S[text[len(number) :]], 9), SECONDS)
            case "SIZE":
                return Value(syntax.size_bytes(text), INT)
            case _:
                if base in (FLOAT, SECONDS):
                    return Value(float(text), base or FLOAT)
                return Value(float(text), FLOAT) if expr.kind == "NUMBER" else Value(int(text), INT)

    def _member(self, expr: syntax.Literal, enum: Named) -> Expr | None:
        members = self.names.enums[enum.name].members
        for member in members:
            if (member.value or member.name.text) == expr.text:
                return Value(expr.text, enum, member.name.text)
        known = [member.value or member.name.text for member in members]
        message = f"{expr.text!r} is not a value of {enum.name}"
        self.names.report("MDK2003", message, expr.span, expected=", ".join(known), hint=did_you_mean(expr.text, known))
        return None

    def _reference(self, expr: syntax.Reference) -> Expr | None:
        first, *path = expr.path
        variable = self.scope.variables.get(first.text)
        if variable is not None:
            return None if variable.type is UNKNOWN else self._field_of(first, path, variable)
        if not path and first.text in self.scope.flags:
            return FlagRef(first.text)
        if not path and first.text in self.scope.params:
            return self.scope.params[first.text]
        if not path and first.text in self.names.consts:
            type_ = self.names.resolved(self.names.consts[first.text].type)
            return None if type_ is None else ConstRef(first.text, type_)
        if first.text in self.scope.hooks:
            self.names.report("MDK2003", f"{first.text} is a hook", first.span, expected=f"{first.text}(...)")
            return None
        known = [*self.scope.variables, *self.scope.flags, *self.scope.params, *self.names.consts]
        hint = f"did you mean {VALUES[first.text]}?" if first.text in VALUES else ""
        if first.text in self.names.structs:
            hint = f"{first.text}(...) makes one"
        self.names.unknown("name", first, known, hint=hint)
        return None

    def _field_of(self, first: syntax.Name, path: list[syntax.Name], variable: Variable) -> Expr | None:
        type_, optional = variable.type, variable.optional
        for name in path:
            if optional:
                message = f"what stands before {name.text!r} may be absent"
                self.names.report(
                    "MDK2003", message, name.span, expected="a value that is always there; ask a hook instead"
                )
                return None
            if not isinstance(type_, Named) or type_.name not in self.names.structs:
                self.names.report(
                    "MDK2003", f"{_shown(type_)} has no fields", name.span, expected="a record or message"
                )
                return None
            fields = {field.name.text: field for field in self.names.structs[type_.name].fields}
            field = fields.get(name.text)
            if field is None:
                self.names.unknown(f"field of {type_.name}", name, fields)
                return None
            found = self.names.resolved(field.type)
            if found is None:
                return None
            type_, optional = found, field.optional
        return ArgRef(first.text, tuple(name.text for name in path), type_, optional)

    def _call(self, expr: syntax.Call) -> Expr | None:
        name = expr.name.text
        kind = self.names.kind(name)
        if kind == "record" or kind == "message":
            if expr.args:
                self.names.report(
                    "MDK2009", f"{name} takes fields by name", expr.span, expected=f"{name}(field = value)"
                )
                return None
            return self._construct(Named(name, kind), expr.named, expr)
        hook = self.scope.hooks.get(name)
        if hook is None:
            known = [*self.scope.hooks, *self.names.structs]
            self.names.unknown("hook, record or message", expr.name, known)
            return None
        return self.hook_call(expr, hook)

    def hook_call(self, expr: syntax.Call, hook: Hook) -> HookCall | None:
        """A call of a hook that answers."""
        if hook.result is None:
            self.names.report(
                "MDK2003", f"{hook.name} answers nothing", expr.span, expected=f"do {hook.name}(...), as an action"
            )
            return None
        args = self.arguments(expr.name, expr.args, hook)
        if expr.named or args is None:
            if expr.named:
                self.names.report(
                    "MDK2009", f"{hook.name} takes arguments by position", expr.span, expected=f"{hook.name}(value)"
                )
            return None
        return HookCall(hook.name, args, hook.result)

    def arguments(self, name: syntax.Name, args: tuple[syntax.Expr, ...], hook: Hook) -> tuple[Expr, ...] | None:
        """The arguments of a hook, checked one by one."""
        if len(args) != len(hook.arguments):
            message = f"{name.text} takes {len(hook.arguments)} arguments, {len(args)} are given"
            wanted = ", ".join(f"{one.name}: {one.type}" for one in hook.arguments)
            self.names.report("MDK2009", message, name.span, expected=f"{name.text}({wanted})")
            return None
        values: list[Expr] = []
        for argument, written in zip(hook.arguments, args, strict=True):
            value = self.resolve(written, argument.type)
            if value is None or not self.always_there(value, written, optional=argument.optional):
                return None
            values.append(value)
        return tuple(values)

    def _object(self, expr: syntax.Object, want: Type | None) -> Expr | None:
        base = want.base if isinstance(want, Nullable) else want
        if isinstance(base, Named) and base.kind in ("record", "message"):
            return self._construct(base, expr.items, expr)
        if base is not None and not isinstance(base, MapOf) and base != ANY:
            self.names.report("MDK2003", f"an object where {_shown(base)} is wanted", expr.span, expected=_shown(base))
            return None
        inner = base.value if isinstance(base, MapOf) else ANY
        pairs = [(name.text, self.resolve(value, inner)) for name, value in expr.items]
        if any(value is None for _, value in pairs):
            return None
        return MapValue(tuple((key, value) for key, value in pairs if value is not None), MapOf(inner))

    def _construct(
        self, type_: Named, items: tuple[tuple[syntax.Name, syntax.Expr], ...], whole: syntax.Expr
    ) -> Expr | None:
        fields = {field.name.text: field for field in self.names.structs[type_.name].fields}
        self.names.unique("the field", (name for name, _ in items))
        given: list[tuple[str, Expr]] = []
        good = True
        for name, written in items:
            field = fields.get(name.text)
            if field is None:
                self.names.unknown(f"field of {type_.name}", name, fields)
                good = False
                continue
            wanted = self.names.resolved(field.type)
            value = None if wanted is None else self.resolve(written, wanted)
            if value is None or not self.always_there(value, written, optional=field.optional):
                good = False
                continue
            given.append((name.text, value))
        present = {name.text for name, _ in items}
        missing = [
            one for one, field in fields.items() if not field.optional and field.default is None and one not in present
        ]
        if missing and not self._partial:
            message = f"{type_.name} lacks its required {', '.join(missing)}"
            self.names.report("MDK2007", message, whole.span, expected=", ".join(f"{one} = ..." for one in missing))
        return Construct(type_, tuple(given)) if good and (self._partial or not missing) else None

    def always_there(self, value: Expr, written: syntax.Expr, *, optional: bool = False) -> bool:
        """Whether a value is never absent, or may be; else it is reported."""
        if isinstance(value, ArgRef) and value.optional and not optional:
            self.names.report("MDK2003", "this may be absent", written.span, expected="a value that is always there")
            return False
        return True

    def _binary(self, expr: syntax.Binary) -> Expr | None:
        left, right = self.resolve(expr.left), self.resolve(expr.right)
        if left is None or right is None:
            return None
        types = [self.names.base(type_of(one)) for one in (left, right)]
        numbers = all(one in (INT, FLOAT, SECONDS) for one in types)
        if expr.operator in ("*", "/"):
            if not numbers:
                self.names.report(
                    "MDK2003", f"`{expr.operator}` of what is not a number", expr.span, expected="two numbers"
                )
                return None
            if not self.always_there(left, expr.left) or not self.always_there(right, expr.right):
                return None
            if expr.operator == "/" and self.value(right) == 0:
                self.names.report("MDK2003", "a division by 0", expr.right.span, expected="another number")
                return None
            return Arithmetic(expr.operator, left, right, SECONDS if SECONDS in types else FLOAT)  # type: ignore[arg-type]  # one of its literals
        equals = expr.operator in ("==", "!=") and (self.fits(types[0], types[1]) or self.fits(types[1], types[0]))
        if not numbers and not equals:
            message = f"{_shown(types[0])} and {_shown(types[1])} cannot be compared by {expr.operator}"
            self.names.report("MDK2003", message, expr.span, expected="two values of one type")
            return None
        if expr.operator not in ("==", "!=") and not (
            self.always_there(left, expr.left) and self.always_there(right, expr.right)
        ):
            return None
        return Compare(expr.operator, left, right)  # type: ignore[arg-type]  # one of its literals


def type_of(expr: Expr) -> Type:
    """The type of a resolved expression."""
    match expr:
        case FlagRef() | Compare() | Not() | And():
            return BOOL
        case (
            Value()
            | ConstRef()
            | ParamRef()
            | ArgRef()
            | HookCall()
            | Construct()
            | ListValue()
            | MapValue()
            | Arithmetic()
        ):
            return expr.type


def _shown(type_: Type) -> str:
    return "null" if type_ == NULL else str(type_)
