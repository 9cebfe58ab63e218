"""Draws boxes and arrows as SVG, from left to right: a layered layout of our own, a pure function of its input.

The surprise: an arrow that closes a circle is drawn, but has no say in where boxes stand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 196, 68
GAP_X, GAP_Y, MARGIN = 64, 22, 12
LABEL_LENGTH = 24


@dataclass(frozen=True)
class Counts:
    success: int = 0
    error: int = 0
    ignore: int = 0


@dataclass(frozen=True)
class Node:
    """`look` is export, lookup, import or router."""

    id: str
    label: str
    look: str
    counts: Counts | None = None
    url: str = ""


@dataclass(frozen=True)
class Edge:
    source: str
    target: str
    label: str = ""


@dataclass(frozen=True)
class Place:
    x: int
    y: int


def draw(nodes: Sequence[Node], edges: Sequence[Edge], *, title: str) -> str:
    """An SVG element. Every text of it is escaped."""
    places = layout(nodes, edges)
    width = max((place.x + WIDTH for place in places.values()), default=0) + MARGIN
    height = max((place.y + HEIGHT for place in places.values()), default=0) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}"><title>{escape(title)}</title>'
    ]
    parts += [draw_edge(edge, places) for edge in edges if edge.source in places and edge.target in places]
    parts += [draw_node(node, places[node.id]) for node in nodes]
    return "".join([*parts, "</svg>"])


def layout(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[str, Place]:
    """A box stands one column right of the last of those that lead to it; columns are centred."""
    columns: dict[int, list[str]] = {}
    for name, column in layers(nodes, edges).items():
        columns.setdefault(column, []).append(name)
    tallest = max((len(names) for names in columns.values()), default=0)
    places: dict[str, Place] = {}
    for column in sorted(columns):
        names = columns[column]
        names.sort(key=lambda name: mean_height(name, edges, places))
        top = MARGIN + (tallest - len(names)) * (HEIGHT + GAP_Y) // 2
        for row, name in enumerate(names):
            places[name] = Place(MARGIN + column * (WIDTH + GAP_X), top + row * (HEIGHT + GAP_Y))
    return places


def layers(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[str, int]:
    """{node: column}, by the longest way from a node that nothing leads to."""
    known = {node.id for node in nodes}
    before: dict[str, list[str]] = {node.id: [] for node in nodes}
    for edge in edges:
        if edge.source in known and edge.target in known:
            before[edge.target].append(edge.source)
    found: dict[str, int] = {}
    for node in nodes:
        settle(node.id, before, found)
    return {node.id: found[node.id] for node in nodes}


def settle(start: str, before: dict[str, list[str]], found: dict[str, int]) -> None:
    """Depth first without recursion: a flow may be a thousand steps long."""
    stack, on_way = [start], set()
    while stack:
        name = stack[-1]
        on_way.add(name)
        unsettled = [b for b in before[name] if b not in found and b not in on_way]
        if name not in found and unsettled:
            stack.append(unsettled[0])
            continue
        if name not in found:
            found[name] = max((found[b] + 1 for b in before[name] if b in found), default=0)
        on_way.discard(name)
        stack.pop()


def mean_height(name: str, edges: Sequence[Edge], places: dict[str, Place]) -> float:
    heights = [places[edge.source].y for edge in edges if edge.target == name and edge.source in places]
    return sum(heights) / len(heights) if heights else 0.0


def draw_edge(edge: Edge, places: dict[str, Place]) -> str:
    a, b = places[edge.source], places[edge.target]
    x1, y1, x2, y2 = a.x + WIDTH, a.y + HEIGHT // 2, b.x, b.y + HEIGHT // 2
    bend = max((x2 - x1) // 2, GAP_X // 2)
    path = f'<path class="jn-edge" d="M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2 - 6} {y2}"/>'
    head = f'<path class="jn-edge" d="M{x2 - 11} {y2 - 5} L{x2 - 4} {y2} L{x2 - 11} {y2 + 5}"/>'
    label = ""
    if edge.label:
        x, y = (x1 + x2) // 2, (y1 + y2) // 2 - 6
        label = f'<text class="jn-edge-label" x="{x}" y="{y}" text-anchor="middle">{shorten(edge.label, 12)}</text>'
    return path + head + label


def draw_node(node: Node, place: Place) -> str:
    bad = bool(node.counts and node.counts.error)
    classes = f"jn-node jn-node-{escape(node.look)}{' jn-node-bad' if bad else ''}"
    x, y = place.x, place.y
    body = (
        f'<g class="{classes}"><title>{escape(node.label)}</title>'
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="7"/>'
        f'<text class="jn-kind" x="{x + 12}" y="{y + 18}">{escape(node.look)}</text>'
        f'<text x="{x + 12}" y="{y + 36}">{shorten(node.label, LABEL_LENGTH)}</text>'
        f"{draw_counts(node.counts, x=x + 12, y=y + 56)}</g>"
    )
    return f'<a href="{escape(node.url)}">{body}</a>' if node.url else body


def draw_counts(counts: Counts | None, *, x: int, y: int) -> str:
    if counts is None:
        return ""
    if not (counts.success or counts.error or counts.ignore):
        return f'<text class="jn-counts jn-ignored" x="{x}" y="{y}">no records</text>'
    words = [f'<tspan class="jn-good">{counts.success:,} ok</tspan>']
    if counts.error:
        words.append(f'<tspan class="jn-failed" dx="8">{counts.error:,} failed</tspan>')
    if counts.ignore:
        words.append(f'<tspan class="jn-ignored" dx="8">{counts.ignore:,} ignored</tspan>')
    return f'<text class="jn-counts" x="{x}" y="{y}">{"".join(words)}</text>'


def shorten(text: str, length: int) -> str:
    return escape(text if len(text) <= length else f"{text[: length - 1]}…")
