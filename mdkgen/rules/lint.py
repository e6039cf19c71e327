"""Lint: a spec that is right, and may yet be regretted. 50xx minimal, 51xx standard, 52xx docs, 53xx strict."""

from __future__ import annotations

from mdkgen.rules.rule import Rule

_TWO = 'message Note as "note" { n?: int }\n'

RULES = (
    Rule(
        "MDK5001",
        "an `@allow` that allows nothing",
        "What it allowed is gone, or never was: an exception that nobody needs hides the next finding.",
        'record Node { service: string }\n@allow(MDK5107, "minutes, for people")\nmessage Active as "active" { node: Node }\nrole server { start state Up { recv Ping -> send Pong()  recv Active(m) -> tell seen(m) } }\nrole client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered()  call show(node: Node) -> send Active(node = node) } }',
        'record Node { service: string }\n@allow(MDK5107, "minutes, for people")\nmessage Active as "active" { node: Node  ttl: float = 1 }\nrole server { start state Up { recv Ping -> send Pong()  recv Active(m) -> tell seen(m) } }\nrole client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered()  call show(node: Node) -> send Active(node = node) } }',
        "minimal",
        "warning",
    ),
    Rule(
        "MDK5002",
        "an `@allow` that cannot allow",
        "It names the code of a warning or a lint rule, and the reason for the exception. Errors cannot be allowed.",
        "@allow(MDK5107)\nrecord Node { ttl: float }",
        '@allow(MDK5107, "minutes, for people")\nrecord Node { ttl: float }',
        "error",
        "error",
    ),
    Rule(
        "MDK5003",
        "a message that no part sends or takes",
        "It is generated, documented and never seen. A message that only old peers send is taken by `ignore`.",
        _TWO + "role server { start state Up { recv Ping -> send Pong() } }",
        _TWO
        + "role client { start state Up { every 10s -> send Ping(), send Note()  recv Pong -> tell answered() } }\nrole server { start state Up { recv Ping -> send Pong()  recv Note(m) -> tell noted(m.n) } }",
        "minimal",
        "warning",
    ),
    Rule(
        "MDK5004",
        "a type or param that nothing uses",
        "It will be kept right by people who do not know that it is dead. Constants are for the application too, and are not looked at.",
        "type NodeId = string\nrole server { start state Up { recv Ping -> send Pong() } }",
        'type NodeId = string\nrole server { hook known(id: NodeId)  start state Up { recv Ping -> do known("a"), send Pong() } }',
        "minimal",
        "warning",
    ),
    Rule(
        "MDK5005",
        "a hook, flag or lease that the machine does not use",
        "Whoever implements the protocol would have to write the hook, and wait for a call that never comes. A lease needs a `lapse`, a flag a `when`.",
        "role server {\n  hook is_good() -> bool\n  start state Up { recv Ping -> send Pong() }\n}",
        "role server {\n  hook is_good() -> bool\n  start state Up { recv Ping when is_good() -> send Pong()  ignore Ping }\n}",
        "minimal",
        "warning",
    ),
    Rule(
        "MDK5101",
        "a type, part or state that is not PascalCase",
        "Types become Python classes; states are told from calls and fields at a glance.",
        "role server {\n  start state up { recv Ping -> send Pong() }\n}",
        "role server {\n  start state Up { recv Ping -> send Pong() }\n}",
        "standard",
        "warning",
    ),
    Rule(
        "MDK5102",
        "a constant or enum member that is not UPPER_CASE",
        'They become Python constants. A member\'s text on the wire can be anything: `INFO = "info"`.',
        'open enum Level { info }\nmessage Ping as "ping" { level: Level = "info" }\nrole server { start state Up { recv Ping -> send Pong() } }',
        'open enum Level { INFO = "info" }\nmessage Ping as "ping" { level: Level = "info" }\nrole server { start state Up { recv Ping -> send Pong() } }',
        "standard",
        "warning",
    ),
    Rule(
        "MDK5103",
        "a field, call, hook or role that is not snake_case",
        "They become Python attributes, methods and modules. A field keeps its key on the wire with `as`.",
        'message Ping as "ping" { nodeId?: int }\nrole server { start state Up { recv Ping -> send Pong() } }',
        'message Ping as "ping" { node_id as "nodeId"?: int }\nrole server { start state Up { recv Ping -> send Pong() } }',
        "standard",
        "warning",
    ),
    Rule(
        "MDK5104",
        "keys of two styles",
        "Readers in other languages guess one key from another.",
        'message Ping as "ping" { node_id?: int  trace_id as "traceId"?: int  span_id as "spanId"?: int }\nrole server { start state Up { recv Ping -> send Pong() } }',
        'message Ping as "ping" { node_id as "nodeId"?: int  trace_id as "traceId"?: int  span_id as "spanId"?: int }\nrole server { start state Up { recv Ping -> send Pong() } }',
        "standard",
        "warning",
    ),
    Rule(
        "MDK5105",
        "a type name on the wire with capitals or blanks",
        "It is compared letter by letter, also by people who read a capture. Names of other protocols belong into `also`.",
        'message Ping as "Ping" { n?: int }\nrole server { start state Up { recv Ping -> send Pong() } }',
        'message Ping as "ping" also "Ping" { n?: int }\nrole server { start state Up { recv Ping -> send Pong() } }',
        "standard",
        "warning",
    ),
    Rule(
        "MDK5106",
        "a whole number beyond 2^53",
        "JSON readers that know only floats, JavaScript first, would read another number.",
        'message Ping as "ping" { n: int = 9007199254740993 }\nrole server { start state Up { recv Ping -> send Pong() } }',
        'message Ping as "ping" { n: int = 9007199254740991 }\nrole server { start state Up { recv Ping -> send Pong() } }',
        "standard",
        "warning",
    ),
    Rule(
        "MDK5107",
        "a duration that is an int or float",
        "`seconds` says the unit, to readers and to the rules about timers.",
        'message Ping as "ping" { ttl: float = 30.0 }\nrole server { start state Up { recv Ping -> send Pong() } }',
        'message Ping as "ping" { ttl: seconds = 30s }\nrole server { start state Up { recv Ping -> send Pong() } }',
        "standard",
        "warning",
    ),
    Rule(
        "MDK5108",
        "a closed enum in what is received",
        "The first value that a newer peer adds makes the whole message malformed for every older one. An open enum keeps it as text.",
        'closed enum Level { INFO DEBUG }\nmessage Ping as "ping" { level: Level = "INFO" }\nrole server { start state Up { recv Ping -> send Pong() } }',
        'open enum Level { INFO DEBUG }\nmessage Ping as "ping" { level: Level = "INFO" }\nrole server { start state Up { recv Ping -> send Pong() } }',
        "standard",
        "warning",
    ),
    Rule(
        "MDK5109",
        "a field of three states",
        "Absent, null, or a value: few languages can hold the three apart, and fewer people.",
        'message Ping as "ping" { n?: int | null }\nrole server { start state Up { recv Ping -> send Pong() } }',
        'message Ping as "ping" { n?: int }\nrole server { start state Up { recv Ping -> send Pong() } }',
        "standard",
        "warning",
    ),
    Rule(
        "MDK5110",
        "a heartbeat slower than half of its lease",
        "One heartbeat that is late or lost must not end the lease.",
        "role client { start state Up { every 20s -> send Ping()  recv Pong -> tell answered() } }\n"
        'role server {\n  shared lease seen\n  always { lapse seen(key) -> tell lapsed(key) }\n  start state Up { recv Ping -> lease seen["a"] for 30s, send Pong() }\n}',
        "role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered() } }\n"
        'role server {\n  shared lease seen\n  always { lapse seen(key) -> tell lapsed(key) }\n  start state Up { recv Ping -> lease seen["a"] for 30s, send Pong() }\n}',
        "standard",
        "warning",
    ),
    Rule(
        "MDK5111",
        "a timeout shorter than the heartbeat that it waits for",
        "The state gives up between two heartbeats of a peer that is well.",
        "role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered() } }\n"
        'role server { start state Up { recv Ping -> send Pong(), goto Up  after 5s -> fail "silent" } }',
        "role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered() } }\n"
        'role server { start state Up { recv Ping -> send Pong(), goto Up  after 30s -> fail "silent" } }',
        "standard",
        "warning",
    ),
    Rule(
        "MDK5112",
        "a reconnect that may come after the lease",
        "After one cut the side is declared gone, although it only waited its turn.",
        "role client { start state Up { every 0.5s -> send Ping()  recv Pong -> tell answered() } }\n"
        'role server {\n  shared lease seen\n  always { lapse seen(key) -> tell lapsed(key) }\n  start state Up { recv Ping -> lease seen["a"] for 2s, send Pong() }\n}',
        "role client { start state Up { every 0.5s -> send Ping()  recv Pong -> tell answered() } }\n"
        'role server {\n  shared lease seen\n  always { lapse seen(key) -> tell lapsed(key) }\n  start state Up { recv Ping -> lease seen["a"] for 3s, send Pong() }\n}',
        "standard",
        "warning",
    ),
    Rule(
        "MDK5113",
        "a state that waits for a message and for nothing else",
        "A peer that stays silent holds the connection for ever, and with it whatever a connection costs.",
        "parts Q\nrole server { start state Greeting { recv Ping -> send Pong(), goto Up } state Up { ignore Ping } }\n"
        "role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered() } }\n"
        "part Q of P live in Up {\n  role client { start state Idle { } }\n  role server { start state Idle { } }\n}",
        'parts Q\nrole server { start state Greeting { recv Ping -> send Pong(), goto Up  after 10s -> fail "silent" } state Up { ignore Ping } }\n'
        "role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered() } }\n"
        "part Q of P live in Up {\n  role client { start state Idle { } }\n  role server { start state Idle { } }\n}",
        "standard",
        "warning",
    ),
    Rule(
        "MDK5114",
        "a field that seems to be a secret, and does not say so",
        "Messages are written to logs. A field before which `@sensitive` stands is not shown there, nor by `repr`.",
        'message Ping as "ping" { n?: int  api_key: string = "" }\nrole server { start state Up { recv Ping -> send Pong() } }',
        'message Ping as "ping" { n?: int  @sensitive api_key: string = "" }\nrole server { start state Up { recv Ping -> send Pong() } }',
        "standard",
        "warning",
    ),
    Rule(
        "MDK5201",
        "a declaration without a doc",
        "Docs become docstrings and pages; a name alone is rarely enough for who writes the other side.",
        "record Node { service: string }",
        "/// One instance of a service.\nrecord Node { service: string }",
        "docs",
        "warning",
    ),
    Rule(
        "MDK5202",
        "a field without a doc",
        "Its unit, its range, who may leave it out.",
        "record Node { port: int }",
        "record Node {\n  /// Where it listens.\n  port: int\n}",
        "docs",
        "warning",
    ),
    Rule(
        "MDK5203",
        "a hook, state, delivery, request or param without a doc",
        "Hooks are what the application has to write; states are what its errors talk of.",
        "role server {\n  hook note()\n  /// Open.\n  start state Up { recv Ping -> do note(), send Pong() }\n}\n"
        "role client {\n  /// Open.\n  start state Up { every 10s -> send Ping()  recv Pong -> tell answered() }\n}",
        "role server {\n  /// Counts.\n  hook note()\n  /// Open.\n  start state Up { recv Ping -> do note(), send Pong() }\n}\n"
        "role client {\n  /// Open.\n  start state Up { every 10s -> send Ping()  recv Pong -> tell answered() }\n}",
        "docs",
        "warning",
    ),
    Rule(
        "MDK5301",
        "a field that may hold anything",
        "Nothing checks it, and nothing documents it.",
        "record Node { properties: map<any> = {} }",
        "record Node { properties: map<string> = {} }",
        "strict",
        "warning",
    ),
    Rule(
        "MDK5302",
        "a required field in a message that is relayed",
        "A relay between two newer peers may be older: what it must have, nobody can ever leave out again.",
        'message Note as "note" { text: string }\n'
        "role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered()  call note(text: string) -> send Note(text = text)  recv Note(m) -> tell noted(m) } }\n"
        "role server { start state Up { recv Ping -> send Pong()  recv Note(m) -> tell noted(m)  call relay(note: Note) -> send note } }",
        'message Note as "note" { text: string = "" }\n'
        "role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered()  call note(text: string) -> send Note(text = text)  recv Note(m) -> tell noted(m) } }\n"
        "role server { start state Up { recv Ping -> send Pong()  recv Note(m) -> tell noted(m)  call relay(note: Note) -> send note } }",
        "strict",
        "note",
    ),
    Rule(
        "MDK5303",
        "a state's transition that takes the place of one in `always`",
        "It is meant where the two differ on purpose, and a slip where they do not.",
        "role client {\n  always { call ask() -> tell noted() }\n  start state Up { call ask() -> send Ping()  recv Pong -> tell answered() }\n}",
        "role client {\n  start state Up { call ask() -> send Ping()  recv Pong -> tell answered() }\n}",
        "strict",
        "note",
    ),
    Rule(
        "MDK5304",
        "a field that no receiver reads",
        "It is sent, and dropped: either somebody forgot it, or it can go.",
        'message Ping as "ping" { n?: int }\nmessage Pong as "pong" { }\nrole server { start state Up { recv Ping -> send Pong() } }',
        'message Ping as "ping" { n?: int }\nmessage Pong as "pong" { }\nrole server { start state Up { recv Ping(m) -> tell pinged(m.n), send Pong() } }',
        "strict",
        "note",
    ),
    Rule(
        "MDK5305",
        "one message that is answered by any number",
        "A peer can make this side send without end; the hook should have a bound.",
        "role server {\n  hook all() -> each int\n  start state Up { recv Ping -> send Pong(n = n) for n in all() }\n}",
        "role server {\n  hook one() -> int\n  start state Up { recv Ping -> send Pong(n = one()) }\n}",
        "strict",
        "note",
    ),
    Rule(
        "MDK5306",
        "a transition that no scenario takes",
        "A scenario shows it in the documentation, and tests each implementation of it.",
        "role server { start state Up { recv Ping -> send Pong() } }",
        'role server { start state Up { recv Ping -> send Pong() } }\nscenario "asked" for P {\n  pass 10s\n  client -> server: Ping\n  server -> client: Pong\n}',
        "strict",
        "note",
    ),
)
