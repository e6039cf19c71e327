"""Changes of the generated Python, and of what people read. They break no connection, but a build."""

from __future__ import annotations

from mdkgen.rules.rule import Rule, Severity


def _rule(code: str, title: str, why: str, before: str, bad: str, good: str, severity: Severity = "warning") -> Rule:
    return Rule(code, title, why, bad, good, "source", severity, before)


def _client(more: str) -> str:
    return f"role client {{ start state Up {{ every 10s -> send Ping()  recv Pong -> tell answered()  {more} }} }}"


def _server(hooks: str, actions: str = "send Pong()") -> str:
    return f"role server {{ {hooks} start state Up {{ recv Ping(m) -> {actions} }} }}"


_FILE = "// file a.mdkspec\nmdkspec 1\nnamespace {name}\nversion 1.0\n\nrecord Node {{ service: string }}\n"

RULES = (
    _rule(
        "MDK6301",
        "a type, constant or role is gone",
        "Programs import it by name.",
        "record Node { service: string }\nrecord Table { nodes: list<Node> = [] }",
        "record Host { service: string }\nrecord Table { nodes: list<Host> = [] }",
        "record Node { service: string }\nrecord Table { nodes: list<Node> = []  size?: int }",
    ),
    _rule(
        "MDK6302",
        "a field has no attribute of that name any more",
        "The key on the wire can change or stay without it; programs use the name in the spec.",
        "record Node { service: string }",
        'record Node { name as "service": string }',
        "record Node { service: string  port?: int }",
    ),
    _rule(
        "MDK6303",
        "a call is gone",
        "Programs make it.",
        _client("call ask() -> send Ping()"),
        _client("call question() -> send Ping()"),
        _client("call ask() -> send Ping()  call question() -> send Ping()"),
    ),
    _rule(
        "MDK6304",
        "a call takes other arguments",
        "What was a right call is none now. New arguments are optional, and stand last.",
        _client("call ask(n: int) -> send Ping(n = n)"),
        _client("call ask(n: int, why: string) -> send Ping(n = n)"),
        _client("call ask(n: int, why?: string) -> send Ping(n = n)"),
    ),
    _rule(
        "MDK6305",
        "a hook is new",
        "Every program of that role has to write it before it runs again.",
        _server("hook note()", "do note(), send Pong()"),
        _server("hook note()  hook count()", "do note(), do count(), send Pong()"),
        _server("hook note()", "do note(), send Pong(n = 1)"),
    ),
    _rule(
        "MDK6306",
        "a hook is asked or answers otherwise",
        "What programs have written does not fit.",
        _server("hook note(n: int)", "do note(1), send Pong()"),
        _server("hook note(n: string)", 'do note("1"), send Pong()'),
        _server("hook note(n: int)", "do note(2), send Pong()"),
    ),
    _rule(
        "MDK6307",
        "something is told that was not, or no longer",
        "A handler has a method for each `tell`: a new one is missing, an old one is never called.",
        _server("", "tell pinged(m), send Pong()"),
        _server("", "tell asked(m), send Pong()"),
        _server("", "tell pinged(m), send Pong(n = 1)"),
    ),
    _rule(
        "MDK6308",
        "something is told with other arguments",
        "The handler's method takes the old ones.",
        _server("", "tell pinged(m), send Pong()"),
        _server("", "tell pinged(m, 1), send Pong()"),
        _server("", "tell pinged(m), send Pong(n = 1)"),
    ),
    _rule(
        "MDK6309",
        "an enum's member is gone",
        "Programs use its name; the text on the wire can stay.",
        "open enum Level { INFO DEBUG }",
        'open enum Level { INFO TRACE = "DEBUG" }',
        "open enum Level { INFO DEBUG TRACE }",
    ),
    _rule(
        "MDK6310",
        "the package has another name",
        "Every import breaks.",
        _FILE.format(name="example"),
        _FILE.format(name="example2"),
        _FILE.format(name="example"),
    ),
    _rule(
        "MDK6311",
        "a constant has another value",
        "Programs may have written it down, and older ones hold the old one.",
        "const NODE_TTL: seconds = 30s",
        "const NODE_TTL: seconds = 60s",
        "const NODE_TTL: seconds = 30s",
    ),
    _rule(
        "MDK6312",
        "a field is a secret no longer",
        "Where programs write messages to their logs, it stands there from now on.",
        "record Node { service: string  @sensitive key?: string }",
        "record Node { service: string  key?: string }",
        "record Node { service: string  @sensitive key?: string  port?: int }",
    ),
    Rule(
        "MDK6401",
        "a doc is gone",
        "It was there for somebody.",
        "record Node { service: string }",
        "/// One instance.\nrecord Node { service: string }",
        "notice",
        "note",
        "/// One instance of a service.\nrecord Node { service: string }",
    ),
)
