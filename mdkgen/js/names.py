"""Names of the specification as JavaScript's."""

from __future__ import annotations

import re
from collections import Counter

from mdkgen.model import Call, Event, Hook, Message, Record, Spec
from mdkgen.model_walk import transitions_of

_WORDS = (
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends"
    " false finally for function if implements import in instanceof interface let new null package private protected"
    " public return static super switch this throw true try typeof var void while with yield"
)
RESERVED = frozenset(_WORDS.split())
"""Words that no variable may have as its name."""

_OBJECT = "constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf"
INHERITED = frozenset(_OBJECT.split())
"""What every object has: an absent field of such a name would not be absent."""

_MEMBERS = (
    "acknowledge ask call clock connectAt connectFailed connected constructor counters deadline deliver hangingUp"
    " isConnected lost onOffence outbox pending receive reply request role start state stop takeOutput tick wake"
)
ENGINE = frozenset(_MEMBERS.split())
"""Members of the engine's Endpoint: a stub's method of such a name gets a `_` behind it."""


class Names:
    """What everything is called. Words joined by `_` become camelCase, types and constants stay as they are.

    Where two names of a spec would become the same, both stay as the spec writes them.
    """

    def __init__(self, spec: Spec) -> None:
        structs: list[Record | Message] = [*spec.records, *spec.messages]
        members = {field.name for one in structs for field in one.fields}
        for protocol in spec.protocols:
            for part in protocol.parts:
                members |= {param.name for param in part.params}
                for machine in part.machines:
                    methods: list[Hook | Event | Call] = [*machine.hooks, *machine.events, *machine.calls]
                    members |= {one.name for one in methods}
                    members |= {argument.name for one in methods for argument in one.arguments}
                    members |= {bind for one in transitions_of(machine) for bind in one.trigger.binds}
        counts = Counter(camel(name) for name in members)
        self._kept = {name for name in members if counts[camel(name)] > 1}

    def member(self, name: str) -> str:
        """A field, hook, event or parameter."""
        if name in self._kept:
            return name
        found = camel(name)
        return f"{found}_" if found in INHERITED else found

    def variable(self, name: str) -> str:
        """A variable; CODE and TITLE of a close message become plain arguments."""
        return local(self.member(name.lower() if name.isupper() else name))

    def method(self, name: str) -> str:
        """A method of a stub."""
        found = name if name in self._kept else camel(name)
        return f"{found}_" if found in ENGINE else found


def camel(name: str) -> str:
    """`node_id` as `nodeId`; a name without small letters is a constant and stays."""
    if not any(letter.islower() for letter in name):
        return name
    return re.sub(r"(?<=[A-Za-z0-9])_+([A-Za-z0-9])", lambda found: found[1].upper(), name)


def local(name: str) -> str:
    """A variable for a member."""
    return f"{name}_" if name in RESERVED else name
