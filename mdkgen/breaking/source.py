"""What programs see of the generated Python, and what people read of it."""

from __future__ import annotations

from collections.abc import Iterator

from mdkgen.breaking.change import Change, Version, change, parts_in_both
from mdkgen.model import Argument, Machine, Part


def compare(old: Version, new: Version) -> Iterator[Change]:
    """Names, signatures, values; then docs."""
    if old.spec.namespace != new.spec.namespace:
        message = f"the package is {new.spec.namespace} now, was {old.spec.namespace}"
        yield change("MDK6310", message, new.span, expected=f"namespace {old.spec.namespace}")
    yield from _types(old, new)
    for name in old.protocols:
        if name not in new.protocols:
            message = f"the protocol {name} is gone, and the classes that have its name"
            yield change("MDK6301", message, new.span, expected=f"protocol {name}")
    for _, before, _, after in parts_in_both(old, new):
        yield from _members(before, after)
        for machine in before.machines:
            now = next((one for one in after.machines if one.role == machine.role), None)
            if now is None:
                message = f"the role {machine.role} of {after.name} is gone, and its module with it"
                yield change("MDK6301", message, after.span, expected=f"role {machine.role}")
            else:
                yield from _machine(machine, now, after)
    yield from _docs(old, new)


def _types(old: Version, new: Version) -> Iterator[Change]:
    for kind, olds, news in (
        ("record or message", old.structs, new.structs),
        ("enum", old.enums, new.enums),
        ("type", old.newtypes, new.newtypes),
        ("constant", old.consts, new.consts),
    ):
        for name in olds:
            if name not in news:
                message = f"the {kind} {name} is gone{_renamed(old, new, name)}"
                yield change("MDK6301", message, new.span, expected=f"the name {name}")
    for name, struct in old.structs.items():
        if name in new.structs:
            now = {one.name: one for one in new.structs[name].fields}
            keys = {one.wire: one.name for one in new.structs[name].fields}
            for field in struct.fields:
                if field.sensitive and not now.get(field.name, field).sensitive:
                    message = f"{name}.{field.name} is no longer @sensitive: programs show it in their logs"
                    yield change("MDK6312", message, now[field.name].span, expected="@sensitive")
                if field.name not in now:
                    message = f"{name}.{field.name} is gone"
                    if field.wire in keys:
                        message += f": {keys[field.wire]} has its key {field.wire!r}, programs have to use that name"
                    yield change(
                        "MDK6302", message, new.structs[name].span, expected=f"{field.name}, with its key in `as`"
                    )
    for name, enum in old.enums.items():
        if name in new.enums:
            members = {one.name for one in new.enums[name].members}
            for member in enum.members:
                if member.name not in members:
                    message = f"{name}.{member.name} is gone"
                    yield change("MDK6309", message, new.enums[name].span, expected=f'{member.name} = "{member.value}"')
    for name, const in old.consts.items():
        if name in new.consts and new.consts[name].value != const.value:
            message = f"{name} is {new.consts[name].value.value!r} now, was {const.value.value!r}"
            yield change("MDK6311", message, new.consts[name].span)


def _renamed(old: Version, new: Version, name: str) -> str:
    """To what, if a message has its type on the wire."""
    if name not in old.messages:
        return ""
    wire = old.messages[name].wire
    now = next((one.name for one in new.spec.messages if one.wire == wire), None)
    return f": {now} has its type {wire!r}, programs have to use that name" if now is not None else ""


def _machine(before: Machine, after: Machine, part: Part) -> Iterator[Change]:
    calls = {one.name: one for one in after.calls}
    for call in before.calls:
        if call.name not in calls:
            message = f"the {after.role} has no call {call.name} any more"
            yield change("MDK6303", message, part.span, expected=f"call {call.name}(...)")
        elif not _may_call(call.arguments, calls[call.name].arguments):
            message = f"the call {call.name} of the {after.role} takes other arguments"
            yield change("MDK6304", message, part.span, expected="what it took, and optional ones")
    hooks, olds = {one.name: one for one in after.hooks}, {one.name: one for one in before.hooks}
    for name, hook in hooks.items():
        if name not in olds:
            message = f"the hook {name} is new: every {after.role} has to write it"
            yield change("MDK6305", message, hook.span, expected="a new major version")
        elif _signature(hook) != _signature(olds[name]):
            message = f"the hook {name} of the {after.role} is asked or answers otherwise"
            yield change("MDK6306", message, hook.span, expected="another hook")
    events, known = {one.name: one for one in after.events}, {one.name: one for one in before.events}
    for name, event in events.items():
        if name not in known:
            message = f"`tell {name}` is new: every {after.role} has to take it"
            yield change("MDK6307", message, part.span, expected="a new major version")
        elif event.arguments != known[name].arguments:
            message = f"`tell {name}` of the {after.role} has other arguments"
            yield change("MDK6308", message, part.span, expected="another name for what is told now")
    for name in known:
        if name not in events:
            message = f"`tell {name}` is gone: what waits for it waits for ever"
            yield change("MDK6307", message, part.span, expected=f"tell {name}(...)")


def _members(before: Part, after: Part) -> Iterator[Change]:
    """Methods and arguments that deliveries, requests and params become."""
    for what, olds, news in (
        ("the {sender} has no deliver_{name} any more", before.deliveries, after.deliveries),
        ("the {sender} has no {name} any more, to ask with", before.requests, after.requests),
    ):
        known = {one.name for one in news}
        for one in olds:
            if one.name not in known:
                message = what.format(sender=one.sender, name=one.name)
                yield change("MDK6303", message, after.span, expected=f"the name {one.name}")
    known = {one.name for one in after.params}
    for param in before.params:
        if param.name not in known:
            message = f"the stubs of {after.name} take no {param.name} any more"
            yield change("MDK6304", message, after.span, expected=f"param {param.name}")


def _signature(hook: object) -> tuple[object, ...]:
    return tuple(getattr(hook, name) for name in ("arguments", "result", "each"))


def _may_call(before: tuple[Argument, ...], after: tuple[Argument, ...]) -> bool:
    """Whether a call that was right is right still: the old arguments stand first, the others may be left out."""
    same = all(
        (one.name, one.type) == (other.name, other.type) and (other.optional or not one.optional)
        for one, other in zip(before, after, strict=False)
    )
    return same and len(after) >= len(before) and all(one.optional for one in after[len(before) :])


def _docs(old: Version, new: Version) -> Iterator[Change]:
    for name, struct in old.structs.items():
        now = new.structs.get(name)
        if now is not None and struct.doc and not now.doc:
            yield change("MDK6401", f"{name} has lost its doc", now.span, expected=f"/// {struct.doc}")
