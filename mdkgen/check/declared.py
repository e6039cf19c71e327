"""Constants and types of a folder together: they depend on nothing else in it, and seldom change while it is edited."""

from __future__ import annotations

from dataclasses import dataclass

from mdkgen import syntax
from mdkgen.check.names import Names
from mdkgen.check.types import check_consts, check_enums, check_newtypes, check_structs
from mdkgen.diagnostics import Diagnostic
from mdkgen.model import Const, Enum, Message, Newtype, Record


@dataclass(frozen=True)
class Declared:
    """What they are, and what is wrong with them."""

    consts: tuple[Const, ...]
    newtypes: tuple[Newtype, ...]
    enums: tuple[Enum, ...]
    records: tuple[Record, ...]
    messages: tuple[Message, ...]
    found: tuple[Diagnostic, ...]


class KeptDeclared:
    """They as they were checked last: the same as long as they are declared by the same objects, in the same order."""

    def __init__(self) -> None:
        self._of: tuple[syntax.Declaration, ...] = ()
        self._missing = frozenset[str]()
        self._made: Declared | None = None

    def check(self, names: Names) -> Declared:
        """As `check_declared`."""
        of: tuple[syntax.Declaration, ...] = (
            *names.consts.values(),
            *names.newtypes.values(),
            *names.enums.values(),
            *names.structs.values(),
        )
        is_same = len(of) == len(self._of) and all(a is b for a, b in zip(of, self._of, strict=True))
        if self._made is not None and is_same and names.missing == self._missing:
            names.found += self._made.found
            return self._made
        self._of, self._missing = of, names.missing
        self._made = check_declared(names)
        return self._made


def check_declared(names: Names) -> Declared:
    """Constants, named scalars, enums, records and messages; what is found is noted in `names`, too."""
    before = len(names.found)
    consts, newtypes, enums = check_consts(names), check_newtypes(names), check_enums(names)
    records, messages = check_structs(names)
    return Declared(consts, newtypes, enums, records, messages, tuple(names.found[before:]))
