"""Changes of how the two sides behave: found by letting old meet new, and by what no order shows."""

from __future__ import annotations

from mdkgen.rules.rule import Rule, Severity


def _rule(code: str, title: str, why: str, before: str, bad: str, good: str, severity: Severity = "error") -> Rule:
    return Rule(code, title, why, bad, good, "behaviour", severity, before)


_CLIENT = "role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered() } }\n"
_NOTES = (
    'message Note as "note" {{ n?: int  m?: int }}\nmessage NoteAck as "noteack" {{ n: int }}\n'
    "delivery notes {{ from client  message Note  number {number}  ack NoteAck.n {mode}  resend on connect  buffer 10 or 1KiB drop_oldest }}\n"
    "role server {{ start state Up {{ recv Ping -> send Pong()  recv Note(m) -> tell noted(m) }} }}"
)
_LEASE = (
    "role client {{ start state Up {{ {every}recv Pong -> tell answered()  call ask() -> send Ping() }} }}\n"
    'role server {{\n  shared lease seen\n  always {{ lapse seen(key) -> tell lapsed(key) }}\n  start state Up {{ recv Ping -> lease seen["a"] for {lease}, send Pong() }}\n}}'
)
_NOTE_MESSAGE = 'message Note as "note" { }\n'
_WHOLE = (
    "// file a.mdkspec\nmdkspec 1\nnamespace example\nversion 1.0\n\n"
    'message Ping as "ping" {{ n: int = {default} }}\nmessage Bye as "bye" {{ code: string }}\nmessage End as "end" {{ code: string }}\n\nprotocol P {{\n'
    '  transport websocket {{ path: "/p", tag: "type", message_max: 1KiB }}\n  roles client connects, server accepts\n'
    '  unknown message -> {unknown}\n  illegal message -> fail "illegal"\n  malformed message -> fail "malformed"\n'
    "  close with {close}(code = CODE)\n  reconnect 1s .. {longest} x 2\n"
    "  role client {{ start state Up {{ every 10s -> send Ping()  ignore Bye, End }} }}\n"
    "  role server {{ start state Up {{ recv Ping -> tell pinged()  ignore Bye, End }} }}\n}}\n"
)


def _notes(number: str = "n from 0", mode: str = "each") -> str:
    return _NOTES.format(number=number, mode=mode)


def _lease(every: str = "every 10s -> send Ping()  ", lease: str = "30s") -> str:
    return _LEASE.format(every=every, lease=lease)


def _whole(default: int = 1, unknown: str = "drop", close: str = "Bye", longest: str = "16s") -> str:
    return _WHOLE.format(default=default, unknown=unknown, close=close, longest=longest)


RULES = (
    _rule(
        "MDK6201",
        "a message meets a state of the other version that does not take it",
        "Each version is right by itself; together they are not. The trace is a shortest way there, of an old and a new side.",
        _CLIENT + "role server { start state Up { recv Ping -> send Pong() } }",
        "role client { start state Up { enter -> send Ping()  recv Pong -> tell answered()  call leave() -> hangup } }\n"
        "role server { start state Up { recv Ping -> send Pong(), goto Done } state Done { after 1s -> hangup } }",
        "role client { start state Up { enter -> send Ping()  recv Pong -> tell answered()  call leave() -> hangup } }\n"
        "role server { start state Up { recv Ping -> send Pong(), goto Done } state Done { after 1s -> hangup  ignore Ping } }",
    ),
    _rule(
        "MDK6202",
        "a message that the other version does not know",
        "It is dropped, or ends the connection, as that version's policy says.",
        _CLIENT + "role server { start state Up { recv Ping -> send Pong() } }",
        _NOTE_MESSAGE
        + "role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered()  recv Note -> tell noted() } }\n"
        + "role server { start state Up { recv Ping -> send Pong(), send Note() } }",
        _NOTE_MESSAGE
        + "role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered() } }\n"
        + "role server { start state Up { recv Ping -> send Pong()  ignore Note } }",
        "warning",
    ),
    _rule(
        "MDK6203",
        "a state that is lost when versions meet",
        "Both versions reach it with their own kind; together they never do. A state that is new, and only for new peers, is a note.",
        _NOTE_MESSAGE
        + "role server { start state Wait { recv Ping -> send Pong(), goto Up  after 10s -> hangup  ignore Note } state Up { ignore Ping, Note } }\n"
        + _CLIENT,
        _NOTE_MESSAGE
        + "role server { start state Wait { recv Note -> goto Up  after 10s -> hangup  recv Ping -> send Pong() } state Up { ignore Ping, Note } }\n"
        + "role client { start state Up { every 10s -> send Ping(), send Note()  recv Pong -> tell answered() } }",
        _NOTE_MESSAGE
        + "role server { start state Wait { recv Note -> goto Up  after 10s -> hangup  recv Ping -> send Pong(), goto Up } state Up { ignore Ping, Note } }\n"
        + "role client { start state Up { every 10s -> send Ping(), send Note()  recv Pong -> tell answered() } }",
    ),
    _rule(
        "MDK6204",
        "old and new wait for one another",
        "One side has come to wait for what only the other version says.",
        "role client { start state Up { enter -> send Ping()  recv Pong -> tell answered()  call ask() -> send Ping() } }",
        "role client { start state Up { recv Pong -> send Ping() } }\n"
        "role server { start state Up { every 10s -> send Pong()  recv Ping -> tell pinged() } }",
        "role client { start state Up { enter -> send Ping()  recv Pong -> tell answered()  call ask() -> send Ping() } }\n"
        "role server { start state Up { every 10s -> send Pong()  recv Ping -> tell pinged() } }",
    ),
    _rule(
        "MDK6205",
        "an acknowledgement means something else",
        "`each` for one, `upto` for all before it: read in the wrong way, either too much is kept, or what is not stored is dropped.",
        _notes(),
        _notes(mode="upto"),
        _notes(),
    ),
    _rule(
        "MDK6206",
        "a delivery is gone, or nobody answers a request",
        "An older sender keeps what nobody acknowledges, and sends it again on every connect. A question whose answer never comes times out.",
        _notes(),
        'message Note as "note" { n?: int  m?: int }\nmessage NoteAck as "noteack" { n: int }\n'
        "role server { start state Up { recv Ping -> send Pong()  ignore Note } }",
        _notes(),
    ),
    _rule(
        "MDK6207",
        "a delivery is numbered, or a request paired, otherwise",
        "The two sides would speak of different messages.",
        _notes(),
        _notes(number="m from 0"),
        _notes(),
    ),
    _rule(
        "MDK6208",
        "a timeout is shorter",
        "An older peer may be slower than that, and is right to be.",
        _CLIENT + 'role server { start state Up { recv Ping -> send Pong(), goto Up  after 30s -> fail "silent" } }',
        _CLIENT + 'role server { start state Up { recv Ping -> send Pong(), goto Up  after 20s -> fail "silent" } }',
        _CLIENT + 'role server { start state Up { recv Ping -> send Pong(), goto Up  after 60s -> fail "silent" } }',
        "warning",
    ),
    _rule(
        "MDK6209",
        "a heartbeat is slower than an older peer's lease",
        "The older peer declares it gone between two of them.",
        _lease(),
        _lease(every="every 60s -> send Ping()  ", lease="180s"),
        _lease(every="every 12s -> send Ping()  ", lease="180s"),
    ),
    _rule(
        "MDK6210",
        "a heartbeat is gone",
        "An older peer waits for it, and declares it gone.",
        _lease(),
        _lease(every=""),
        _lease(),
    ),
    _rule(
        "MDK6211",
        "what was always taken is taken under a condition",
        "An older peer knows nothing of the condition.",
        _CLIENT + "role server { hook is_good() -> bool  start state Up { recv Ping -> send Pong() } }",
        _CLIENT
        + "role server { hook is_good() -> bool  start state Up { recv Ping when is_good() -> send Pong()  ignore Ping } }",
        _CLIENT
        + "role server { hook is_good() -> bool  start state Up { recv Ping when is_good() -> tell good(), send Pong()  recv Ping -> send Pong() } }",
        "warning",
    ),
    _rule(
        "MDK6212",
        "a policy is less patient",
        "What was dropped ends the connection, also of peers that could rely on it.",
        _whole(),
        _whole(unknown='fail "unknown"'),
        _whole(),
        "warning",
    ),
    _rule(
        "MDK6213",
        "another message says why a connection ends",
        "Older peers wait for the one that they know.",
        _whole(),
        _whole(close="End"),
        _whole(),
        "warning",
    ),
    _rule(
        "MDK6214",
        "the waits to reconnect have changed",
        "No peer is broken by it; whoever counts on the time should know.",
        _whole(),
        _whole(longest="60s"),
        _whole(),
        "note",
    ),
    _rule(
        "MDK6215",
        "a default has changed",
        "Who leaves the field out means another value than who reads it. A default that is a constant changes with it.",
        _whole(),
        _whole(default=2),
        _whole(),
        "warning",
    ),
)
