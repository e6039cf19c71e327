"""One role's side of one part: hooks, flags, leases, states, transitions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mdkgen import syntax
from mdkgen.check.actions import ActionChecker
from mdkgen.check.expressions import BOOL, STRING, UNKNOWN, Expressions, Scope, Variable
from mdkgen.check.names import Names
from mdkgen.model import (
    Action,
    Argument,
    Call,
    Fail,
    Flag,
    Hangup,
    Hook,
    Lease,
    Machine,
    Named,
    ParamRef,
    State,
    Transition,
    Trigger,
    Value,
)

STUB_NAMES = frozenset(
    [
        "acknowledge",
        "acknowledge_all",
        "call",
        "connect_at",
        "connect_failed",
        "connected",
        "counters",
        "deadline",
        "deliver",
        "hanging_up",
        "is_connected",
        "lost",
        "on_offence",
        "only_sends",
        "outbox",
        "peer_shown",
        "pending",
        "put",
        "receive",
        "reply",
        "request",
        "role",
        "start",
        "state",
        "stop",
        "take_output",
        "tick",
        "told_together",
        "wake",
        "write_now",
    ]
)
"""Public names of the engine's endpoint, from which the generated stubs derive."""


WRONG = Value(True, BOOL)
"""In the place of a guard that is wrong: it is reported, and the transition is guarded nevertheless."""


@dataclass(frozen=True)
class Surroundings:
    """What a machine may refer to outside of itself."""

    params: dict[str, ParamRef]
    defaults: dict[str, syntax.Expr]
    accepts: bool
    """True for the role that accepts: only there leases may be shared."""


class MachineChecker:
    """Builds one `Machine`; everything wrong is reported to `names`."""

    def __init__(self, names: Names, part: str, role: syntax.Role, around: Surroundings) -> None:
        self.names = names
        self.part = part
        self.role = role
        self.around = around
        self.hooks = self._hooks()
        self.calls: dict[str, Call] = {}
        self.flags = {one.name.text: one for one in role.flags}
        self.leases = {one.name.text: one for one in role.leases}
        self.actions = ActionChecker(names, self.hooks, self.flags, self.leases)
        self._shared = False
        """True while the actions of a shared lease's lapse are read."""

    def machine(self) -> Machine:
        """The whole side."""
        role, names = self.role, self.names
        self._check_scopes()
        named = [state for state in role.states if state.name is not None]
        names.unique("the state", (state.name for state in named if state.name is not None))
        always = tuple(
            self._transitions([t for state in role.states if state.name is None for t in state.transitions], None)
        )
        self._check_guards(None, always)
        known = {state.name.text for state in named if state.name is not None}
        states = tuple(self._state(state, known) for state in named)
        starts = [state for state in states if state.start]
        if len(starts) != 1:
            message = f"{self.part} has {len(starts)} start states for the {role.name.text}"
            names.report("MDK3002", message, role.name.span, expected="exactly one `start state`")
        return Machine(
            role.name.text,
            tuple(self.hooks.values()),
            tuple(self.actions.events.values()),
            tuple(self.calls.values()),
            tuple(Flag(n, one.scope, bool(one.initial), one.span) for n, one in self.flags.items()),  # type: ignore[arg-type]  # checked in _check_scopes
            tuple(Lease(n, one.scope, one.span) for n, one in self.leases.items()),  # type: ignore[arg-type]  # the grammar's three words
            always,
            states,
            role.span,
        )

    # --- declarations of the role -----------------------------------------------------------------

    def _hooks(self) -> dict[str, Hook]:
        self.names.unique("the hook", (hook.name for hook in self.role.hooks))
        hooks: dict[str, Hook] = {}
        for one in self.role.hooks:
            self.names.member("the hook", one.name)
            result = None if one.result is None else self.names.resolved(one.result)
            hooks.setdefault(
                one.name.text, Hook(one.name.text, self._arguments(one.parameters), result, one.each, one.doc, one.span)
            )
        return hooks

    def _arguments(self, parameters: tuple[syntax.Parameter, ...]) -> tuple[Argument, ...]:
        self.names.unique("the parameter", (one.name for one in parameters))
        arguments: list[Argument] = []
        for one in parameters:
            self.names.python("the parameter", one.name, {"self", "now", "x"})
            self.names.local("the parameter", one.name)
            type_ = self.names.resolved(one.type)
            arguments.append(Argument(one.name.text, UNKNOWN if type_ is None else type_, one.optional))
        return tuple(arguments)

    def _check_scopes(self) -> None:
        self.names.unique("the flag or lease", (one.name for one in (*self.role.flags, *self.role.leases)))
        for one in self.role.flags:
            if one.scope == "shared":
                self.names.report(
                    "MDK3010",
                    f"the flag {one.name.text} is shared",
                    one.span,
                    expected="session flag or connection flag",
                )
        for one in self.role.leases:
            if one.scope == "shared" and not self.around.accepts:
                message = f"the lease {one.name.text} is shared, but a {self.role.name.text} has one connection only"
                self.names.report("MDK3010", message, one.span, expected="session lease or connection lease")
            if one.scope == "session" and self.around.accepts:
                message = f"the lease {one.name.text} lives over reconnects, which the accepting side does not see"
                self.names.report("MDK3010", message, one.span, expected="shared lease or connection lease")

    # --- states and transitions -------------------------------------------------------------------

    def _state(self, state: syntax.State, known: set[str]) -> State:
        assert state.name is not None
        transitions = tuple(self._transitions(list(state.transitions), known))
        ignores = [name.text for name in state.ignores]
        for name in state.ignores:
            if (
                name.text not in self.names.messages
                and name.text not in self.calls
                and name.text not in self._call_names()
            ):
                self.names.unknown("message or call", name, [*self.names.messages, *self._call_names()])
        self._check_guards(state, transitions)
        return State(state.name.text, state.start, state.hot, transitions, tuple(ignores), state.doc, state.span)

    def _call_names(self) -> set[str]:
        triggers = [one.trigger for state in self.role.states for one in state.transitions]
        return {one.name.text for one in triggers if one.kind == "call" and one.name is not None}

    def _check_guards(self, state: syntax.State | None, transitions: tuple[Transition, ...]) -> None:
        """Of one trigger: guarded ones first, then at most one without; for recv and call exactly one, or an ignore."""
        groups: dict[tuple[str, str], list[Transition]] = {}
        for one in transitions:
            if one.trigger.kind not in ("after", "every"):
                groups.setdefault((one.trigger.kind, one.trigger.name), []).append(one)
        ignored = {name.text for name in state.ignores} if state is not None else set[str]()
        for (kind, name), group in groups.items():
            shown = f"{kind} {name}".strip()
            caught = next((n for n, one in enumerate(group) if one.guard is None), None)
            if caught is not None and caught + 1 < len(group):
                taking, late = group[caught].span, group[caught + 1].span
                message = f"`{shown}` is already taken by line {taking.line}"
                expected = "the transition without `when` last"
                self.names.report("MDK3009", message, late, expected=expected, other=taking)
            if caught is not None and name in ignored:
                self.names.report(
                    "MDK3009", f"{name} is taken, and so never ignored", group[caught].span, expected="one of both"
                )
            if kind in ("recv", "call") and caught is None and name not in ignored:
                message = f"`{shown}` is taken only under a condition"
                expected = f"`{shown} -> ...` without `when` behind it"
                expected += f", or `ignore {name}`" if state is not None else ""
                self.names.report("MDK3006", message, group[-1].span, expected=expected)

    def _transitions(self, written: list[syntax.Transition], states: set[str] | None) -> Iterator[Transition]:
        for one in written:
            made = self._transition(one, states)
            if made is not None:
                yield made

    def _transition(self, one: syntax.Transition, states: set[str] | None) -> Transition | None:
        scope = self._scope(one.trigger, in_always=states is None)
        if scope is None:
            return None
        expressions = Expressions(self.names, scope)
        delay = None if one.trigger.delay is None else expressions.duration(one.trigger.delay)
        guard = None if one.guard is None else expressions.resolve(one.guard, BOOL) or WRONG
        actions: list[Action] = []
        target: str | None = None
        for action in one.actions:
            if action.kind == "goto":
                target = self._goto(action, target, states)
            else:
                made = self.actions.action(action, expressions, shared=self._shared)
                actions += [made] if made is not None else []
        self._check_hangup(one, actions)
        name = one.trigger.name.text if one.trigger.name is not None else ""
        binds = tuple(bind.text for bind in one.trigger.binds)
        trigger = Trigger(one.trigger.kind, name, binds, delay)  # type: ignore[arg-type]  # the grammar's words
        return Transition(trigger, guard, tuple(actions), target, one.doc, one.span)

    def _check_hangup(self, one: syntax.Transition, actions: list[Action]) -> None:
        ends = [n for n, action in enumerate(actions) if isinstance(action, Hangup | Fail)]
        if ends and (ends[0] + 1 < len(actions) or any(action.kind == "goto" for action in one.actions)):
            self.names.report(
                "MDK3014",
                "something follows the end of the connection",
                one.span,
                expected="`hangup` or `fail` last, without `goto`",
            )

    def _goto(self, action: syntax.Action, target: str | None, states: set[str] | None) -> str | None:
        (name,) = action.names
        if target is not None or states is None:
            where = "in `always`, which has no state" if states is None else "a second time"
            self.names.report("MDK3014", f"`goto` {where}", action.span, expected="one `goto`, in a state")
            return target
        if name.text not in states:
            message = f"there is no state {name.text} of {self.part} for the {self.role.name.text}"
            self.names.report("MDK3003", message, name.span, expected=", ".join(sorted(states)))
            return None
        return name.text

    # --- triggers ---------------------------------------------------------------------------------

    def _scope(self, trigger: syntax.Trigger, *, in_always: bool) -> Scope | None:
        """What the guard and the actions may name; None if the trigger itself is wrong."""
        self._shared = False
        variables: dict[str, Variable] | None = {}
        match trigger.kind:
            case "recv":
                variables = self._recv(trigger)
            case "call":
                variables = self._call(trigger)
            case "lapse":
                variables = self._lapse(trigger, in_always=in_always)
            case _:
                if in_always:
                    message = f"`{trigger.kind}` in `always`, which is never entered"
                    self.names.report(
                        "MDK3014", message, trigger.span, expected="`recv`, `call` or `lapse`; the rest in a state"
                    )
        if variables is None:
            return None
        hooks = {} if self._shared else self.hooks
        flags = frozenset[str]() if self._shared else frozenset(self.flags)
        return Scope(variables, self.around.params, hooks, flags, self.around.defaults)

    def _recv(self, trigger: syntax.Trigger) -> dict[str, Variable] | None:
        assert trigger.name is not None
        if trigger.name.text not in self.names.messages:
            self.names.unknown("message", trigger.name, self.names.messages)
            return None
        for bind in trigger.binds:
            self.names.python("the variable", bind, {"x", "self"})
            self.names.local("the variable", bind)
        return {bind.text: Variable(Named(trigger.name.text, "message"), optional=False) for bind in trigger.binds}

    def _call(self, trigger: syntax.Trigger) -> dict[str, Variable]:
        assert trigger.name is not None
        name = trigger.name
        arguments = self._arguments(trigger.parameters)
        self.names.member("the call", name)
        known = self.calls.setdefault(name.text, Call(name.text, arguments, ""))
        if known.arguments != arguments:
            message = f"the call {name.text} has other parameters elsewhere"
            wanted = ", ".join(f"{one.name}{'?' if one.optional else ''}" for one in known.arguments)
            self.names.report("MDK3008", message, trigger.span, expected=f"{name.text}({wanted}), with the same types")
        return {one.name: Variable(one.type, one.optional) for one in arguments}

    def _lapse(self, trigger: syntax.Trigger, *, in_always: bool) -> dict[str, Variable] | None:
        assert trigger.name is not None
        lease = self.leases.get(trigger.name.text)
        if lease is None:
            self.names.unknown("lease", trigger.name, self.leases)
            return None
        if lease.scope != "connection" and not in_always:
            message = f"the {lease.scope} lease {lease.name.text} may lapse without a connection"
            self.names.report("MDK3010", message, trigger.span, expected="`lapse` in `always`")
        self._shared = lease.scope == "shared"
        return {trigger.binds[0].text: Variable(STRING, optional=False)}
