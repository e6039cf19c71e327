"""Types and expressions of the model as Python."""

from __future__ import annotations

from collections.abc import Iterable

from mdkgen.model import (
    And,
    ArgRef,
    Argument,
    Arithmetic,
    Compare,
    ConstRef,
    Construct,
    Expr,
    Field,
    FlagRef,
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
from mdkgen.pretty import Group, Labelled, Node, call, dict_of, flat, layout, list_of, quoted

SCALARS = {"bool": "bool", "string": "str", "int": "int", "float": "float", "seconds": "float", "any": "Any"}


def annotation(type_: Type, *, optional: bool = False) -> str:
    """The type as an annotation; an optional one may be UNSET."""
    if optional:
        return f"{annotation(type_)} | UnsetType"
    match type_:
        case Scalar(name):
            return SCALARS[name]
        case Named(name):
            return name
        case ListOf(item):
            return f"list[{annotation(item)}]"
        case MapOf(value):
            return f"dict[str, {annotation(value)}]"
        case Nullable(base):
            return f"{annotation(base)} | None"


def names_in(type_: Type) -> set[str]:
    """The declared names that an annotation needs, and `Any`."""
    match type_:
        case Scalar("any"):
            return {"Any"}
        case Scalar():
            return set()
        case Named(name):
            return {name}
        case ListOf(inner) | MapOf(inner) | Nullable(inner):
            return names_in(inner)


class Expressions:
    """Writes the expressions of one part and role, and remembers which declared names they used."""

    def __init__(self, part: str = "") -> None:
        self.part = part
        self.used: set[str] = set()

    def node(self, expr: Expr) -> Node:
        """The expression as a tree; `x` is the scope that every function of a table gets."""
        match expr:
            case Value():
                return self._value(expr)
            case ConstRef(name):
                self.used.add(name)
                return name
            case ParamRef(_, name):
                return f'x.params["{name}"]'
            case ArgRef(name, path):
                return ".".join((variable(name), *path))
            case FlagRef(name):
                return f'x.flags["{self.part}.{name}"]'
            case HookCall(hook, args):
                return call(f"x.hooks.{hook}", *map(self.node, args))
            case Construct(type_, fields):
                self.used.add(type_.name)
                return call(type_.name, *(Labelled(f"{name}=", self.node(value)) for name, value in fields))
            case ListValue(items):
                return list_of(*map(self.node, items))
            case MapValue(items):
                return dict_of(*((key, self.node(value)) for key, value in items))
            case Arithmetic(operator, left, right):
                return f"{self._operand(left)} {operator} {self._operand(right)}"
            case Compare(operator, left, right):
                return f"{self._operand(left)} {operator} {self._operand(right)}"
            case Not(operand):
                return f"not {self._operand(operand)}"
            case And(operands):
                return " and ".join(self._operand(operand) for operand in operands)

    def text(self, expr: Expr) -> str:
        """The expression on one line."""
        return flat(self.node(expr))

    def function(self, binds: Iterable[str], body: Node, *, scope: bool = True) -> Node:
        """A lambda over the scope and what came with the input."""
        names = (["x"] if scope else []) + [variable(bind) for bind in binds]
        return Labelled(f"lambda {', '.join(names)}: " if names else "lambda: ", body)

    def _value(self, value: Value) -> str:
        if value.name is not None and isinstance(value.type, Named):
            self.used.add(value.type.name)
            return f"{value.type.name}.{value.name}"
        return quoted(value.value) if isinstance(value.value, str) else repr(value.value)

    def _operand(self, expr: Expr) -> str:
        text = self.text(expr)
        return f"({text})" if isinstance(expr, Arithmetic | Compare | And | Not) else text


def variable(name: str) -> str:
    """A spec's variable as Python's; CODE and TITLE of a close message become plain arguments."""
    return name.lower() if name.isupper() else name


def field_default(field: Field, expressions: Expressions) -> str:
    """What follows the annotation of a field: nothing, or its default."""
    if field.presence == "optional":
        return " = UNSET"
    match field.default:
        case None:
            return ""
        case Construct(type_, ()):
            expressions.used.add(type_.name)
            return f" = field(default_factory={type_.name})"
        case Construct() | ListValue(items=(_, *_)) | MapValue(items=(_, *_)):
            return f" = field(default_factory=lambda: {expressions.text(field.default)})"
        case _:
            return f" = {expressions.text(field.default)}"


def parameters(arguments: tuple[Argument, ...]) -> tuple[Node, ...]:
    """Parameters of a stub's method, `self` not included."""
    return tuple(
        f"{variable(argument.name)}: {annotation(argument.type, optional=argument.optional)}"
        + (" = UNSET" if argument.optional else "")
        for argument in arguments
    )


def isort_key(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest: how an import's names are sorted."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name


def import_from(module: str, names: Iterable[str], *, indent: int = 0) -> str:
    """One import statement, sorted and wrapped, for that indentation; empty if there is nothing to import."""
    ordered = sorted(set(names), key=isort_key)
    if not ordered:
        return ""
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= 120 - indent:
        return line
    return layout(Group(f"from {module} import (", tuple(ordered), ")"), used=1000)


def own_imports(statements: Iterable[str]) -> str:
    """Imports of the package itself and of the engine: one group, sorted by module."""
    return "\n".join(sorted((one for one in statements if one), key=lambda one: one.split()[1]))


def import_groups(groups: Iterable[Iterable[str]]) -> str:
    """Groups of import statements with an empty line between; empty statements and groups fall away."""
    blocks = ["\n".join(line for line in group if line) for group in groups]
    return "\n\n".join(block for block in blocks if block)


def docstring(text: str, *, indent: int, default: str = "") -> str:
    """A docstring with its indentation: the first sentence, then the rest; empty if there is neither text nor default."""
    words = " ".join((text or default).split()).replace("\\", "\\\\").replace('"""', r"\"\"\"")
    if not words:
        return ""
    margin = " " * indent
    summary, dot, rest = words.partition(". ")
    summary = (summary + dot).strip()
    if summary[-1] not in ".?!":
        summary += "."
    if summary.endswith('"'):
        summary += " "
    summary = summary[0].upper() + summary[1:]
    if not rest:
        return f'{margin}"""{summary}"""'
    return f'{margin}"""{summary}\n\n{margin}{rest}\n{margin}"""'
