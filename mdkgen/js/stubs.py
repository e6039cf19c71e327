"""The typed stub of each role in JavaScript, and its declarations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mdkgen.js.expressions import Types, comment
from mdkgen.js.names import Names
from mdkgen.model import Argument, Delivery, Machine, Part, Protocol, Request, Spec, Type
from mdkgen.stubs import occasions, role_constant, stub_module, where_allowed


@dataclass(frozen=True, slots=True)
class Method:
    """One method: its documentation with types and without, its two heads, and its body."""

    typed_doc: str
    doc: str
    head: str
    declaration: str
    body: str


@dataclass(frozen=True, slots=True)
class Stub:
    """All that the templates need of one role."""

    module: str
    name: str
    doc: str
    role: str
    protocol: str
    constant: str
    connects: bool
    handler: tuple[Method, ...]
    shared_handler: tuple[Method, ...]
    has_shared: bool
    params: str
    methods: tuple[Method, ...]


def stub_views(spec: Spec, names: Names) -> list[Stub]:
    """The stubs of every role of every protocol."""
    return [
        _StubWriter(spec, protocol, role, names).stub()
        for protocol in spec.protocols
        for role in (protocol.connector, protocol.acceptor)
    ]


class _StubWriter:
    def __init__(self, spec: Spec, protocol: Protocol, role: str, names: Names) -> None:
        self.spec = spec
        self.protocol = protocol
        self.role = role
        self.names = names
        self.types = Types(spec)

    def stub(self) -> Stub:
        protocol, role = self.protocol, self.role
        machines = [(part, part.machine(role)) for part in protocol.parts]
        params = [f"{self.names.member(one.name)}?: number" for part in protocol.parts for one in part.params]
        return Stub(
            module=stub_module(self.spec, protocol, role),
            name=protocol.name + "".join(word.capitalize() for word in role.split("_")),
            doc=comment(protocol.doc, default="One side of the protocol."),
            role=role,
            protocol=protocol.name,
            constant=role_constant(protocol, role),
            connects=role == protocol.connector,
            handler=tuple(one for _, machine in machines for one in self._handler(machine, shared=False)),
            shared_handler=tuple(one for _, machine in machines for one in self._handler(machine, shared=True)),
            has_shared=any(lease.scope == "shared" for _, machine in machines for lease in machine.leases),
            params=f"{{ {'; '.join(params)} }}" if params else "",
            methods=tuple(one for part, machine in machines for one in self._methods(part, machine)),
        )

    def _handler(self, machine: Machine, *, shared: bool) -> Iterable[Method]:
        for hook in () if shared else machine.hooks:
            result = "void" if hook.result is None else self._type_of(hook.result)
            result = f"Iterable<{result}>" if hook.each else result
            doc = hook.doc or f"Asked on {occasions(machine, hook.name)}."
            yield self._method(self.names.member(hook.name), hook.arguments, result, doc, "")
        for event in machine.events:
            if event.shared == shared:
                doc = f"Told on {occasions(machine, event.name)}."
                yield self._method(self.names.member(event.name), event.arguments, "void", doc, "")

    def _methods(self, part: Part, machine: Machine) -> Iterable[Method]:
        for one in machine.calls:
            given = "".join(f", {self.names.variable(argument.name)}" for argument in one.arguments)
            doc = f"{one.doc or f'Call `{one.name}` of {part.name}.'} {where_allowed(part, machine, one.name)}"
            body = f'this.call("{part.name}", "{one.name}"{given});'
            yield self._method(self.names.method(one.name), one.arguments, "void", doc, body)
        for delivery in part.deliveries:
            yield self._delivery(delivery)
        for request in part.requests:
            yield self._request(request)

    def _delivery(self, one: Delivery) -> Method:
        if one.sender != self.role:
            doc = f"Tell the {one.sender} that the message with this number is safe and need not be kept."
            name = self.names.method(f"acknowledge_{one.name}")
            return self._plain(name, [("number", "number")], "void", doc, f'this.acknowledge("{one.name}", number);')
        doc = "Number the message, keep it until it is acknowledged, send it when connected; returns the number."
        body = f'return this.deliver("{one.name}", message);'
        given = [("message", f"{MODULE}{one.message}")]
        return self._plain(self.names.method(f"deliver_{one.name}"), given, "number", f"{doc} {one.doc}", body)

    def _request(self, one: Request) -> Method:
        if one.sender != self.role:
            doc = f"Answer a question of the {one.sender}; the answer gets the question's number."
            given = [("question", f"{MODULE}{one.message}"), ("reply", f"{MODULE}{one.reply}")]
            body = f'this.reply("{one.name}", question, reply);'
            return self._plain(self.names.method(f"reply_{one.name}"), given, "void", doc, body)
        doc = f"Ask; a promise of the answer, rejected with RequestFailed if there is none. {one.doc}"
        body = f'return this.ask("{one.name}", message);'
        given = [("message", f"{MODULE}{one.message}")]
        return self._plain(self.names.method(one.name), given, f"Promise<{MODULE}{one.reply}>", doc, body)

    def _method(self, name: str, arguments: tuple[Argument, ...], result: str, doc: str, body: str) -> Method:
        given = [
            (
                self.names.variable(one.name),
                self.types.annotation(one.type, MODULE) + (" | undefined" if one.optional else ""),
            )
            for one in arguments
        ]
        return self._plain(
            name,
            given,
            result,
            doc,
            body,
            optional={self.names.variable(one.name) for one in arguments if one.optional},
        )

    def _plain(
        self,
        name: str,
        given: list[tuple[str, str]],
        result: str,
        doc: str,
        body: str,
        *,
        optional: set[str] | frozenset[str] = frozenset(),
    ) -> Method:
        closing = _trailing(given, optional)
        tags = [f"@param {{{type_}}} {f'[{one}]' if one in closing else one}" for one, type_ in given]
        tags += [f"@returns {{{result}}}"] if result != "void" else []
        typed = ", ".join(f"{one}{'?' if one in closing else ''}: {type_}" for one, type_ in given)
        return Method(
            typed_doc=comment(doc, indent=2, tags=[tag.replace(MODULE, 'import("./messages.js").') for tag in tags]),
            doc=comment(doc, indent=2),
            head=f"{name}({', '.join(one for one, _ in given)})",
            declaration=f"{name}({typed}): {result};",
            body=body,
        )

    def _type_of(self, type_: Type) -> str:
        return self.types.annotation(type_, MODULE)


MODULE = "m."
"""Where the declarations of a stub find the messages: `import type * as m`."""


def _trailing(given: list[tuple[str, str]], optional: set[str] | frozenset[str]) -> set[str]:
    """The optional arguments that may be left out: those with none behind them that may not."""
    found: set[str] = set()
    for name, _ in reversed(given):
        if name not in optional:
            return found
        found.add(name)
    return found
