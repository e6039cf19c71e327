"""Errors: without them mended nothing is generated. 1xxx the text, 2xxx names and types, 3xxx machines."""

from __future__ import annotations

from mdkgen.rules.rule import Rule

RULES = (
    Rule(
        "MDK1001",
        "the text is not a declaration of the language",
        "Nothing can be said of a declaration that cannot be read. Each declaration is read by itself, so all such errors come in one run.",
        "record Node {\n  service; string\n}",
        "record Node {\n  service: string\n}",
    ),
    Rule(
        "MDK1002",
        "the file does not begin with edition, namespace and version",
        "The edition says which language the rest is written in; namespace and version go into every generated file.",
        "// file a.mdkspec\nmdkspec 1\nnamespace chat\nrecord Node { service: string }\n",
        "// file a.mdkspec\nmdkspec 1\nnamespace chat\nversion 1.0\nrecord Node { service: string }\n",
    ),
    Rule(
        "MDK1003",
        "the files of a folder disagree in namespace or version",
        "A folder is one protocol and becomes one package.",
        "// file a.mdkspec\nmdkspec 1\nnamespace one\nversion 1.0\n// file b.mdkspec\nmdkspec 1\nnamespace two\nversion 1.0\n",
        "// file a.mdkspec\nmdkspec 1\nnamespace one\nversion 1.0\n// file b.mdkspec\nmdkspec 1\nnamespace one\nversion 1.0\n",
    ),
    Rule(
        "MDK2001",
        "two things have one name",
        "A name means the same in all files of a folder, and becomes one name of one Python module or class.",
        "record Node { service: string  service: int }",
        "record Node { service: string  port: int }",
    ),
    Rule(
        "MDK2002",
        "a name that nothing declares",
        "Most often a slip of the pen; the hint names what is near.",
        "record Node { service: strnig }",
        "record Node { service: string }",
    ),
    Rule(
        "MDK2003",
        "a value of the wrong type",
        "It would fail when it is written or read; it is said now. A field that may be absent is not a value of its type: ask a hook instead.",
        'const NODE_TTL: seconds = "30s"',
        "const NODE_TTL: seconds = 30s",
    ),
    Rule(
        "MDK2004",
        "two messages have one type name on the wire",
        "The type name alone says which message a frame is, also the old names behind `also`.",
        'message Active as "active" { }\nmessage Renew as "renew" also "active" { }',
        'message Active as "active" { }\nmessage Renew as "renew" { }',
    ),
    Rule(
        "MDK2005",
        "two fields have one key on the wire",
        "A JSON object has one value for each key.",
        'record Node { id: string  node_id as "id": string }',
        'record Node { id: string  node_id as "nodeId": string }',
    ),
    Rule(
        "MDK2006",
        "a name that Python or the generated stub needs for itself",
        "Fields, calls and hooks become names in Python. A field can keep its key on the wire.",
        "record Span { from: int }",
        'record Span { begin as "from": int }',
    ),
    Rule(
        "MDK2007",
        "a required field is missing",
        "A record with a required field cannot be made without it.",
        'record Node { service: string  port: int }\nrecord Table { first: Node = {service = "a"} }',
        'record Node { service: string  port: int }\nrecord Table { first: Node = {service = "a", port = 80} }',
    ),
    Rule(
        "MDK2008",
        "a record that contains itself without end",
        "No finite value of it exists.",
        "record Tree { left: Tree }",
        "record Tree { left?: Tree }",
    ),
    Rule(
        "MDK2009",
        "a wrong number of arguments",
        "A hook takes what it declares, by position; a record takes its fields by name.",
        "role server {\n  hook note(n: int)\n  start state Up { recv Ping -> do note(), send Pong() }\n}",
        "role server {\n  hook note(n: int)\n  start state Up { recv Ping -> do note(1), send Pong() }\n}",
    ),
    Rule(
        "MDK2010",
        "a reserved name is used",
        "A key, a value or a type name is reserved when it once meant something: peers of older versions still write it.",
        'record Node { id: string  reserved "id" }',
        'record Node { node_id: string  reserved "id" }',
    ),
    Rule(
        "MDK3001",
        "a protocol lacks something it must say",
        "What happens to a message that nobody knows, or how long to wait before the next try, is written and never guessed.",
        'message Note as "note" { n?: int }\nmessage NoteAck as "noteack" { n: int }\n'
        "delivery notes { from client  message Note  number n from 0  ack NoteAck.n each  resend on connect }\n"
        "role server { start state Up { recv Ping -> send Pong()  recv Note(m) -> tell noted(m) } }",
        'message Note as "note" { n?: int }\nmessage NoteAck as "noteack" { n: int }\n'
        "delivery notes { from client  message Note  number n from 0  ack NoteAck.n each  resend on connect  buffer 10 or 1KiB drop_oldest }\n"
        "role server { start state Up { recv Ping -> send Pong()  recv Note(m) -> tell noted(m) } }",
    ),
    Rule(
        "MDK3002",
        "a role without exactly one start state",
        "A new connection begins in it.",
        "role server {\n  state Up { recv Ping -> send Pong() }\n}",
        "role server {\n  start state Up { recv Ping -> send Pong() }\n}",
    ),
    Rule(
        "MDK3003",
        "`goto` to a state that does not exist",
        "States belong to one role of one part: `goto` cannot leave it.",
        "role server {\n  start state Up { recv Ping -> send Pong(), goto Pu }\n}",
        "role server {\n  start state Up { recv Ping -> send Pong(), goto Up }\n}",
    ),
    Rule(
        "MDK3004",
        "a part is live in a state that does not exist",
        "A part lives while its side's own machine of the protocol is in one of the states named after `live in`; each side needs one.",
        "parts Q\nrole server { start state Up { recv Ping -> send Pong() } }\n"
        "part Q of P live in Dwon {\n  role client { start state Idle { } }\n  role server { start state Idle { } }\n}",
        "parts Q\nrole server { start state Up { recv Ping -> send Pong() } }\n"
        "part Q of P live in Up {\n  role client { start state Idle { } }\n  role server { start state Idle { } }\n}",
    ),
    Rule(
        "MDK3005",
        "two parts use one message",
        "A message is routed to its part by its type alone; that is also why parts can be verified one at a time.",
        "parts Q\nrole server { start state Up { recv Ping -> send Pong() } }\n"
        "part Q of P live in Up {\n  role client { start state Idle { call again() -> send Ping() } }\n"
        "  role server { start state Idle { recv Ping -> tell pinged() } }\n}",
        'message Again as "again" { }\nparts Q\nrole server { start state Up { recv Ping -> send Pong() } }\n'
        "part Q of P live in Up {\n  role client { start state Idle { call again() -> send Again() } }\n"
        "  role server { start state Idle { recv Again -> tell pinged() } }\n}",
    ),
    Rule(
        "MDK3006",
        "a guarded transition without one that catches the rest",
        "What happens when the guard is false is written, not guessed.",
        "role server {\n  hook is_good() -> bool\n  start state Up { recv Ping when is_good() -> send Pong() }\n}",
        "role server {\n  hook is_good() -> bool\n  start state Up { recv Ping when is_good() -> send Pong()  ignore Ping }\n}",
    ),
    Rule(
        "MDK3007",
        "a call that a state neither takes nor ignores",
        "The application may call at any time; a call that raises in one state is a trap. `always` takes it also while the part is not live.",
        "role client {\n  start state Up { every 10s -> send Ping()  recv Pong -> goto Done }\n"
        "  state Done { call ask() -> send Ping()  recv Pong -> tell answered() }\n}",
        "role client {\n  start state Up { every 10s -> send Ping()  recv Pong -> goto Done  ignore ask }\n"
        "  state Done { call ask() -> send Ping()  recv Pong -> tell answered() }\n}",
    ),
    Rule(
        "MDK3008",
        "two `tell` of one name disagree",
        "They become one method of the application's handler; the same holds for a call with other parameters elsewhere.",
        "role client {\n  start state Up { every 10s -> send Ping(), tell answered()  recv Pong(m) -> tell answered(m) }\n}",
        "role client {\n  start state Up { every 10s -> send Ping(), tell asked()  recv Pong(m) -> tell answered(m) }\n}",
    ),
    Rule(
        "MDK3009",
        "a transition that can never be reached behind another",
        "Of one trigger the first transition whose guard holds is taken: one without a guard comes last.",
        "role server {\n  start state Up { recv Ping -> send Pong()  recv Ping -> hangup }\n}",
        "role server {\n  start state Up { recv Ping -> send Pong() }\n}",
    ),
    Rule(
        "MDK3010",
        "a lease or flag used against its scope",
        "A lease that outlives the connection lapses without one: then there is nobody to send to and no flag to read.",
        "role server {\n  shared lease seen\n  always { lapse seen(key) -> hangup }\n"
        '  start state Up { recv Ping -> lease seen["a"] for 10s, send Pong() }\n}',
        "role server {\n  shared lease seen\n  always { lapse seen(key) -> tell lapsed(key) }\n"
        '  start state Up { recv Ping -> lease seen["a"] for 10s, send Pong() }\n}',
    ),
    Rule(
        "MDK3011",
        "a message that no machine sends, or none takes",
        "What one side sends, the other takes in some state or ignores in words.",
        "role client {\n  start state Up { every 10s -> send Ping() }\n}",
        "role client {\n  start state Up { every 10s -> send Ping()  ignore Pong }\n}",
    ),
    Rule(
        "MDK3012",
        "a part that its protocol does not list, or lists without declaring it",
        "`parts A, B` gives the order in which parts start on a new connection; one that is not listed would never start.",
        "role server { start state Up { recv Ping -> send Pong() } }\n"
        "part Q of P live in Up {\n  role client { start state Idle { } }\n  role server { start state Idle { } }\n}",
        "parts Q\nrole server { start state Up { recv Ping -> send Pong() } }\n"
        "part Q of P live in Up {\n  role client { start state Idle { } }\n  role server { start state Idle { } }\n}",
    ),
    Rule(
        "MDK3013",
        "a delivery or request whose messages do not fit",
        "The engine numbers them and makes acknowledgements from the number alone.",
        'message Note as "note" { n?: string }\nmessage NoteAck as "noteack" { n: int }\n'
        "delivery notes { from client  message Note  number n from 0  ack NoteAck.n each  resend on connect  buffer 10 or 1KiB drop_oldest }\n"
        "role server { start state Up { recv Ping -> send Pong()  recv Note(m) -> tell noted(m) } }",
        'message Note as "note" { n?: int }\nmessage NoteAck as "noteack" { n: int }\n'
        "delivery notes { from client  message Note  number n from 0  ack NoteAck.n each  resend on connect  buffer 10 or 1KiB drop_oldest }\n"
        "role server { start state Up { recv Ping -> send Pong()  recv Note(m) -> tell noted(m) } }",
    ),
    Rule(
        "MDK3014",
        "something that is said twice, or in the wrong place",
        "After the end of a connection nothing can be sent; of two different answers to one question neither can be meant.",
        "role server {\n  start state Up { recv Ping -> hangup, send Pong() }\n}",
        "role server {\n  start state Up { recv Ping -> send Pong(), hangup }\n}",
    ),
    Rule(
        "MDK3015",
        "a message from a side to itself",
        "In a scenario `client -> server: Ping` is a message that arrives at the server.",
        'role server { start state Up { recv Ping -> send Pong() } }\nscenario "asked" for P {\n  pass 10s\n  client -> client: Ping\n  server -> client: Pong\n}',
        'role server { start state Up { recv Ping -> send Pong() } }\nscenario "asked" for P {\n  pass 10s\n  client -> server: Ping\n  server -> client: Pong\n}',
    ),
)
