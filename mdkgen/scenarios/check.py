"""Every scenario of a spec, played: what does not go as it is written, and which transitions none takes."""

from __future__ import annotations

from collections.abc import Iterator

from mdkgen.diagnostics import Diagnostic
from mdkgen.model import Spec
from mdkgen.model_walk import transitions_of
from mdkgen.scenarios.play import play
from mdkgen.scenarios.played import Played
from mdkgen.vectors.values import Values

_last: list[tuple[Spec, list[Played]]] = []
"""The last spec that was played: what is checked is then drawn and written, and need not be played again."""


def play_all(spec: Spec) -> list[Played]:
    """All of them, in order."""
    if not _last or _last[0][0] is not spec:
        values = Values(spec)
        _last[:] = [(spec, [play(spec, one, values) for one in spec.scenarios])]
    return _last[0][1]


def check(spec: Spec) -> list[Diagnostic]:
    """The first step of each scenario that the machines do not take so."""
    return [one for played in play_all(spec) for one in played.found]


def uncovered(spec: Spec) -> Iterator[Diagnostic]:
    """Transitions that no scenario takes, of parts that have scenarios; a lapse of a shared lease is nobody's connection."""
    fired = {span for played in play_all(spec) for span in played.fired}
    for protocol in spec.protocols:
        for part in protocol.parts:
            if not any((one.protocol, one.part) == (protocol.name, part.name) for one in spec.scenarios):
                yield Diagnostic(
                    "MDK5306", "note", f"no scenario for {part.name}", part.span, f'scenario "..." for {part.name}'
                )
                continue
            for machine in part.machines:
                shared = {one.name for one in machine.leases if one.scope == "shared"}
                for one in transitions_of(machine):
                    if one.span not in fired and not (one.trigger.kind == "lapse" and one.trigger.name in shared):
                        what = f"no scenario takes this {one.trigger.kind} of the {machine.role}"
                        yield Diagnostic(
                            "MDK5306", "note", what, one.span, "a scenario that does, so that it is shown and tested"
                        )
