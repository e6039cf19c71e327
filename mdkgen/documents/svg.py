"""State and sequence diagrams as SVG. Colours and fonts are the page's: elements have classes, and no style of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from mdkgen.documents.facts import END, Diagram
from mdkgen.documents.layout import END_SIZE, HEAD, LABEL_MAX, LINE, PAD, Box, Way, plan_of
from mdkgen.scenarios.played import Drawn, Played

STEP = 22
"""From one thing that happens to the next."""
ARROW = 16
"""Room over an arrow for its message."""
SIDE = 292
"""Room beside a lifeline, for what its application does."""
MIDDLE = 330
SIDE_MAX, MIDDLE_MAX = 37, 46
"""Characters beside a lifeline, and over an arrow; the whole text is its title."""


def state_diagram(diagram: Diagram, title: str) -> str:
    """A machine."""
    plan = plan_of(diagram)
    start = next(box for box in plan.boxes if box.name == diagram.start)
    rows = [_svg("states", plan.width, plan.height, title)]
    rows.append(f'<circle class="dot" cx="{start.middle:.1f}" cy="8" r="5"/>')
    rows.append(_line([(start.middle, 13), (start.middle, start.y)]))
    rows += [_line(way.points) for way in plan.ways]
    rows += [row for box in plan.boxes for row in _box(box)]
    rows += [row for way in plan.ways for row in _labels(way)]
    return "".join([*rows, "</svg>"])


def _svg(kind: str, width: float, height: float, title: str) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return f'<svg class="{kind}" role="img" aria-label="{escape(title)}" {size}>'


def _line(points: Sequence[tuple[float, float]]) -> str:
    corners = list(points)
    path = f"M{corners[0][0]:.1f} {corners[0][1]:.1f}" + "".join(f"L{x:.1f} {y:.1f}" for x, y in corners[1:])
    (x0, y0), (x, y) = corners[-2:]
    dx, dy = x - x0, y - y0
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    ux, uy = dx / length, dy / length
    left, right = (x - 7 * ux - 4 * uy, y - 7 * uy + 4 * ux), (x - 7 * ux + 4 * uy, y - 7 * uy - 4 * ux)
    head = f"M{x:.1f} {y:.1f}L{left[0]:.1f} {left[1]:.1f}L{right[0]:.1f} {right[1]:.1f}Z"
    return f'<path class="edge" d="{path}"/><path class="head" d="{head}"/>'


def _box(box: Box) -> Iterator[str]:
    if box.name == END:
        middle = box.y + END_SIZE / 2
        yield f'<circle class="end" cx="{box.middle:.1f}" cy="{middle:.1f}" r="{END_SIZE / 2 - 1}"/><circle class="dot" cx="{box.middle:.1f}" cy="{middle:.1f}" r="5"/>'
        return
    yield f'<rect class="state" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="8"/>'
    yield _text(box.middle, box.y + 20, box.name, "name", "middle")
    if box.lines:
        yield f'<path class="rule" d="M{box.x:.1f} {box.y + HEAD:.1f}h{box.width:.1f}"/>'
    for number, line in enumerate(box.lines):
        yield _text(box.x + PAD, box.y + HEAD + 17 + LINE * number, line, "inside")


def _labels(way: Way) -> Iterator[str]:
    x, y = way.label
    for number, line in enumerate(way.edge.labels):
        yield _text(x, y + LINE * number, line, "label")


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start", longest: int = LABEL_MAX) -> str:
    shown, title = text, ""
    if len(text) > longest:
        shown, title = text[: longest - 1] + "…", f"<title>{escape(text)}</title>"
    where = f'class="{kind}" x="{x:.1f}" y="{y:.1f}"' + (f' text-anchor="{anchor}"' if anchor != "start" else "")
    return f"<text {where}>{title}{escape(shown)}</text>"


# --- sequences ------------------------------------------------------------------------------------


def sequence_diagram(played: Played) -> str:
    """A scenario: messages between two lifelines, what the applications do beside them."""
    left, right, width = SIDE, SIDE + MIDDLE, 2 * SIDE + MIDDLE
    lines: dict[str, int] = dict(zip(played.roles, (left, right), strict=True))
    rows: list[str] = []
    y = 56.0
    for one in played.drawn:
        y += ARROW if one.kind == "arrive" else 4
        height, made = _drawn(one, lines, y)
        rows += made
        y += height
    head = [_svg("sequence", width, y + 8, played.scenario.name)]
    for role, x in lines.items():
        head.append(
            f'<path class="life" d="M{x} 38V{y:.0f}"/><rect class="state" x="{x - 60}" y="8" width="120" height="30" rx="8"/>'
        )
        head.append(_text(x, 28, role, "name", "middle"))
    return "".join([*head, *rows, "</svg>"])


def _drawn(one: Drawn, lines: dict[str, int], y: float) -> tuple[float, list[str]]:
    if one.kind == "arrive":
        x1, x2 = lines[one.role], lines[one.to]
        middle = (x1 + x2) / 2
        detail = [_text(middle, y + 14, one.detail, "detail", "middle", MIDDLE_MAX)] if one.detail else []
        return STEP + (12 if one.detail else 0), [
            _text(middle, y - 6, one.text, "message", "middle"),
            _line([(x1, y), (x2, y)]),
            *detail,
        ]
    if one.role:
        x = lines[one.role]
        first = x == min(lines.values())
        near, far = (x - 8, x - 26) if first else (x + 8, x + 26)
        anchor = "end" if first else "start"
        if one.kind == "state":
            return STEP, [
                f'<circle class="dot" cx="{x}" cy="{y:.0f}" r="4"/>',
                _text(near, y + 4, f"in {one.text}", "inside", anchor),
            ]
        ends = [(far, y), (near + (7 if first else -7), y)]
        kind = "label" if one.kind == "call" else "told"
        text = _text(far + (-6 if first else 6), y + 4, one.text, kind, anchor, SIDE_MAX)
        return STEP, [_line(ends if one.kind == "call" else ends[::-1]), text]
    (x1, x2), kind = sorted(lines.values()), "time" if one.kind == "time" else "link"
    middle, half = (x1 + x2) / 2, len(one.text) * 3.6 + 12
    rule = f"M{x1 - 40} {y:.0f}H{middle - half:.0f}M{middle + half:.0f} {y:.0f}H{x2 + 40}"
    return STEP + 6, [f'<path class="{kind}" d="{rule}"/>', _text(middle, y + 4, one.text, f"{kind}-text", "middle")]
