"""What is called how in a spec: no peer sees it, so an old version is compared under the new names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mdkgen.breaking.types import types_called_as_in
from mdkgen.model import Part, Protocol, Spec
from mdkgen.model_walk import alphabet


def called_as_in(new: Spec, old: Spec) -> Spec:
    """The old version, with the names that the new one has for the same things.

    Protocols are the same if their names are, or if they are the only ones left; roles, by who connects; parts, by
    their names, or by messages that they have in common; messages and types, by what is on the wire.
    """
    old = types_called_as_in(new, old)
    pairs = _protocols(new, old)
    return replace(old, protocols=tuple(_renamed(one, pairs.get(one.name)) for one in old.protocols))


def _protocols(new: Spec, old: Spec) -> Mapping[str, Protocol]:
    """By old name, the protocol in the new version."""
    pairs = {one.name: one for one in new.protocols}
    known = {one.name for one in old.protocols}
    gone = [name for name in known if name not in pairs]
    come = [one for one in new.protocols if one.name not in known]
    if len(gone) == len(come) == 1:
        pairs[gone[0]] = come[0]
    return pairs


def _renamed(before: Protocol, after: Protocol | None) -> Protocol:
    if after is None:
        return before
    roles = {before.connector: after.connector, before.acceptor: after.acceptor}
    names = _parts(before.parts[1:], after.parts[1:]) | {before.parts[0].name: after.parts[0].name}
    parts = tuple(_part(one, names.get(one.name, one.name), roles) for one in before.parts)
    return replace(before, name=after.name, connector=after.connector, acceptor=after.acceptor, parts=parts)


def _parts(before: Sequence[Part], after: Sequence[Part]) -> dict[str, str]:
    """By old name, the new one."""
    known = {one.name for one in before}
    free = [one for one in after if one.name not in known]
    found: dict[str, str] = {}
    for one in before:
        if all(one.name != other.name for other in after):
            same = next((other for other in free if alphabet(other) & alphabet(one)), None)
            if same is not None:
                free.remove(same)
                found[one.name] = same.name
    return found


def _part(part: Part, name: str, roles: Mapping[str, str]) -> Part:
    return replace(
        part,
        name=name,
        machines=tuple(replace(one, role=roles[one.role]) for one in part.machines),
        deliveries=tuple(replace(one, sender=roles[one.sender]) for one in part.deliveries),
        requests=tuple(replace(one, sender=roles[one.sender]) for one in part.requests),
    )
