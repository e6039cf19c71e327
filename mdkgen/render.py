"""The model as generated files: views with everything ready-made, put into the templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import indent
from typing import Any, Protocol

from mdkgen.ir import to_json
from mdkgen.model import Enum, Face, Field, Message, Newtype, Record, Spec
from mdkgen.output import MARK
from mdkgen.pretty import INDENT, WIDTH, Group, Labelled, Node, assignment, dict_of, layout, list_of, quoted, tuple_of
from mdkgen.python import (
    Expressions,
    annotation,
    docstring,
    field_default,
    import_from,
    import_groups,
    isort_key,
    names_in,
    own_imports,
)
from mdkgen.simulations import Simulation, simulations
from mdkgen.strategies import StrategyWriter, strategy_functions
from mdkgen.stubs import Stub, role_constant, stub_views
from mdkgen.table_nodes import TableNodes, beside, machine_name
from mdkgen.templating import Shelf, Templates


@dataclass(frozen=True, slots=True)
class _Struct:
    """A class of messages.py."""

    head: str
    doc: str
    fields: tuple[tuple[str, str], ...]
    """(line, docstring or nothing)"""
    secrets: str
    """Names of the fields that are not shown, as arguments; empty if there are none."""


class _Named(Protocol):
    """A declaration."""

    @property
    def name(self) -> str: ...


SHELF = Shelf("python/", Path(__file__).parent / "templates")


def render(spec: Spec, shelves: Sequence[Shelf] = (SHELF,)) -> dict[str, str]:
    """Every generated file: path relative to the output folder, and text; templates are looked for on the shelves."""
    made = Templates(shelves, filters={"docstring": docstring}, variables={"mark": MARK})
    templates = partial(_templated, made)
    files: dict[str, str] = {}
    package = spec.namespace
    if spec.records or spec.messages or spec.protocols:
        stubs = stub_views(spec)
        files[f"{package}/messages.py"] = templates("messages.py.j2", **_messages_view(spec))
        files[f"{package}/codec.py"] = templates("codec.py.j2", **_codec_view(spec))
        files[f"{package}/tables.py"] = templates("tables.py.j2", **_tables_view(spec))
        for stub in stubs:
            files[f"{package}/{stub.module}.py"] = templates("stub.py.j2", package=package, stub=stub)
        files[f"{package}/testing.py"] = templates("testing.py.j2", package=package, **_testing_view(spec, stubs))
        files[f"{package}/__init__.py"] = templates("package.py.j2", **_package_view(spec, stubs))
        files[f"{package}/spec.json"] = to_json(spec)
        if spec.scenarios:
            from mdkgen.scenarios.render import render as render_scenarios

            files[f"{package}/scenarios.json"] = render_scenarios(spec)
        files[f"{package}/py.typed"] = ""
    for face in spec.faces:
        files.update(_face_files(templates, face))
    return files


# --- testing --------------------------------------------------------------------------------------


def _testing_view(spec: Spec, stubs: list[Stub]) -> Mapping[str, Any]:
    writer = StrategyWriter(spec)
    functions = strategy_functions(writer)
    made = simulations(spec.protocols, stubs, writer, beside("Call", _types(spec)))
    others: list[str] = []
    for stub in stubs if made else ():
        connects = stub.role == next(one.connector for one in spec.protocols if one.name == stub.protocol)
        shared = {f"{stub.name}Shared"} if stub.has_shared and not connects else set[str]()
        others.append(import_from(f"{spec.namespace}.{stub.module}", {stub.name, *shared}))
    if made:
        calls = any(one.calls for protocol in spec.protocols for part in protocol.parts for one in part.machines)
        call = beside("Call", _types(spec))
        names = [call if call == "Call" else f"Call as {call}", "Simulation"] if calls else ["Simulation"]
        others.append(import_from("mdkspec_runtime.testing.simulation", names))
    return {
        "imports": writer.imports(
            *others, class_variables=any("ClassVar" in fact for one in made for fact in one.facts)
        ),
        "functions": functions,
        "simulations": made,
        "scenarios": bool(spec.scenarios),
        "also": _also(made, spec),
    }


def _also(made: Sequence[Simulation], spec: Spec) -> str:
    others = ["a simulation"] if made else []
    others += ["scenarios as tests"] if spec.scenarios else []
    return "".join(f", {one}" for one in others[:-1]) + "".join(f", and {one}" for one in others[-1:])


# --- messages -------------------------------------------------------------------------------------


def _messages_view(spec: Spec) -> Mapping[str, Any]:
    expressions = Expressions()
    tag = _tag(spec)
    consts = [
        (f"{one.name}: Final[{annotation(one.type)}] = {expressions.text(one.value)}", one.doc) for one in spec.consts
    ]
    newtypes = [(f"{one.name}: TypeAlias = {_newtype(one)}", one.doc) for one in spec.newtypes]
    records = [_struct(one, "", expressions) for one in spec.records]
    messages = [_struct(one, f"tag_field={quoted(tag)}, tag={quoted(one.wire)}", expressions) for one in spec.messages]
    return {
        "namespace": spec.namespace,
        "imports": _messages_imports(spec),
        "consts": consts,
        "newtypes": newtypes,
        "enums": [(_enum_head(one), one) for one in spec.enums],
        "structs": [*records, *messages],
        "unions": _unions(spec),
    }


def _messages_imports(spec: Spec) -> str:
    structs: tuple[Record | Message, ...] = (*spec.records, *spec.messages)
    fields = [field for one in structs for field in one.fields]
    bounded = [one for one in spec.newtypes if one.minimum is not None or one.maximum is not None]
    typing_names = {name for field in fields for name in names_in(field.type) if name == "Any"}
    typing_names |= {"TypeAlias"} if spec.newtypes or spec.messages else set()
    typing_names |= {"Annotated"} if bounded else set()
    typing_names |= {"Final"} if spec.consts else set()
    expressions = Expressions()
    msgspec_names = {"field"} if any("field(" in field_default(one, expressions) for one in fields) else set[str]()
    msgspec_names |= {"Meta"} if bounded else set()
    msgspec_names |= {"UNSET", "UnsetType"} if any(one.presence == "optional" for one in fields) else set()
    msgspec_names |= {"Struct"} if spec.records or spec.messages else set()
    enums = [] if all(one.open for one in spec.enums) else ["from enum import StrEnum"]
    ours = ["from mdkspec_runtime.enums import OpenEnum"] if any(one.open for one in spec.enums) else []
    secret = any(field.sensitive for field in fields)
    ours += ["from mdkspec_runtime.secrets import shown, shown_fields"] if secret else []
    typing_names |= {"Any"} if secret else set()
    groups = [
        [*enums, import_from("typing", typing_names)],
        [import_from("msgspec", msgspec_names)],
        ours,
    ]
    return import_groups(groups)


def _newtype(newtype: Newtype) -> str:
    base = annotation(newtype.base)
    bounds = [
        f"{key}={value!r}" for key, value in (("ge", newtype.minimum), ("le", newtype.maximum)) if value is not None
    ]
    return f"Annotated[{base}, Meta({', '.join(bounds)})]" if bounds else base


def _enum_head(enum: Enum) -> str:
    return f"class {enum.name}({'OpenEnum' if enum.open else 'StrEnum'}):"


def _struct(one: Record | Message, tag: str, expressions: Expressions) -> _Struct:
    renamed = [(field.name, quoted(field.wire)) for field in one.fields if field.wire != field.name]
    items: list[Node] = ["Struct", "frozen=True", "kw_only=True", *(tag.split(", ") if tag else ())]
    if renamed:
        items.append(Labelled("rename=", dict_of(*renamed)))
    head = layout(Group(f"class {one.name}(", tuple(items), ")"), tail=1) + ":"
    lines = tuple((_field_line(field, expressions), field.doc) for field in one.fields)
    what = "message" if isinstance(one, Message) else "record"
    return _Struct(
        head,
        one.doc or f"A {what} of the specification.",
        lines,
        ", ".join(quoted(field.name) for field in one.fields if field.sensitive),
    )


def _field_line(field: Field, expressions: Expressions) -> str:
    optional = field.presence == "optional"
    return f"{field.name}: {annotation(field.type, optional=optional)}{field_default(field, expressions)}"


def _unions(spec: Spec) -> list[str]:
    names = [one.name for one in spec.messages]
    if not names:
        return []
    line = f"AnyMessage: TypeAlias = {' | '.join(names)}"
    if len(line) <= WIDTH:
        return [line]
    joined = " | ".join(names)
    body = joined if INDENT + len(joined) <= WIDTH else "\n    | ".join(names)
    return [f"AnyMessage: TypeAlias = (\n    {body}\n)"]


def _tag(spec: Spec) -> str:
    return spec.protocols[0].tag if spec.protocols else "type"


# --- codec, tables, package, faces ----------------------------------------------------------------


def _codec_view(spec: Spec) -> Mapping[str, Any]:
    names = [one.name for one in spec.messages]
    aliases = [(alias, one.name) for one in spec.messages for alias in one.also]
    limit = max((one.message_bytes_max for one in spec.protocols), default=2**20)
    node = Group(
        "Codec(",
        (
            f"tag={quoted(_tag(spec))}",
            "messages=" + layout(tuple_of(*names), indent=4, used=13, tail=1),
            "aliases=" + layout(dict_of(*aliases), indent=4, used=12, tail=1),
            f"message_bytes_max={limit}",
        ),
        ")",
    )
    return {
        "namespace": spec.namespace,
        "imports": own_imports(
            [import_from(f"{spec.namespace}.messages", names), "from mdkspec_runtime.codec import Codec"]
        ),
        "codec": assignment("CODEC: Final", node),
    }


def _tables_view(spec: Spec) -> Mapping[str, Any]:
    blocks: list[tuple[str, str]] = []
    engine: set[str] = set()
    used: set[str] = set()
    for protocol in spec.protocols:
        nodes = TableNodes(protocol, _types(spec))
        for role in (protocol.connector, protocol.acceptor):
            for part in protocol.parts:
                name = f"{machine_name(part, role)}: Final"
                blocks.append((assignment(name, nodes.machine(part, part.machine(role))), ""))
            blocks.append((assignment(f"{role_constant(protocol, role)}: Final", nodes.role(role)), ""))
        engine |= nodes.engine
        used |= nodes.used
    ours = own_imports(
        [
            f"from {spec.namespace}.codec import CODEC",
            import_from(f"{spec.namespace}.messages", used),
            import_from("mdkspec_runtime.tables", engine),
        ]
    )
    imports = import_groups([["from typing import Final"], [ours]])
    return {"namespace": spec.namespace, "imports": imports, "blocks": blocks}


def _types(spec: Spec) -> set[str]:
    """Names of the specification that its other modules import."""
    groups: tuple[Sequence[_Named], ...] = (spec.consts, spec.newtypes, spec.enums, spec.records, spec.messages)
    return {one.name for group in groups for one in group}


def _package_view(spec: Spec, stubs: list[Stub]) -> Mapping[str, Any]:
    package = spec.namespace
    groups: tuple[Sequence[_Named], ...] = (spec.consts, spec.newtypes, spec.enums, spec.records, spec.messages)
    names = {
        "messages": [*(one.name for group in groups for one in group), *(["AnyMessage"] if spec.messages else [])],
        "codec": ["CODEC"],
        "tables": [role_constant(p, role) for p in spec.protocols for role in (p.connector, p.acceptor)],
    }
    sides: dict[str, Sequence[str]] = {}
    for stub in stubs:
        sides[stub.module] = stub.exports
    shown = sorted({name for group in (*names.values(), *sides.values()) for name in group}, key=isort_key)
    imports = [import_from(f"{package}.{module}", names[module]) for module in sorted(names)]
    side_imports = [import_from(f"{package}.{module}", sides[module], indent=INDENT) for module in sorted(sides)]
    module_of = {name: quoted(f"{package}.{module}") for module, exports in sides.items() for name in exports}
    standard = ["from importlib import import_module", "from typing import TYPE_CHECKING"] if sides else []
    return {
        "namespace": package,
        "version": spec.version,
        "imports": import_groups([standard, imports]),
        "side_imports": indent("\n".join(side_imports), " " * INDENT),
        "sides": assignment("_SIDES", dict_of(*((name, module_of[name]) for name in sorted(module_of, key=isort_key)))),
        "all": assignment("__all__", list_of(*map(quoted, shown))),
    }


def _templated(made: Templates, name: str, /, **variables: Any) -> str:
    return made(f"python/{name}", **variables)


def _face_files(templates: Callable[..., str], face: Face) -> dict[str, str]:
    files = {f"{face.name}/py.typed": ""}
    for module in face.modules:
        by_source: dict[str, list[str]] = {}
        for export in module.exports:
            shown = export.name if export.alias == export.name else f"{export.name} as {export.alias}"
            by_source.setdefault(export.module, []).append(shown)
        imports = [import_from(source, names) for source, names in sorted(by_source.items())]
        shown_names = sorted({export.alias for export in module.exports}, key=isort_key)
        path = f"{face.name}/{module.name or '__init__'}.py"
        files[path] = templates(
            "face.py.j2",
            doc=module.doc or face.doc,
            name=f"{face.name}.{module.name}".rstrip("."),
            imports="\n".join(imports),
            all=assignment("__all__", list_of(*map(quoted, shown_names))),
        )
    return files
