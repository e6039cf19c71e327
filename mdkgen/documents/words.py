"""Machines as a spec writes them: transitions, guards and actions as text."""

from __future__ import annotations

import json

from mdkgen.model import (
    Action,
    And,
    ArgRef,
    Arithmetic,
    Compare,
    ConstRef,
    Construct,
    Do,
    Expr,
    Fail,
    FlagRef,
    Grant,
    Hangup,
    HookCall,
    ListValue,
    MapValue,
    Not,
    ParamRef,
    Release,
    Scalar,
    Send,
    SetFlag,
    Tell,
    Transition,
    Trigger,
    Value,
)


def expr_text(expr: Expr) -> str:
    """An expression."""
    match expr:
        case Value(value, Scalar("seconds")) if isinstance(value, int | float):
            return duration_text(value)
        case Value(value):
            return json.dumps(value, ensure_ascii=False)
        case ConstRef(name) | ParamRef(_, name) | FlagRef(name):
            return name
        case ArgRef(name, path):
            return ".".join((name, *path))
        case HookCall(hook, args):
            return f"{hook}({_list(args)})"
        case Construct(type_, fields):
            return f"{type_.name}({_named(fields)})"
        case ListValue(items):
            return f"[{_list(items)}]"
        case MapValue(items):
            return f"{{{_named(items)}}}"
        case Arithmetic(operator, left, right) | Compare(operator, left, right):
            return f"{expr_text(left)} {operator} {expr_text(right)}"
        case Not(operand):
            return f"not {expr_text(operand)}"
        case And(operands):
            return " and ".join(expr_text(one) for one in operands)


def _list(items: tuple[Expr, ...]) -> str:
    return ", ".join(expr_text(one) for one in items)


def _named(items: tuple[tuple[str, Expr], ...]) -> str:
    return ", ".join(f"{name} = {expr_text(one)}" for name, one in items)


def duration_text(value: float) -> str:
    """`500ms`, `10s`, `5min`."""
    if value < 1:
        return f"{value * 1000:g}ms"
    return f"{value / 60:g}min" if value >= 120 and value % 60 == 0 else f"{value:g}s"


def trigger_text(trigger: Trigger) -> str:
    """`recv Open(m)`."""
    if trigger.delay_s is not None:
        return f"{trigger.kind} {expr_text(trigger.delay_s)}"
    binds = ", ".join(trigger.binds)
    return (
        f"{trigger.kind} {trigger.name}({binds})"
        if trigger.name and (binds or trigger.kind == "call")
        else f"{trigger.kind} {trigger.name}".strip()
    )


def guard_text(transition: Transition) -> str:
    """The guard, or nothing."""
    return "" if transition.guard is None else expr_text(transition.guard)


def action_text(action: Action) -> str:
    """One action."""
    match action:
        case Send(_, value, each):
            source = "" if each is None else f" for {each[0]} in {expr_text(each[1])}"
            return f"send {expr_text(value)}{source}"
        case Tell(name, args):
            return f"tell {name}({_list(args)})"
        case Do(name, args):
            return f"do {name}({_list(args)})"
        case SetFlag(flag, value):
            return f"{'set' if value else 'clear'} {flag}"
        case Grant(lease, key, ttl_s):
            return f"lease {lease}[{expr_text(key)}] for {expr_text(ttl_s)}"
        case Release(lease, key):
            return f"release {lease}[{expr_text(key)}]"
        case Hangup():
            return "hangup"
        case Fail(code):
            return f'fail "{code}"'


def actions_text(transition: Transition) -> list[str]:
    """All actions, and where it goes."""
    return [*map(action_text, transition.actions), *([f"goto {transition.target}"] if transition.target else [])]


def brief(transition: Transition) -> str:
    """What a diagram says of a transition: what starts it, and what is sent."""
    trigger = transition.trigger
    head = trigger_text(trigger) if trigger.delay_s is not None else f"{trigger.kind} {trigger.name}".strip()
    sent = list(dict.fromkeys(one.message for one in transition.actions if isinstance(one, Send)))
    failed = [f'fail "{one.code}"' for one in transition.actions if isinstance(one, Fail)]
    return (
        head
        + (" [when]" if transition.guard is not None else "")
        + (f" / {', '.join([*sent, *failed])}" if sent or failed else "")
    )
