"""Where the states of a diagram stand: in layers from the start down, with edges between them.

Layers are distances from the start. Labels of an edge to the next layer stand in the gap between the two, to the right of it; all other edges (back,
and over more than one layer) run beside the diagram, each in a lane of its own. That is all that machines of a protocol need.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from mdkgen.documents.facts import END, Diagram, Edge

CHARACTER = 6.9
"""Width of a character of a label, with room for a wide font."""
LINE = 16
PAD = 14
HEAD = 30
GAP_X = 48
GAP_Y = 38
END_SIZE = 22
LANE = 20
LABEL_GAP = 9
"""From an edge to its label."""
BOX_WIDTH_MIN = 110
LABEL_MAX = 46
"""Characters of a line; the whole text is its title."""


@dataclass(frozen=True, slots=True)
class Box:
    """A state; the end has no name and no lines."""

    name: str
    lines: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Of its width."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Way:
    """An edge: points of a line, and where its label begins."""

    edge: Edge
    points: tuple[tuple[float, float], ...]
    label: tuple[float, float]


@dataclass(slots=True)
class Plan:
    """The whole picture."""

    width: float = 0
    height: float = 0
    boxes: list[Box] = field(default_factory=list[Box])
    ways: list[Way] = field(default_factory=list[Way])


def plan_of(diagram: Diagram) -> Plan:
    """Place everything."""
    layers = _layers(diagram)
    lines = dict(diagram.states)
    direct = _direct(diagram, layers)
    plan = Plan()
    y = float(GAP_Y)
    rows: list[list[Box]] = []
    for depth, names in enumerate(layers):
        boxes = [_box(name, lines.get(name, ()), y) for name in names]
        rows.append(_in_a_row(boxes, [_room(name, direct) for name in names]))
        taken = [len(one.labels) for one in direct if one.source in names]
        y += max(one.height for one in boxes) + GAP_Y + LINE * max(taken, default=0) * (depth < len(layers) - 1)
    inner = max(row[-1].x + row[-1].width for row in rows)
    plan.boxes = [_moved(box, (inner - row[-1].x - row[-1].width) / 2) for row in rows for box in row]
    plan.height = y - GAP_Y + 8
    _connect(plan, diagram, direct, inner)
    return plan


def _layers(diagram: Diagram) -> list[list[str]]:
    """Names by their distance from the start; the end is below all that leads to it."""
    distance = {diagram.start: 0}
    todo = deque([diagram.start])
    while todo:
        name = todo.popleft()
        for edge in diagram.edges:
            if edge.source == name and edge.target not in distance and edge.target != END:
                distance[edge.target] = distance[name] + 1
                todo.append(edge.target)
    deepest = max(distance.values())
    for name, _ in diagram.states:
        distance.setdefault(name, deepest + 1)
    layers: list[list[str]] = [[] for _ in range(max(distance.values()) + 1)]
    for name in distance:  # in the order in which edges lead there, so that these do not cross
        layers[distance[name]].append(name)
    if any(edge.target == END for edge in diagram.edges):
        layers.append([END])
    return layers


def _direct(diagram: Diagram, layers: list[list[str]]) -> list[Edge]:
    depth = {name: number for number, names in enumerate(layers) for name in names}
    return [edge for edge in diagram.edges if depth[edge.target] == depth[edge.source] + 1]


def _box(name: str, lines: tuple[str, ...], y: float) -> Box:
    if name == END:
        return Box(name, (), 0, y, END_SIZE, END_SIZE)
    width = max([BOX_WIDTH_MIN, _width(name) + 2 * PAD, *(_width(line) + 2 * PAD for line in lines)])
    height = HEAD + (LINE * len(lines) + PAD - 4 if lines else 0)
    return Box(name, lines, 0, y, width, height)


def _width(text: str) -> float:
    return min(len(text), LABEL_MAX) * CHARACTER


def _room(name: str, direct: list[Edge]) -> float:
    """What labels need beside the middle of a state, to the right."""
    return max(
        (LABEL_GAP + max(map(_width, one.labels)) for one in direct if name == _labelled(one, direct)), default=0.0
    )


def _labelled(edge: Edge, direct: list[Edge]) -> str:
    """The state by which the label of an edge stands: where no other edge to a next layer ends."""
    alone = sum(one.source == edge.source for one in direct) == 1
    return edge.source if alone else edge.target


def _in_a_row(boxes: list[Box], rooms: list[float]) -> list[Box]:
    x = 0.0
    made: list[Box] = []
    for box, room in zip(boxes, rooms, strict=True):
        made.append(_moved(box, x))
        x += box.width + max(GAP_X, room - box.width / 2 + 12)
    return made


def _moved(box: Box, by: float) -> Box:
    return Box(box.name, box.lines, box.x + by, box.y, box.width, box.height)


def _bent(
    x1: float, y1: float, x2: float, y2: float, target: Box, *, by_source: bool
) -> tuple[tuple[float, float], ...]:
    """Down, across and down again, away from the label; into the end from its side."""
    if abs(x1 - x2) < 1:
        return ((x1, y1), (x1, y2))
    if target.name == END:
        middle = target.y + target.height / 2
        return ((x1, y1), (x1, middle), (target.x if x1 < x2 else target.x + target.width, middle))
    across = y2 - 14 if by_source else y1 + 12
    return ((x1, y1), (x1, across), (x2, across), (x2, y2))


def _connect(plan: Plan, diagram: Diagram, direct: list[Edge], inner: float) -> None:
    at = {box.name: box for box in plan.boxes}
    lanes = 0
    right = inner
    for edge in diagram.edges:
        source, target = at[edge.source], at[edge.target]
        if edge in direct:
            out = [one for one in direct if one.source == edge.source]
            into = [one for one in direct if one.target == edge.target]
            x1 = source.x + source.width * (out.index(edge) + 1) / (len(out) + 1)
            x2 = (
                target.middle
                if target.name == END
                else target.x + target.width * (into.index(edge) + 1) / (len(into) + 1)
            )
            y1, y2 = source.y + source.height, target.y
            by_source = _labelled(edge, direct) == edge.source
            height = LINE * (len(edge.labels) - 1)
            below, above = y1 + 22, y2 - 14 - height
            label = (
                (x1 if by_source else x2) + LABEL_GAP,
                (y1 + y2 - height) / 2 + 4 if x1 == x2 else below if by_source else above,
            )
            plan.ways.append(Way(edge, _bent(x1, y1, x2, y2, target, by_source=by_source), label))
            right = max(right, label[0] + max(map(_width, edge.labels)))
    for edge in diagram.edges:
        if edge in direct:
            continue
        source, target = at[edge.source], at[edge.target]
        lanes += 1
        x = right + LANE
        y1 = source.y + min(HEAD / 2 + 6 * (lanes - 1), source.height - 6)
        y2 = target.y + min(HEAD / 2 + (8 if source is target else 0), target.height / 2)
        points = ((source.x + source.width, y1), (x, y1), (x, y2), (target.x + target.width, y2))
        plan.ways.append(Way(edge, points, (x + 6, (y1 + y2) / 2 + 4 - LINE * (len(edge.labels) - 1) / 2)))
        right = x + 6 + max(map(_width, edge.labels))
    plan.width = right + 8
