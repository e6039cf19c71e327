"""What a new version of a protocol breaks, for whom, and in which order the two sides can be brought to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mdkgen.breaking import behaviour, source, wire
from mdkgen.breaking.change import NEW_CONNECTOR, OLD_CONNECTOR, Change, Version
from mdkgen.breaking.names import called_as_in
from mdkgen.model import Spec

__all__ = ["LEVELS", "Change", "Comparison", "compare"]

LEVELS = ("wire", "behaviour", "source", "docs")


@dataclass(frozen=True, slots=True)
class Comparison:
    """All changes, and the verdict on the wire and the behaviour."""

    changes: tuple[Change, ...]
    verdict: str

    def of(self, levels: Sequence[str]) -> list[Change]:
        """The changes of some levels."""
        return [one for one in self.changes if one.level in levels]


def compare(old: Spec, new: Spec) -> Comparison:
    """Two versions of a protocol."""
    before, after = Version(called_as_in(new, old)), Version(new)
    found = [*wire.compare(before, after), *behaviour.compare(before, after), *source.compare(Version(old), after)]
    order = {level: number for number, level in enumerate(LEVELS)}
    changes = tuple(
        sorted(
            dict.fromkeys(found),
            key=lambda one: (order[one.level], one.diagnostic.span.file, one.diagnostic.span.line, one.diagnostic.code),
        )
    )
    return Comparison(changes, _verdict(changes, new))


def _verdict(changes: Sequence[Change], new: Spec) -> str:
    """Who may be upgraded first: the pair that then meets must work."""
    broken = {pair for one in changes if one.level in ("wire", "behaviour") for pair in one.breaks}
    connector, acceptor = ("client", "server")
    if len(new.protocols) > 1:
        connector, acceptor = ("connecting side", "accepting side")
    elif new.protocols:
        connector, acceptor = new.protocols[0].connector, new.protocols[0].acceptor
    if not broken:
        return "compatible: upgrade in any order"
    if broken == {OLD_CONNECTOR}:
        return f"upgrade every {connector} first: an old {connector} does not work with a new {acceptor}"
    if broken == {NEW_CONNECTOR}:
        return f"upgrade every {acceptor} first: a new {connector} does not work with an old {acceptor}"
    return "flag day: old and new do not work together, in either order"
