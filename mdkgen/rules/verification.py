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
)
