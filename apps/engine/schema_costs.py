"""How much work a JSON Schema makes, told from its graph of references before any value is checked against it.

The validator walks every path through the references anew, so a small schema can ask for 2³⁰ visits of one value, or
double them with each level of a value. One unit here is one such visit, about 15 ns; a message for it costs 90 µs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.engine.schema_graph import Graph, Node, SchemaError, beside_first

MAX_EXPANSION = 100_000  # units on one single value, whatever it is
MAX_WORK = 20_000_000  # units on a whole value
BACKTRACKING = 10_000
_LEVELS = 256
_UPDATES = 2_000_000
_LOOKAROUND = 2_000  # units that a pattern may cost on a short text where it cannot be matched in linear time
_CHARACTERS = 64  # are read in one unit


@dataclass(frozen=True, slots=True)
class Levels:
    """How often at most something is done on any one value, by level; the last count holds below as well."""

    counts: tuple[int, ...]
    settled: bool = True

    def at(self, level: int) -> int:
        if level < len(self.counts):
            return self.counts[level]
        return self.counts[-1] if self.settled else MAX_WORK + 1


@dataclass(frozen=True, slots=True)
class Cost:
    """`explains`: has alternatives, whose messages grow with the visits and not with the problems alone."""

    units: Levels
    lookarounds: Levels | None = None
    names: bool = False  # whether patterns with lookaround read members' names
    explains: bool = False
    reads_text: bool = False

    def of(self, value: Any) -> int:
        """Units at most; counting ends soon above MAX_WORK."""
        total = 0
        for depth, level in enumerate(_by_level(value)):
            each = self.units.at(depth)
            total += each * len(level)
            if self.reads_text and each:
                total += each * sum(len(item) // _CHARACTERS for item in level if type(item) is str)
            if total > MAX_WORK:
                break
        return total

    def of_lookaround(self, value: Any) -> tuple[int, int]:
        """Units that patterns with lookaround may cost: (at least, and above that where they read texts repeatedly)."""
        fixed = repeated = 0
        evaluations = self.lookarounds or Levels((0,))
        for depth, level in enumerate(_by_level(value)):
            each, below = evaluations.at(depth), evaluations.at(depth + 1)
            if each:
                texts = [item for item in level if isinstance(item, str)]
                fixed += each * _LOOKAROUND * len(texts)
                repeated += each * sum(map(_rescanned, texts))
            if self.names and below:
                names = [name for item in level if isinstance(item, dict) for name in item]
                fixed += below * sum(_LOOKAROUND + _rescanned(name) for name in names)
            if fixed > MAX_WORK:
                break
        return fixed, repeated


def _by_level(value: Any) -> Iterator[list[Any]]:
    level = [value]
    while level:
        yield level
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list | tuple):
                below.extend(item)
        level = below


def _rescanned(text: object) -> int:
    size = len(text) if isinstance(text, str) else 0
    return size * min(size, BACKTRACKING) // 16


def cost_of(schema: Mapping[str, Any] | bool) -> Cost:
    """Raises SchemaError for a schema that no value can be checked against within bounds."""
    if isinstance(schema, bool):
        return Cost(Levels((1,)))
    graph = Graph(schema)
    nodes = graph.nodes
    order = beside_first(nodes)
    own = _on_one(nodes, order, [node.weight for node in nodes])
    for index in order:
        if own[index] > MAX_EXPANSION:
            raise SchemaError(
                nodes[index].path,
                f"its references multiply: one value would be checked more than {MAX_EXPANSION} times",
            )
    return Cost(
        units=_levels(nodes, order, own, [node.each for node in nodes]),
        lookarounds=_lookarounds(nodes, order),
        names=any(node.name_lookarounds for node in nodes),
        explains=graph.explains,
        reads_text=graph.reads_text,
    )


def _lookarounds(nodes: list[Node], order: list[int]) -> Levels | None:
    if not any(node.lookarounds or node.name_lookarounds for node in nodes):
        return None
    own = _on_one(nodes, order, [node.lookarounds for node in nodes])
    return _levels(nodes, order, own, [node.name_lookarounds for node in nodes])


def _on_one(nodes: list[Node], order: list[int], weights: list[int]) -> list[int]:
    """How much each schema does on the value itself."""
    units = [0] * len(nodes)
    for index in order:
        beside = sum(units[inner] for inner in nodes[index].beside)
        units[index] = min(MAX_WORK, weights[index] + nodes[index].factor * beside)
    return units


def _levels(nodes: list[Node], order: list[int], own: list[int], each: list[int]) -> Levels:
    """How much the root does by level of the value, until that changes no more. `each`: for a member, besides."""
    levels = [own[0]]
    above = own
    while len(levels) < _LEVELS and len(levels) * len(nodes) < _UPDATES:
        units = [0] * len(nodes)
        for index in order:
            node = nodes[index]
            members = max((above[inner] for inner in node.named), default=0) + sum(above[i] for i in node.every)
            items = max((above[inner] for inner in node.positioned), default=0)
            items += sum(above[inner] for inner in node.every_item)
            below = max(members, items) + each[index] + sum(own[inner] for inner in node.names)
            if node.factor > 1:
                below += own[index]
            below += node.factor * sum(units[inner] for inner in node.beside)
            units[index] = min(MAX_WORK + 1, max(above[index], below))
        if units == above:
            return Levels(tuple(levels))
        levels.append(units[0])
        above = units
    return Levels(tuple(levels), settled=False)
