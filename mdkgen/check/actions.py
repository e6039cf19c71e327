"""What a transition does: each action resolved, and the events of a machine as they are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from mdkgen import syntax
from mdkgen.check.expressions import STRING, Expressions, Variable, type_of
from mdkgen.check.names import Names
from mdkgen.model import (
    Action,
    ArgRef,
    Argument,
    Do,
    Event,
    Expr,
    Fail,
    Grant,
    Hangup,
    Hook,
    HookCall,
    Named,
    Release,
    Send,
    SetFlag,
    Tell,
)


class ActionChecker:
    """Reads the actions of one machine; everything wrong is reported to `names`."""

    def __init__(
        self,
        names: Names,
        hooks: Mapping[str, Hook],
        flags: Mapping[str, syntax.Scoped],
        leases: Mapping[str, syntax.Scoped],
    ) -> None:
        self.names = names
        self.hooks = hooks
        self.flags = flags
        self.leases = leases
        self.events: dict[str, Event] = {}
        """What was told so far."""
        self._shared = False

    def action(self, action: syntax.Action, expressions: Expressions, *, shared: bool) -> Action | None:
        """One action; `shared` while a shared lease lapses."""
        self._shared = shared
        if shared and action.kind != "tell":
            message = f"`{action.kind}` when a shared lease lapses, which happens without a connection"
            self.names.report("MDK3010", message, action.span, expected="`tell` only")
            return None
        makers: dict[str, Callable[[syntax.Action, Expressions], Action | None]] = {
            "send": self._send,
            "tell": self._tell,
            "do": self._do,
            "set": self._flag,
            "clear": self._flag,
            "lease": self._lease,
            "release": self._lease,
            "hangup": self._hangup,
            "fail": self._fail,
        }
        return makers[action.kind](action, expressions)

    def _send(self, action: syntax.Action, expressions: Expressions) -> Action | None:
        each: tuple[str, HookCall] | None = None
        if action.names:
            each = self._each(action, expressions)
            if each is None:
                return None
            variable = Variable(each[1].type, optional=False)
            scope = replace(expressions.scope, variables={**expressions.scope.variables, each[0]: variable})
            expressions = Expressions(self.names, scope)
        value = self._message(action.exprs[0], expressions)
        if value is None:
            return None
        type_ = type_of(value)
        if not isinstance(type_, Named) or type_.kind != "message":
            self.names.report("MDK2003", "this is not a message", action.exprs[0].span, expected="a message")
            return None
        hook = self.hooks.get(value.hook) if isinstance(value, HookCall) else None
        if hook is not None and hook.each:
            message = f"{hook.name} answers many"
            self.names.report("MDK2003", message, action.exprs[0].span, expected=f"send m for m in {hook.name}()")
            return None
        return Send(type_.name, value, each)

    def _message(self, expr: syntax.Expr, expressions: Expressions) -> Expr | None:
        """`send Subscribe()` of a message without given fields is a construction too."""
        if isinstance(expr, syntax.Call) and not expr.args and not expr.named and expr.name.text in self.names.messages:
            return expressions.resolve(syntax.Object((), expr.span), Named(expr.name.text, "message"))
        return expressions.resolve(expr)

    def _each(self, action: syntax.Action, expressions: Expressions) -> tuple[str, HookCall] | None:
        written = action.exprs[1]
        if not isinstance(written, syntax.Call) or written.name.text not in self.hooks:
            self.names.report("MDK2003", "`in` wants a hook", written.span, expected="a hook with `-> each T`")
            return None
        hook = self.hooks[written.name.text]
        called = expressions.hook_call(written, hook)
        if called is not None and not hook.each:
            self.names.report("MDK2003", f"{hook.name} answers once", written.span, expected="a hook with `-> each T`")
            return None
        self.names.python("the variable", action.names[0], {"x", "self"})
        self.names.local("the variable", action.names[0])
        return None if called is None else (action.names[0].text, called)

    def _tell(self, action: syntax.Action, expressions: Expressions) -> Action | None:
        (name,) = action.names
        self.names.member("the event", name)
        if name.text in self.hooks:
            self.names.report("MDK2001", f"{name.text!r} is a hook already", name.span, expected="another name")
        values = [expressions.resolve(one) for one in action.exprs]
        if any(value is None for value in values):
            return None
        args = tuple(value for value in values if value is not None)
        event = Event(name.text, self._event_arguments(args, action), self._shared)
        known = self.events.setdefault(name.text, event)
        if [(a.type, a.optional) for a in known.arguments] != [(a.type, a.optional) for a in event.arguments]:
            message = f"{name.text} is told with other arguments elsewhere"
            wanted = ", ".join(one.name for one in known.arguments)
            self.names.report("MDK3008", message, action.span, expected=f"{name.text}({wanted}), with the same types")
        elif known.shared != event.shared:
            message = f"{name.text} is told with a connection and without one"
            self.names.report("MDK3010", message, action.span, expected="another name for one of both")
        return Tell(name.text, args)

    def _event_arguments(self, args: tuple[Expr, ...], action: syntax.Action) -> tuple[Argument, ...]:
        """Named after what is told: the last part of `m.node`; clashes and computed values get a number."""
        arguments: list[Argument] = []
        for number, arg in enumerate(args):
            name = (arg.path or (arg.name,))[-1] if isinstance(arg, ArgRef) else f"value_{number}"
            if name in {one.name for one in arguments}:
                name = f"{name}_{number}"
            arguments.append(Argument(name, type_of(arg), isinstance(arg, ArgRef) and arg.optional))
        return tuple(arguments)

    def _do(self, action: syntax.Action, expressions: Expressions) -> Action | None:
        (name,) = action.names
        hook = self.hooks.get(name.text)
        if hook is None:
            self.names.unknown("hook", name, self.hooks)
            return None
        if hook.result is not None:
            self.names.report(
                "MDK2003",
                f"{name.text} answers something that nobody reads",
                action.span,
                expected="a hook without `->`",
            )
            return None
        args = expressions.arguments(name, action.exprs, hook)
        return None if args is None else Do(name.text, args)

    def _flag(self, action: syntax.Action, _: Expressions) -> Action | None:
        (name,) = action.names
        if name.text not in self.flags:
            self.names.unknown("flag", name, self.flags)
            return None
        return SetFlag(name.text, action.kind == "set")

    def _lease(self, action: syntax.Action, expressions: Expressions) -> Action | None:
        (name,) = action.names
        if name.text not in self.leases:
            self.names.unknown("lease", name, self.leases)
            return None
        key = expressions.resolve(action.exprs[0], STRING)
        if key is not None and not expressions.always_there(key, action.exprs[0]):
            return None
        if action.kind == "release":
            return None if key is None else Release(name.text, key)
        ttl_s = expressions.duration(action.exprs[1])
        return None if key is None or ttl_s is None else Grant(name.text, key, ttl_s)

    def _hangup(self, _action: syntax.Action, _: Expressions) -> Action:
        return Hangup()

    def _fail(self, action: syntax.Action, _: Expressions) -> Action | None:
        return Fail(action.names[0].text)
