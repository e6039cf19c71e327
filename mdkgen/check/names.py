"""What the files of a folder declare, and what was found wrong with it."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable, Sequence
from typing import Literal, TypeVar

from mdkgen import syntax
from mdkgen.diagnostics import Diagnostic, did_you_mean, error
from mdkgen.habits import TYPES
from mdkgen.model import SCALARS, ListOf, MapOf, Named, Nullable, Span, Type

KNOWN_SHOWN_MAX = 6
"""So many names that would have been right are listed."""


D = TypeVar("D", bound=syntax.Declaration)

Kind = Literal["record", "message", "enum", "newtype"]

GENERATED = {
    *("Callable", "ClassVar", "Codec", "Endpoint", "Iterable", "OpenEnum", "Protocol", "RequestFailed", "SharedLeases"),
    *(
        "shown",
        "shown_fields",
        "Simulation",
        "StrEnum",
        "ConstructorParameters",
        "Readonly",
        "ReadonlyArray",
    ),
    "AnyMessage",
    "CODEC",
    "UNSET",
    "UnsetType",
    "Struct",
    "Meta",
    "Any",
    "Final",
    "TypeAlias",
    "Annotated",
} | {
    *("list", "map", "null", "str", "dict", "tuple", "frozenset"),
}
"""Names that the generated modules use for themselves, in Python or JavaScript."""

ANNOTATIONS = frozenset({"Any", "UNSET", "UnsetType", "bool", "dict", "float", "int", "list", "str"})
"""Words of Python's annotations: beside a member of such a name, a class would take the member for the type."""

_WORDS = (
    "arguments case catch const debugger default delete do enum eval export extends function implements instanceof"
    " interface let new package private protected public static super switch then this throw typeof var void"
)
JAVASCRIPT = frozenset(_WORDS.split())
"""What no class or constant of a JavaScript module may be called, and Python lets pass."""

RESERVED = frozenset({*GENERATED, *SCALARS, *JAVASCRIPT, *(one for one in dir(builtins) if one[0].isupper())})
"""What no declaration may be called."""

STRINGS = frozenset(one for one in dir(str) if one[0] != "_")
"""Methods of a string: the members of an enum are strings."""

ANOTHER_NAME = "another name"
ANOTHER_FIELD = 'another name; the field keeps its key so: other as "{}"'
ANOTHER_MEMBER = 'another name; the member keeps its value so: OTHER = "{}"'


class Names:
    """All declarations by name; the first of two with one name counts."""

    def __init__(self, files: Sequence[syntax.File]) -> None:
        self.found: list[Diagnostic] = []
        self.files = sorted(files, key=lambda file: file.name)
        self.incomplete = any(file.broken for file in files)
        """True if some declarations could not be read."""
        self.missing = frozenset[str]().union(*(file.missing for file in files))
        """What seems to be declared where nothing could be read."""
        self._spans: dict[str, Span] = {}
        declarations = [one for file in self.files for one in file.declarations]
        self.consts = self._take(syntax.Const, declarations)
        self.newtypes = self._take(syntax.Newtype, declarations)
        self.enums = self._take(syntax.Enum, declarations)
        structs = self._take(syntax.Record, declarations)
        self.records = {name: one for name, one in structs.items() if one.wire is None}
        self.messages = {name: one for name, one in structs.items() if one.wire is not None}
        self.structs = structs
        parts = self._take(syntax.Part, declarations)
        self.protocols = {name: one for name, one in parts.items() if one.of is None}
        self.parts = {name: one for name, one in parts.items() if one.of is not None}
        self.faces = self._take(syntax.Face, declarations, own_scope=True)
        self.scenarios = self._take(syntax.Scenario, declarations, own_scope=True)

    def report(
        self, code: str, message: str, span: Span, *, expected: str = "", hint: str = "", other: Span | None = None
    ) -> None:
        """Note an error and go on."""
        self.found.append(error(code, message, span, expected=expected, hint=hint, other=other))

    def unknown(self, what: str, name: syntax.Name, known: Iterable[str], *, hint: str = "") -> None:
        """A name that nothing declares; without a hint, the nearest that something does."""
        if name.text in self.missing:
            return
        known = list(known)
        expected = ", ".join(sorted(known)) if len(known) <= KNOWN_SHOWN_MAX else f"a declared {what}"
        self.report(
            "MDK2002",
            f"unknown {what} {name.text!r}",
            name.span,
            expected=expected or f"nothing: no {what} is declared here",
            hint=hint or did_you_mean(name.text, known),
        )

    def unique(self, what: str, names: Iterable[syntax.Name]) -> None:
        """Report every name that stands a second time."""
        seen: dict[str, Span] = {}
        for name in names:
            if name.text in seen:
                first = seen[name.text]
                message = f"{what} {name.text!r} stands here twice, first in line {first.line}"
                self.report("MDK2001", message, name.span, expected="another name", other=first)
            seen.setdefault(name.text, name.span)

    def python(
        self, what: str, name: syntax.Name, reserved: Iterable[str] = (), *, expected: str = ANOTHER_NAME
    ) -> None:
        """Report a name that a target language, or what is generated, needs for itself."""
        if keyword.iskeyword(name.text) or name.text in reserved or name.text.startswith("__"):
            message = f"{what} {name.text!r} would clash in the generated code"
            self.report("MDK2006", message, name.span, expected=expected.format(name.text))

    def member(
        self, what: str, name: syntax.Name, reserved: frozenset[str] = ANNOTATIONS, *, expected: str = ANOTHER_NAME
    ) -> None:
        """The same, for a name inside a class, whose annotations name types of Python and of the specification."""
        self.python(what, name, reserved, expected=expected)
        self.local(what, name, expected=expected)

    def local(self, what: str, name: syntax.Name, *, expected: str = ANOTHER_NAME) -> None:
        """Report a name that would hide a type or a constant where that is needed."""
        if self.kind(name.text) is not None or name.text in self.consts:
            message = f"{what} {name.text!r} would hide what is declared under this name"
            self.report("MDK2006", message, name.span, expected=expected.format(name.text))

    def resolved(self, written: syntax.Type) -> Type | None:
        """The resolved type; None, with a report, if a name in it is unknown."""
        if isinstance(written, syntax.TypeOf):
            inner = self.resolved(written.inner)
            if inner is None:
                return None
            match written.kind:
                case "list":
                    return ListOf(inner)
                case "map":
                    return MapOf(inner)
                case _:
                    return Nullable(inner)
        name = written.name.text
        if name in SCALARS:
            return SCALARS[name]
        kind = self.kind(name)
        if kind is None:
            known = [*SCALARS, *self.structs, *self.enums, *self.newtypes]
            hint = f"did you mean {TYPES[name]}?" if name in TYPES else ""
            self.unknown("type", written.name, known, hint=hint)
            return None
        return Named(name, kind)

    def kind(self, name: str) -> Kind | None:
        """record, message, enum or newtype."""
        if name in self.structs:
            return "record" if name in self.records else "message"
        if name in self.enums:
            return "enum"
        return "newtype" if name in self.newtypes else None

    def base(self, type_: Type) -> Type:
        """The type behind a newtype."""
        if isinstance(type_, Named) and type_.kind == "newtype":
            written = self.newtypes[type_.name].base
            if isinstance(written, syntax.TypeName) and written.name.text in SCALARS:
                return SCALARS[written.name.text]
        return type_

    def _take(
        self, kind: type[D], declarations: Iterable[syntax.Declaration], *, own_scope: bool = False
    ) -> dict[str, D]:
        taken: dict[str, D] = {}
        for one in declarations:
            if not isinstance(one, kind):
                continue
            name = one.name
            first = None if own_scope else self._spans.get(name.text)
            if first is not None or name.text in taken:
                where = f", first in {first.file}, line {first.line}" if first else ""
                message = f"{name.text!r} is declared twice{where}"
                self.report("MDK2001", message, name.span, expected="another name", other=first)
                continue
            if not own_scope:
                self._spans[name.text] = name.span
                self.python("the name", name, RESERVED)
            taken[name.text] = one
        return taken
