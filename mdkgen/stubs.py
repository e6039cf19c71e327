"""The typed stub of each role: what its application must answer, and what it may ask."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mdkgen.model import Argument, Delivery, Do, Machine, Named, Part, Protocol, Request, Spec, Tell, Type
from mdkgen.model_walk import expressions_of, hooks_in
from mdkgen.pretty import Labelled, Node, call, dict_of, layout, signature
from mdkgen.python import (
    Expressions,
    annotation,
    import_from,
    import_groups,
    names_in,
    own_imports,
    parameters,
    variable,
)


@dataclass(frozen=True, slots=True)
class Method:
    """One method: its head, what its docstring says, and its body."""

    head: str
    doc: str
    body: str


@dataclass(frozen=True, slots=True)
class Stub:
    """All that the stub's template needs of one role."""

    module: str
    name: str
    """The class; its handler is `{name}Handler`."""
    doc: str
    role: str
    protocol: str
    imports: str
    handler: tuple[Method, ...]
    shared_handler: tuple[Method, ...]
    has_shared: bool
    init: str
    init_call: str
    methods: tuple[Method, ...]
    constant: str

    @property
    def exports(self) -> list[str]:
        """The names that the package shows."""
        shared = [f"{self.name}Shared", f"{self.name}SharedHandler"] if self.has_shared else []
        return [self.name, f"{self.name}Handler", *shared]


def stub_views(spec: Spec) -> list[Stub]:
    """The stubs of every role of every protocol."""
    return [
        _StubWriter(spec, protocol, role).stub()
        for protocol in spec.protocols
        for role in (protocol.connector, protocol.acceptor)
    ]


def stub_module(spec: Spec, protocol: Protocol, role: str) -> str:
    """The role's name; with its protocol's before it where a spec has several protocols."""
    return role if len(spec.protocols) == 1 else f"{_snake(protocol.name)}_{role}"


def role_constant(protocol: Protocol, role: str) -> str:
    """The constant that holds a role's tables."""
    return f"{_snake(protocol.name)}_{role}".upper()


class _StubWriter:
    def __init__(self, spec: Spec, protocol: Protocol, role: str) -> None:
        self.spec = spec
        self.protocol = protocol
        self.role = role
        self.name = protocol.name + "".join(word.capitalize() for word in role.split("_"))
        self.names: set[str] = set()
        self.iterates = False
        self.unset = False
        self.asks = False

    def stub(self) -> Stub:
        machines = [(part, part.machine(self.role)) for part in self.protocol.parts]
        shared = self._has_shared(machines)
        handler = [method for _, machine in machines for method in self._handler(machine, shared=False)]
        shared_handler = [method for _, machine in machines for method in self._handler(machine, shared=True)]
        methods = [method for part, machine in machines for method in self._methods(part, machine)]
        init, init_call = self._init(shared)
        return Stub(
            module=stub_module(self.spec, self.protocol, self.role),
            name=self.name,
            doc=self.protocol.doc,
            role=self.role,
            protocol=self.protocol.name,
            imports=self._imports(shared),
            handler=tuple(handler),
            shared_handler=tuple(shared_handler),
            has_shared=shared,
            init=init,
            init_call=init_call,
            methods=tuple(methods),
            constant=role_constant(self.protocol, self.role),
        )

    def _has_shared(self, machines: list[tuple[Part, Machine]]) -> bool:
        return any(lease.scope == "shared" for _, machine in machines for lease in machine.leases)

    def _handler(self, machine: Machine, *, shared: bool) -> list[Method]:
        methods: list[Method] = []
        for hook in () if shared else machine.hooks:
            result = "None" if hook.result is None else self._annotation(hook.result)
            if hook.each:
                self.iterates = True
                result = f"Iterable[{result}]"
            doc = hook.doc or f"Asked on {occasions(machine, hook.name)}."
            methods.append(Method(self._head(hook.name, hook.arguments, result), doc, ""))
        told = [event for event in machine.events if event.shared == shared]
        for event in told:
            doc = f"Told on {occasions(machine, event.name)}."
            methods.append(Method(self._head(event.name, event.arguments, "None"), doc, ""))
        return methods

    def _methods(self, part: Part, machine: Machine) -> list[Method]:
        methods: list[Method] = []
        for one in machine.calls:
            given = "".join(f", {variable(argument.name)}" for argument in one.arguments)
            body = f'self.call("{part.name}", "{one.name}"{given}, now=now)'
            doc = f"{one.doc or f'Call `{one.name}` of {part.name}.'} {where_allowed(part, machine, one.name)}"
            methods.append(Method(self._head(one.name, one.arguments, "None", now=True), doc, body))
        methods += [self._delivery(delivery) for delivery in part.deliveries]
        methods += [self._request(request) for request in part.requests]
        return methods

    def _delivery(self, delivery: Delivery) -> Method:
        name = delivery.name
        if delivery.sender != self.role:
            head = self._text_head(f"acknowledge_{name}", ["number: int", "*", "now: float"], "None")
            doc = f"Tell the {delivery.sender} that the message with this number is safe and need not be kept."
            return Method(head, doc, f'self.acknowledge("{name}", number, now=now)')
        message = Argument("message", Named(delivery.message, "message"), optional=False)
        doc = "Number the message, keep it until it is acknowledged, send it when connected; returns the number."
        body = f'return self.deliver("{name}", message, now=now)'
        return Method(self._head(f"deliver_{name}", (message,), "int", now=True), f"{doc} {delivery.doc}", body)

    def _request(self, request: Request) -> Method:
        name = request.name
        self.names |= {request.message, request.reply}
        if request.sender != self.role:
            items = [f"question: {request.message}", f"reply: {request.reply}", "*", "now: float"]
            doc = f"Answer a question of the {request.sender}; the answer gets the question's number."
            body = f'self.reply("{name}", question, reply, now=now)'
            return Method(self._text_head(f"reply_{name}", items, "None"), doc, body)
        self.asks = True
        items = [
            f"message: {request.message}",
            f"on_reply: Callable[[{request.reply}], None]",
            "on_error: Callable[[RequestFailed], None]",
            "*",
            "now: float",
        ]
        doc = f"Ask, and be called with the answer or with the reason why there is none. {request.doc}"
        body = f'self.request("{name}", message, on_reply, on_error, now=now)'
        return Method(self._text_head(name, items, "None"), doc, body)

    def _init(self, shared: bool) -> tuple[str, str]:
        params = [param for part in self.protocol.parts for param in part.params]
        expressions = Expressions()
        items = ["self", f"handler: {self.name}Handler", "*"]
        items += [f"shared: {self.name}Shared"] if shared else []
        items += [f"{one.name}: {self._annotation(one.type)} = {expressions.text(one.default)}" for one in params]
        connects = self.role == self.protocol.connector
        items += ["random: Callable[[], float] = no_jitter"] if connects else []
        if items[-1] == "*":
            items.pop()
        self.names |= expressions.used
        given: list[Node] = [role_constant(self.protocol, self.role), "handler"]
        given.append(Labelled("params=", dict_of(*((one.name, one.name) for one in params))))
        given += ["shared=shared"] if shared else []
        given += ["random=random"] if connects else []
        made = layout(call("super().__init__", *given), indent=8, used=8)
        return signature("def __init__", tuple(items), "None", indent=4), made

    def _head(self, name: str, arguments: tuple[Argument, ...], result: str, *, now: bool = False) -> str:
        for argument in arguments:
            self._annotation(argument.type)
            self.unset |= argument.optional
        items: list[Node] = list(parameters(arguments)) if now else [*self._plain(arguments)]
        return self._text_head(name, [*items, *(["*", "now: float"] if now else [])], result)

    def _plain(self, arguments: tuple[Argument, ...]) -> list[str]:
        return [f"{variable(one.name)}: {annotation(one.type, optional=one.optional)}" for one in arguments]

    def _text_head(self, name: str, items: list[str] | list[Node], result: str) -> str:
        return signature(f"def {name}", ("self", *items), result, indent=4)

    def _annotation(self, type_: Type) -> str:
        self.names |= names_in(type_)
        return annotation(type_)

    def _imports(self, shared: bool) -> str:
        connects = self.role == self.protocol.connector
        package = self.spec.namespace
        needed = {
            "Callable": connects or self.asks,
            "Iterable": self.iterates,
            "Any": "Any" in self.names,
            "UNSET": self.unset and self._uses_unset(),
            "UnsetType": self.unset,
            "RequestFailed": self.asks,
            "SharedLeases": shared,
            "no_jitter": connects,
        }

        def import_needed(module: str, *names: str) -> str:
            return import_from(module, [name for name in names if needed.get(name, True)])

        ours = own_imports(
            [
                import_needed("mdkspec_runtime.endpoint", "Endpoint"),
                import_needed("mdkspec_runtime.errors", "RequestFailed"),
                import_needed("mdkspec_runtime.leases", "SharedLeases"),
                import_needed("mdkspec_runtime.reconnect", "no_jitter"),
                import_from(f"{package}.messages", self.names - {"Any"}),
                import_from(f"{package}.tables", {role_constant(self.protocol, self.role)}),
            ]
        )
        standard = [
            import_needed("collections.abc", "Callable", "Iterable"),
            import_needed("typing", "Any", "Protocol"),
        ]
        return import_groups([standard, [import_needed("msgspec", "UNSET", "UnsetType")], [ours]])

    def _uses_unset(self) -> bool:
        machines = [part.machine(self.role) for part in self.protocol.parts]
        return any(argument.optional for machine in machines for one in machine.calls for argument in one.arguments)


def occasions(machine: Machine, name: str) -> str:
    """The triggers on which the application is told or asked something, as the spec writes them."""
    states = [one for state in machine.states for one in state.transitions]
    found: dict[str, None] = {}
    for transition in (*machine.always, *states):
        asked = [call for expr in expressions_of(transition) for call in hooks_in(expr)]
        named = [
            one.event if isinstance(one, Tell) else one.hook for one in transition.actions if isinstance(one, Tell | Do)
        ]
        if name in asked or name in named:
            found[f"`{transition.trigger.kind} {transition.trigger.name}`".replace(" `", "`")] = None
    return ", ".join(found) or "nothing"


def where_allowed(part: Part, machine: Machine, call: str) -> str:
    """Where a call is allowed; elsewhere it raises."""
    if any(one.trigger.kind == "call" and one.trigger.name == call for one in machine.always):
        return "Allowed at any time."
    states = [
        state.name
        for state in machine.states
        if call in state.ignores
        or any(one.trigger.kind == "call" and one.trigger.name == call for one in state.transitions)
    ]
    return f"Raises IllegalCall unless {part.name} is in state {' or '.join(states)}."


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
