"""Python expressions as trees, laid out in the one way in which a formatter would leave them.

A group that fits its line stays on it; one that does not is opened, an item a line, with a trailing comma.
"""

from __future__ import annotations

from dataclasses import dataclass

WIDTH = 120
"""Columns of a line of generated code."""
INDENT = 4


@dataclass(frozen=True, slots=True)
class Labelled:
    """`label` directly before a node: a keyword, a dictionary's key, the head of a lambda."""

    label: str
    node: Node


@dataclass(frozen=True, slots=True)
class Group:
    """Items between brackets: a call, a tuple, a list, a dictionary."""

    opening: str
    items: tuple[Node, ...]
    closing: str
    flat_tail: str = ""
    """What the flat form has before the closing bracket: the comma of a tuple with one item."""


Node = str | Labelled | Group


def call(name: str, *items: Node) -> Group:
    """`name(a, b)`."""
    return Group(f"{name}(", items, ")")


def tuple_of(*items: Node) -> Group:
    """`(a, b)`, `(a,)` or `()`."""
    return Group("(", items, ")", "," if len(items) == 1 else "")


def list_of(*items: Node) -> Group:
    """`[a, b]`."""
    return Group("[", items, "]")


def dict_of(*items: tuple[str, Node]) -> Group:
    """`{"key": value}`; keys are given as they are and quoted here."""
    return Group("{", tuple(Labelled(f"{quoted(key)}: ", node) for key, node in items), "}")


def quoted(text: str) -> str:
    """A string literal as a formatter writes it: double quotes unless that needs more escapes."""
    single = repr(text)
    if single[0] == '"' or '"' in text:
        return single
    return f'"{single[1:-1]}"'


def flat(node: Node) -> str:
    """The node on one line."""
    if isinstance(node, str):
        return node
    if isinstance(node, Labelled):
        return node.label + flat(node.node)
    return node.opening + ", ".join(flat(item) for item in node.items) + node.flat_tail + node.closing


def layout(node: Node, *, indent: int = 0, used: int = 0, tail: int = 0, step: int = INDENT) -> str:
    """The node as source text.

    Args:
        node: What to write.
        indent: Columns by which its line is indented.
        used: Columns of the line that stand before the node.
        tail: Columns that must be left behind it on its last line.
        step: Columns by which the items of an opened group are indented.
    """
    if isinstance(node, str):
        return node
    if isinstance(node, Labelled):
        return node.label + layout(node.node, indent=indent, used=used + len(node.label), tail=tail, step=step)
    text = flat(node)
    if not node.items or used + len(text) + tail <= WIDTH:
        return text
    inner = indent + step
    lines = [" " * inner + layout(item, indent=inner, used=inner, tail=1, step=step) + ",\n" for item in node.items]
    return node.opening.rstrip() + "\n" + "".join(lines) + " " * indent + node.closing.lstrip()


def assignment(target: str, node: Node) -> str:
    """`target = node` at the left margin."""
    head = f"{target} = "
    return head + layout(node, used=len(head))


def signature(head: str, items: tuple[Node, ...], result: str, *, indent: int) -> str:
    """`def name(a, b) -> result:` with its indentation; `head` is `def name`."""
    tail = f" -> {result}:"
    node = Group(f"{head}(", items, ")")
    return " " * indent + layout(node, indent=indent, used=indent, tail=len(tail)) + tail
