"""Changes of what is on the wire. Who sends a message decides whom a change breaks."""

from __future__ import annotations

from mdkgen.rules.rule import Rule, Severity


def _rule(code: str, title: str, why: str, before: str, bad: str, good: str, severity: Severity = "error") -> Rule:
    return Rule(code, title, why, bad, good, "wire", severity, before)


_SERVER = (
    "\nrole server { start state Up { recv Ping -> send Pong() } }"
    "\nrole client { start state Up { recv Pong -> tell answered()  call ask(ping: Ping) -> send ping } }"
)
_NOTE = (
    'message Note as "note" { }\nrole server { start state Up { recv Ping -> send Pong()  recv Note -> tell noted() } }\n'
    "role client { start state Up { every 10s -> send Ping(), send Note()  recv Pong -> tell answered() } }"
)


def _ping(fields: str, declarations: str = "") -> str:
    return f'{declarations}message Ping as "ping" {{ {fields} }}{_SERVER}'


def _path(path: str = "/p", tag: str = "type", limit: str = "1KiB") -> str:
    return (
        '// file a.mdkspec\nmdkspec 1\nnamespace example\nversion 1.0\n\nmessage Ping as "ping" { }\n\nprotocol P {\n'
        f'  transport websocket {{ path: "{path}", tag: "{tag}", message_max: {limit} }}\n  roles client connects, server accepts\n'
        '  unknown message -> drop\n  illegal message -> fail "illegal"\n  malformed message -> fail "malformed"\n'
        "  reconnect 1s .. 2s x 2\n  role client { start state Up { every 10s -> send Ping() } }\n"
        "  role server { start state Up { recv Ping -> tell pinged() } }\n}\n"
    )


RULES = (
    _rule(
        "MDK6101",
        "a message is gone",
        "An older peer still sends it, and the policy for unknown messages applies: dropped without a word, or the end of the connection.",
        _NOTE,
        "role server { start state Up { recv Ping -> send Pong() } }",
        _NOTE.replace("recv Note -> tell noted()", "ignore Note"),
        "warning",
    ),
    _rule(
        "MDK6102",
        "a message has another type name",
        "Nobody who has only one of the two names understands the other. It takes two versions: first readers learn the new name, then writers use it.",
        _ping("n?: int"),
        _ping("n?: int").replace('"ping"', '"pinged"'),
        _ping("n?: int").replace('"ping"', '"ping" also "pinged"'),
    ),
    _rule(
        "MDK6103",
        "an old type name is no longer read",
        "Peers older than the version before may still write it. Remove it when none has been seen for long enough.",
        _ping("n?: int").replace('"ping"', '"ping" also "old.Ping"'),
        _ping("n?: int"),
        _ping("n?: int").replace('"ping"', '"ping" also "old.Ping"'),
        "warning",
    ),
    _rule(
        "MDK6104",
        "a new field is required",
        "What an older peer writes lacks it, and is malformed. Only the side that receives the message is hurt: if only servers send it, new servers first.",
        _ping("n?: int"),
        _ping("n?: int  id: string"),
        _ping('n?: int  id: string = ""'),
    ),
    _rule(
        "MDK6105",
        "a required field may be absent, or is gone",
        "Older readers require it. A default keeps it on the wire: a field with a default is always written.",
        _ping("id: string"),
        _ping("id?: string"),
        _ping('id: string = ""'),
    ),
    _rule(
        "MDK6106",
        "an optional field is required",
        "Older peers may leave it out.",
        _ping("id?: string"),
        _ping("id: string"),
        _ping('id: string = ""'),
    ),
    _rule(
        "MDK6107",
        "a field is gone",
        "Unknown keys are ignored, so nothing breaks; but what older peers write there is lost.",
        _ping("n?: int  id?: string"),
        _ping('n?: int  reserved "id"'),
        _ping("n?: int  id?: string"),
        "warning",
    ),
    _rule(
        "MDK6108",
        "a field has another key",
        "For readers that is one field less and an unknown one more.",
        _ping("node_id?: string"),
        _ping('node_id as "nodeId"?: string'),
        _ping('id as "node_id"?: string'),
    ),
    _rule(
        "MDK6109",
        "a field has another type",
        "int to float, T to `T | null`, an enum to string and anything to `any` can be read by new readers; each can break older readers, so it depends on who sends.",
        _ping("n: float = 1.0"),
        _ping("n: int = 1"),
        _ping("n: seconds = 1s"),
    ),
    _rule(
        "MDK6110",
        "the bounds of a type have changed",
        "Narrower ones refuse what older peers write; what wider ones allow is refused by older readers.",
        _ping("n: Percent = 1", "type Percent = int >= 0\n"),
        _ping("n: Percent = 1", "type Percent = int >= 1\n"),
        _ping("n: Percent = 1", "type Percent = int >= 0\n"),
    ),
    _rule(
        "MDK6111",
        "a closed enum has a new value",
        "Older readers refuse it, and the whole message with it.",
        _ping('level: Level = "INFO"', "closed enum Level { INFO DEBUG }\n"),
        _ping('level: Level = "INFO"', "closed enum Level { INFO DEBUG TRACE }\n"),
        _ping('level: Level = "INFO"', "open enum Level { INFO DEBUG }\n"),
    ),
    _rule(
        "MDK6112",
        "an enum has lost a value",
        "Older peers still write it.",
        _ping('level: Level = "INFO"', "closed enum Level { INFO DEBUG }\n"),
        _ping('level: Level = "INFO"', "closed enum Level { INFO }\n"),
        _ping('level: Level = "INFO"', "open enum Level { INFO }\n"),
    ),
    _rule(
        "MDK6113",
        "an open enum is closed",
        "What it kept as text is refused now.",
        _ping('level: Level = "INFO"', "open enum Level { INFO }\n"),
        _ping('level: Level = "INFO"', "closed enum Level { INFO }\n"),
        _ping('level: Level = "INFO"', "open enum Level { INFO DEBUG }\n"),
    ),
    _rule(
        "MDK6114",
        "another key names a message's type",
        "No message of one version is a message of the other.",
        _path(),
        _path(tag="kind"),
        _path(),
    ),
    _rule(
        "MDK6115",
        "the path has changed",
        "The handshake fails, in both directions.",
        _path(),
        _path(path="/q"),
        _path(),
    ),
    _rule(
        "MDK6116",
        "messages may be less large",
        "Older peers write what is malformed now.",
        _path(limit="2KiB"),
        _path(limit="1KiB"),
        _path(limit="4KiB"),
    ),
    _rule(
        "MDK6117",
        "a name is no longer reserved",
        "It was reserved because older peers may still write it. Sooner or later somebody gives it another meaning.",
        _ping('n?: int  reserved "id"'),
        _ping("n?: int"),
        _ping('n?: int  reserved "id"'),
    ),
    _rule(
        "MDK6118",
        "a reserved name is used again",
        "What older peers write under this name means what it meant to them.",
        _ping('n?: int  reserved "id"'),
        _ping("n?: int  id?: string"),
        _ping('n?: int  uid?: string  reserved "id"'),
    ),
    _rule(
        "MDK6119",
        "a field is gone, and its key is not reserved",
        "Unknown keys are ignored, so nothing breaks today. But older peers still write the key, and a later version may give it another meaning.",
        _ping("n?: int  id?: string"),
        _ping("n?: int"),
        _ping("n?: int  id?: string"),
    ),
)
