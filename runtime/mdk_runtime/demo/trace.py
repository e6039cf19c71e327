"""One trace as a tree: who said what, indented by the depth of its Lamport clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mdk_protocol.messages import Log


def tree(logs: Iterable[Log], names: Mapping[str, str]) -> Iterator[str]:
    """The lines of a tree, in causal order.

    Args:
        logs: Of one trace, in any order.
        names: Node id to what the process is called.
    """
    ordered = sorted(logs, key=lambda log: log.context.clock.clocks)
    width = max((len(names.get(log.node, log.node)) for log in ordered), default=0)
    for log in ordered:
        clocks = log.context.clock.clocks
        indent = "    " * (len(clocks) - 1)
        who = names.get(log.node, log.node).ljust(width)
        clock = ".".join(map(str, clocks)).ljust(6)
        yield f"{indent}{clock}{who}  {log.level.value:<5}  {log.category}: {log.text}"
