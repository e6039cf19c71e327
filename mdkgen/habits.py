"""What people write by habit from other languages, and how it is said here: hints for what the grammar does not take."""

from __future__ import annotations

import re

_FIELDS = re.compile(r"(?:\s|//[^\n]*|@\w+(?:\([^()]*\))?)*(?:record|message|open\s+enum|closed\s+enum)\b")
"""How a declaration with fields or members begins."""

_LIST = "a list is list<T>"
_MAP = "a map is map<T>; its keys are strings"
_STRING = "a string stands in double quotes"
_NAME = "a name has letters from a to z, digits and _, and begins with no digit"
_ABSENT = "what may be absent is `name?: type`"

REACH = 400
"""Characters that are looked at on both sides."""

HABITS: tuple[tuple[str, str, str], ...] = (
    (r";", "", "mdkspec has no semicolons"),
    (r"/\*|/(?!/)|#", r"", "a comment begins with //"),
    (r"\[", r":\s*\w+$", _LIST),
    (r"<", r"\b(?:List|Array|Vec|Sequence|Set|set|array|tuple)$", _LIST),
    (r"<", r"\b(?:Map|Dict|dict|HashMap|Record|object)$", _MAP),
    (r",", r"\bmap<\s*\w+\s*$", _MAP),
    (r"\?", r":\s*[\w<>]+$", _ABSENT),
    (r"\w", r"\bnull\s*\|\s*$", "null comes last: `T | null`"),
    (r"\w", r":\s*\w+\s*\|\s*$", "a type has no alternatives but null"),
    (r"(?:ms|s|min|h)\b", r"-\d+(?:\.\d+)?$", "a time is not negative"),
    (r"(?:[KMGT]i?B|[kmgt]b|[BKMG])\b", r"\d$", "a size is a whole number of KiB or MiB"),
    (r"(?:d|m|ns|us|[a-z]*(?:sec|minute|hour|day)s?)\b", r"\d$", "a time is in ms, s, min or h"),
    (r"\|\||or\b", r"\bwhen\b[^\n]*$", "there is no `or`: write a transition for each"),
    (r"&", r"\bwhen\b[^\n]*$", "did you mean and?"),
    (r"!(?!=)", r"\bwhen\b[^\n]*$", "did you mean not?"),
    (r"['`\u2018\u2019\u201a\u201c-\u201e\xab\xbb]", "", _STRING),
    (r"\"[^\"\n]*(?:\n|$)", "", "the string does not end in its line"),
    (r"[\xa0\u2000-\u200b\u202f\u3000\ufeff]", "", "this is no space, though it looks like one or like nothing"),
    (
        r"import\b|include\b|using\b|from\b",
        r"^\s*$|\n\s*$|\}\s*$",
        "there are no imports: the files of a folder are one spec",
    ),
    (r"enum\b", "", "an enum is `open enum`, which keeps what is not on its list, or `closed enum`"),
    (r"(?:start|hot)\b", "", "`start` and `hot` stand before `state`"),
    (r"\.", r"\bversion\s+\d+\.\d+$", "a version has two numbers, such as 1.0"),
    (r"[-./]", r"\bnamespace\s+\w+$", "a namespace is one name, such as my_protocol"),
)
"""What is found, what stands before it, and what to say."""

TYPES = {
    "Any": "any",
    "Boolean": "bool",
    "String": "string",
    "array": "list<T>",
    "binary": "string",
    "bytes": "string",
    "date": "string",
    "datetime": "string",
    "decimal": "string",
    "dict": "map<T>",
    "double": "float",
    "duration": "seconds",
    "i32": "int",
    "i64": "int",
    "int32": "int",
    "int64": "int",
    "long": "int",
    "number": "float or int",
    "object": "map<any>, or a record",
    "text": "string",
    "timestamp": "float or string",
    "u32": "int",
    "u64": "int",
    "uint": "int",
    "uuid": "string",
}
"""Types of other languages, and what serves here."""

VALUES = {"None": "null", "nil": "null", "undefined": "null", "True": "true", "False": "false"}


def habit(text: str, at: int, *, names: bool) -> str:
    """What to say to whoever wrote what stands at a place of a declaration or header; nothing, if nothing is known.

    Args:
        text: The declaration.
        at: Where the grammar took no more.
        names: Whether a name could stand there.
    """
    rest, before = text[at : at + REACH], text[max(0, at - REACH) : at]
    if rest.startswith("=") and not rest.startswith("==") and re.search(r"\bwhen\b[^\n]*$", before):
        return "did you mean ==?"
    if re.match(r"=>?", rest) and re.search(r"\b(?:recv|call|enter|after|every|lapse)\b[^\n]*$", before):
        return "an arrow is ->"
    for found, behind, said in HABITS:
        if re.match(found, rest) and re.search(behind, before):
            return said
    if rest.startswith(",") and _FIELDS.match(text):
        return "fields and members stand without commas"
    if rest and ((rest[0].isalpha() and not rest[0].isascii()) or (names and rest[0].isdigit())):
        return _NAME
    return ""
