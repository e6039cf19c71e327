"""Verification: what only client, server and a link that breaks show together."""

from __future__ import annotations

from mdkgen.rules.rule import Rule

RULES = (
    Rule(
        "MDK4001",
        "a message may arrive in a state that neither takes nor ignores it",
        "At run time it would be an illegal message, and end the connection. The trace is a shortest way there.",
        "role server {\n  start state Up { recv Ping -> send Pong(), goto Done }\n  state Done { after 1s -> hangup }\n}\n"
        "role client { start state Up { every 1s -> send Ping()  recv Pong -> tell answered() } }",
        "role server {\n  start state Up { recv Ping -> send Pong(), goto Done }\n  state Done { after 1s -> hangup  ignore Ping }\n}\n"
        "role client { start state Up { every 1s -> send Ping()  recv Pong -> tell answered() } }",
        "verification",
    ),
    Rule(
        "MDK4002",
        "there are too many configurations to verify them all",
        "The rest was not looked at. Smaller parts are verified one at a time, so their configurations add up and do not multiply. (The example is shown with room for 10 of them, not 200,000.)",
        "role server {\n  connection flag a = false\n  connection flag b = false\n  start state Up {\n"
        "    recv Ping -> send Pong()\n    call one() -> set a\n    call two() when a -> set b\n    call three() when b -> clear a\n    ignore two, three\n  }\n}",
        "role server {\n  start state Up { recv Ping -> send Pong() }\n}",
        "verification",
        "warning",
    ),
    Rule(
        "MDK4003",
        "a state that no order of events reaches",
        "It is dead, or a `goto` to it is missing.",
        "role server {\n  start state Up { recv Ping -> send Pong() }\n  state Lost { recv Ping -> send Pong() }\n}",
        "role server {\n  start state Up { recv Ping -> send Pong() }\n}",
        "verification",
    ),
    Rule(
        "MDK4004",
        "a transition that no order of events takes",
        "The peer does not send this then, or an earlier transition always comes first.",
        "role server {\n  start state Up { recv Ping -> send Pong()  recv Pong -> tell odd() }\n}",
        "role server {\n  start state Up { recv Ping -> send Pong() }\n}",
        "verification",
        "warning",
    ),
    Rule(
        "MDK4005",
        "two sides that wait for one another",
        "Nothing but a cut can bring them on. What the application may call, timers and deliveries count as ways on.",
        "role client { start state Up { enter -> send Ping()  recv Pong -> tell answered() } }\n"
        "role server { start state Up { recv Ping -> send Pong() } }",
        "role client { start state Up { enter -> send Ping()  recv Pong -> tell answered()  call ask() -> send Ping() } }\n"
        "role server { start state Up { recv Ping -> send Pong() } }",
        "verification",
    ),
    Rule(
        "MDK4006",
        "messages without end",
        "Each message is answered by the next as fast as the link can carry, or a state enters itself. What a guard over data decides is not counted: it may end it.",
        "role client { start state Up { enter -> send Ping()  recv Pong -> send Ping() } }",
        "role client { start state Up { enter -> send Ping()  every 1s -> send Ping()  recv Pong -> tell answered() } }",
        "verification",
    ),
    Rule(
        "MDK4007",
        "a hot state that may never be left",
        "`hot state` says that it must be left again. From here on no message, timer or call leads out of it, as long as the link holds; also if messages flow meanwhile.",
        "role server {\n  start state Up { recv Ping -> send Pong(), goto Busy }\n  hot state Busy { every 1s -> tell working()  ignore Ping }\n}",
        "role server {\n  start state Up { recv Ping -> send Pong(), goto Busy  ignore finish }\n  hot state Busy { call finish() -> goto Up  ignore Ping }\n}",
        "verification",
    ),
    Rule(
        "MDK4008",
        "a delivery that is never acknowledged, or a request that is never answered",
        "What is sent stays in the buffer until it is dropped, and is sent again on every connect. An application acknowledges only what it is told of.",
        'message Note as "note" { n?: int }\nmessage NoteAck as "noteack" { n: int }\n'
        "delivery notes { from client  message Note  number n from 0  ack NoteAck.n each  resend on connect  buffer 10 or 1KiB drop_oldest }\n"
        "role server { start state Up { recv Ping -> send Pong()  ignore Note } }",
        'message Note as "note" { n?: int }\nmessage NoteAck as "noteack" { n: int }\n'
        "delivery notes { from client  message Note  number n from 0  ack NoteAck.n each  resend on connect  buffer 10 or 1KiB drop_oldest }\n"
        "role server { start state Up { recv Ping -> send Pong()  recv Note(m) -> tell noted(m) } }",
        "verification",
    ),
    Rule(
        "MDK4009",
        "a call that is available in no state",
        "The application can ask for it, and it is never done: each state that the side reaches ignores it, or its guard is never true.",
        "role server {\n  connection flag open = false\n  start state Up { recv Ping -> send Pong()  call relay() when open -> tell relayed()  ignore relay }\n}",
        "role server {\n  connection flag open = false\n  start state Up { recv Ping -> set open, send Pong()  call relay() when open -> tell relayed()  ignore relay }\n}",
        "verification",
        "warning",
    ),
    Rule(
        "MDK4010",
        "a timer that is always cancelled",
        "Before it fires, a sooner timer or the state's own `enter` has left the state, or entered it anew.",
        'role server {\n  start state Up { recv Ping -> send Pong()  after 5s -> fail "slow"  after 10s -> fail "silent" }\n}',
        'role server {\n  start state Up { recv Ping -> send Pong()  after 5s -> tell slow()  after 10s -> fail "silent" }\n}',
        "verification",
        "warning",
    ),
    Rule(
        "MDK4011",
        "a message that an orderly close may lose",
        "It was on its way to the side that hung up. `mdkgen verify` lists these; that is right for what is said again or soon stale, and wrong for what must arrive.",
        "role server {\n  start state Up { recv Ping -> send Pong()  after 1s -> hangup }\n}",
        "role server {\n  start state Up { recv Ping -> send Pong() }\n}",
        "verification",
        "note",
    ),
    Rule(
        "MDK4012",
        "a scenario that the machines do not follow",
        "Each message of its part must be written, in the order in which it arrives: either the scenario is out of date, or the machines do not do what it promises.",
        'role server { start state Up { recv Ping -> send Pong() } }\nscenario "asked" for P {\n  pass 10s\n  client -> server: Ping\n}',
        'role server { start state Up { recv Ping -> send Pong() } }\nscenario "asked" for P {\n  pass 10s\n  client -> server: Ping\n  server -> client: Pong\n}',
        "verification",
    ),
)
