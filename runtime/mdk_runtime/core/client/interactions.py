"""Which nodes a piece of work used, and how that went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mdk_protocol import messages

if TYPE_CHECKING:
    from mdk_runtime.core.client.environments import Environment
    from mdk_runtime.core.client.nodes import Node

START_TEXT = "Starting interaction."
FINISH_TEXT = "Finished interaction."
LOG_CATEGORY = "MDK"
FAILURE_CATEGORY = "interaction failure"
WORKED = 1
FAILED = 0


class Level:
    """One interaction; those started inside it have levels of their own."""

    __slots__ = ("is_over", "nodes", "results", "start_clock", "started_s")

    def __init__(self, started_s: float, start_clock: Sequence[int] = ()) -> None:
        self.started_s = started_s
        """Wall clock."""
        self.start_clock = start_clock
        self.nodes: dict[Node, None] = {}
        """Resolved here, and neither failed nor finished yet, in order."""
        self.results: dict[str, int] = {}
        self.is_over = False

    def fail(self) -> list[Node]:
        """What was used so far has failed; what comes starts afresh."""
        return self._settle(FAILED)

    def finish(self) -> list[Node]:
        """What was used since the last failure has worked."""
        return self._settle(WORKED)

    def abandon(self) -> list[Node]:
        """Nothing is known of what was used since the last failure."""
        nodes, self.nodes = self.nodes, {}
        return list(nodes)

    def _settle(self, result: int) -> list[Node]:
        by_address = {node.address: node for node in self.nodes}
        self.nodes = {}
        for node in by_address.values():
            self.results[node.node_id or node.address] = result
        return list(by_address.values())


def failure_text(nodes: Sequence[Node], message: str) -> str:
    """What the log says of a failed interaction."""
    return f"involved: {', '.join(map(str, nodes))}\n\n{message}"


def interaction_event(
    level: Level,
    *,
    uuid: str,
    trace_id: str,
    node_id: str,
    environment: Environment,
    ended_s: float,
    end_clock: Sequence[int],
) -> messages.InteractionEvent:
    """The report of a finished interaction."""
    return messages.InteractionEvent(
        start_timestamp=int(level.started_s * 1000),
        end_timestamp=int(ended_s * 1000),
        environment=environment.message,
        uuid=uuid,
        session=trace_id,
        node=node_id,
        results=dict(level.results),
        start_clock=list(level.start_clock),
        end_clock=list(end_clock),
    )
