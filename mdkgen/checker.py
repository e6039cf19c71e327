"""Syntax trees to the model: names resolved, types agreed, machines complete; every error of every file in one run."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Sequence

from mdkgen import syntax
from mdkgen.check.declared import KeptDeclared, check_declared
from mdkgen.check.names import Names
from mdkgen.check.protocols import check_protocols
from mdkgen.check.scenarios import check_scenarios
from mdkgen.diagnostics import Diagnostic
from mdkgen.model import Export, Face, FaceModule, Protocol, Spec

TAKEN = {"msgspec", "mdkspec_runtime", "hypothesis", *sys.stdlib_module_names}
"""Packages that the generated one imports, or Python before it."""

NEEDS_ALL = {"MDK1003", "MDK3004", "MDK3005", "MDK3007", "MDK3011", "MDK3012"}
"""Findings that compare declarations: they mean nothing while one of them cannot be read."""


def check(files: Sequence[syntax.File], kept: KeptDeclared | None = None) -> tuple[Spec | None, list[Diagnostic]]:
    """The model of all files of a folder; None if there are errors, which come sorted by place.

    With `kept`, constants and types are only checked again if one of them is not the object that it was. Of files with syntax errors the declarations that could be read are checked all the same, for what is certainly wrong.
    """
    names = Names(files)
    _check_headers(names)
    declared = check_declared(names) if kept is None else kept.check(names)
    protocols = check_protocols(names)
    _check_stubs(names, protocols)
    scenarios = check_scenarios(names, protocols)
    faces = tuple(_face(names, one) for one in names.faces.values())
    certain = [one for one in names.found if not (names.incomplete and one.code in NEEDS_ALL)]
    found = sorted(set(certain), key=lambda one: (one.span.file, one.span.line, one.span.column, one.code, one.message))
    if found or names.incomplete or not names.files:
        return None, found
    header = names.files[0].header
    spec = Spec(
        namespace=header.namespace.text,
        version=header.version.text,
        consts=declared.consts,
        newtypes=declared.newtypes,
        enums=declared.enums,
        records=declared.records,
        messages=declared.messages,
        protocols=protocols,
        faces=faces,
        files=tuple(file.name for file in names.files),
        scenarios=scenarios,
    )
    return spec, []


def _check_headers(names: Names) -> None:
    if not names.files:
        return
    first = names.files[0].header
    for file in names.files:
        header = file.header
        names.python("the namespace", header.namespace, TAKEN)
        if header.version.text.startswith("-"):
            names.report("MDK1002", f"version {header.version.text}", header.version.span, expected="version 1.0")
        for what, mine, theirs in (
            ("namespace", header.namespace, first.namespace),
            ("version", header.version, first.version),
        ):
            if mine.text != theirs.text:
                message = f"{what} {mine.text} in a folder whose first file says {theirs.text}"
                names.report("MDK1003", message, mine.span, expected=f"{what} {theirs.text}")


def _check_stubs(names: Names, protocols: Sequence[Protocol]) -> None:
    """No type or constant is called as what is generated for a protocol and its roles."""
    for protocol in protocols:
        made = {f"{protocol.name}Simulation"}
        for role in (protocol.connector, protocol.acceptor):
            stub = protocol.name + "".join(word.capitalize() for word in role.split("_"))
            table = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", f"{protocol.name}_{role}").upper()
            made |= {stub, table, f"{stub}Handler", f"{stub}Shared", f"{stub}SharedHandler"}
        for declared in (names.consts, names.newtypes, names.enums, names.structs):
            for one in declared.values():
                if one.name.text in made:
                    message = f"{one.name.text!r} is the name of what is generated for {protocol.name}"
                    names.report("MDK2006", message, one.name.span, expected="another name")


def _face(names: Names, one: syntax.Face) -> Face:
    modules: dict[str, tuple[str, list[Export]]] = {"": ("", [])}
    names.python("the face", one.name)
    for name, doc, exports in one.modules:
        known_doc, collected = modules.setdefault(name, (doc, []))
        modules[name] = (known_doc or doc, collected)
        for export in exports:
            for part in (*export.module.split("."), export.name.text, export.alias.text, *([name] if name else [])):
                if keyword.iskeyword(part):
                    message = f"{part!r} would clash in the generated code"
                    names.report("MDK2006", message, export.name.span, expected="another name")
        collected += [Export(export.module, export.name.text, export.alias.text) for export in exports]
    for name in modules:
        names.unique("the name", (e.alias for module, _, exports in one.modules if module == name for e in exports))
    made = tuple(FaceModule(name, tuple(exports), doc) for name, (doc, exports) in modules.items())
    return Face(one.name.text, made, one.doc, one.span)
