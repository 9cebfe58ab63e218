"""The schemas that one JSON Schema consists of, and how the validator comes from one to the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

from apps.engine.errors import DocumentError

MAX_SCHEMAS = 20_000
MAX_PATTERNS = 1_000
PATTERN_SIZE = 100_000
_UNEVALUATED = 3  # `unevaluated…` asks everything beside it again
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_BESIDE = ("not", "if", "then", "else")
_BESIDE_LISTS = ("allOf", "anyOf", "oneOf")
_BESIDE_NAMED = ("dependentSchemas", "dependencies")
_OF_MEMBERS = ("additionalProperties", "unevaluatedProperties")
_OF_ITEMS = ("items", "additionalItems", "unevaluatedItems", "contains")
_TEXTS = frozenset({"pattern", "patternProperties", "format", "contentEncoding", "contentMediaType"})


class SchemaError(DocumentError):
    """The schema itself is wrong, refers to something outside itself, or asks for too much work."""


@dataclass(slots=True)
class Node:
    """One schema as a place of the graph; lists hold the numbers of other nodes."""

    path: str
    weight: int = 1
    lookarounds: int = 0
    name_lookarounds: int = 0
    factor: int = 1
    beside: list[int] = field(default_factory=list)
    named: list[int] = field(default_factory=list)  # a member meets one of these
    positioned: list[int] = field(default_factory=list)
    every: list[int] = field(default_factory=list)  # a member meets all of these
    every_item: list[int] = field(default_factory=list)
    names: list[int] = field(default_factory=list)
    each: int = 0  # units for every member by itself


class Graph:
    """All schemas that are reached from the root, found as the validator finds them."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.nodes: list[Node] = []
        self.explains = self.reads_text = False
        self._root = root
        self._numbers: dict[int, int] = {}
        self._waiting: list[Mapping[str, Any]] = []
        self._bases: dict[int, Mapping[str, Any]] = {}
        self._anchors: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        self._patterns = 0
        self._survey()
        self._number(root, "")
        for index, schema in enumerate(self._waiting):
            self._read(self.nodes[index], schema)

    def _survey(self) -> None:
        """Where each schema's references begin, and what anchors there are."""
        waiting: list[tuple[Any, Mapping[str, Any]]] = [(self._root, self._root)]
        while waiting:
            value, base = waiting.pop()
            if isinstance(value, list):
                waiting.extend((inner, base) for inner in value)
            if not isinstance(value, dict):
                continue
            for keyword in ("$id", "id", "$anchor", "$dynamicAnchor"):
                name = value.get(keyword)
                if not isinstance(name, str):
                    continue
                if keyword.endswith("nchor"):
                    self._anchors[name].append(value)
                elif name.startswith("#"):
                    self._anchors[name[1:]].append(value)
                else:
                    base = value
            self._bases[id(value)] = base
            waiting.extend((inner, base) for inner in value.values())

    def _number(self, schema: Any, path: str) -> list[int]:
        if not isinstance(schema, dict):
            return []
        known = self._numbers.get(id(schema))
        if known is None:
            known = self._numbers[id(schema)] = len(self.nodes)
            if known == MAX_SCHEMAS:
                raise SchemaError("", f"holds more than {MAX_SCHEMAS} schemas")
            self.nodes.append(Node(path))
            self._waiting.append(schema)
        return [known]

    def _read(self, node: Node, schema: Mapping[str, Any]) -> None:
        for keyword in _REFERENCES:
            if isinstance(reference := schema.get(keyword), str):
                node.beside += self._found(schema, keyword, reference, _join(node.path, keyword))
        node.beside += self._one(node, schema, *_BESIDE)
        node.beside += self._listed(node, schema, *_BESIDE_LISTS)
        node.beside += self._by_name(node, schema, *_BESIDE_NAMED)
        node.named += self._by_name(node, schema, "properties")
        node.every += self._by_name(node, schema, "patternProperties") + self._one(node, schema, *_OF_MEMBERS)
        node.positioned += self._listed(node, schema, "prefixItems", "items")
        node.every_item += self._one(node, schema, *_OF_ITEMS)
        node.names += self._one(node, schema, "propertyNames")
        self._weigh(node, schema)

    def _weigh(self, node: Node, schema: Mapping[str, Any]) -> None:
        if "unevaluatedProperties" in schema or "unevaluatedItems" in schema:
            node.factor = _UNEVALUATED
        self.explains = self.explains or "anyOf" in schema or "oneOf" in schema
        self.reads_text = self.reads_text or not _TEXTS.isdisjoint(schema)
        choices = schema.get("enum")
        if isinstance(choices, list) and not all(isinstance(choice, str) for choice in choices):
            node.weight += _size(choices)
        node.weight += _size(schema.get("const")) + _size(schema.get("required"))
        node.weight += sum(_size(schema.get(keyword)) for keyword in ("dependentRequired", "dependencies"))
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            node.weight += 4
            node.lookarounds = self._looks_around(pattern)
        patterns = schema.get("patternProperties")
        for pattern in patterns if isinstance(patterns, dict) else ():
            node.each += 4
            node.name_lookarounds += self._looks_around(pattern)

    def _looks_around(self, pattern: str) -> int:
        self._patterns += 1
        if self._patterns > MAX_PATTERNS:
            raise SchemaError("", f"holds more than {MAX_PATTERNS} patterns")
        return int(looks_around(pattern))

    def _one(self, node: Node, schema: Mapping[str, Any], *keywords: str) -> list[int]:
        return [n for word in keywords for n in self._number(schema.get(word), _join(node.path, word))]

    def _listed(self, node: Node, schema: Mapping[str, Any], *keywords: str) -> list[int]:
        return [
            number
            for word in keywords
            if isinstance(listed := schema.get(word), list)
            for index, inner in enumerate(listed)
            for number in self._number(inner, f"{_join(node.path, word)}[{index}]")
        ]

    def _by_name(self, node: Node, schema: Mapping[str, Any], *keywords: str) -> list[int]:
        return [
            number
            for word in keywords
            if isinstance(named := schema.get(word), dict)
            for name, inner in named.items()
            for number in self._number(inner, f"{_join(node.path, word)}.{name}")
        ]

    def _found(self, schema: Mapping[str, Any], keyword: str, reference: str, at: str) -> list[int]:
        """What a reference may mean: several where dynamic scope decides, which costs at most all of them."""
        if not reference.startswith("#"):
            raise SchemaError(at, f"'{reference[:200]}' is outside this schema; only '#…' is followed")
        begins = {id(base): base for base in (self._root, self._bases[id(schema)])}
        found: dict[int, Any] = {}
        for spelling in {reference[1:], unquote(reference[1:])}:
            targets: list[Any] = list(self._anchors.get(spelling, ()))
            if spelling.startswith("/") or not spelling:
                targets += [target for base in begins.values() for target in _pointed(base, spelling)]
            if keyword == "$recursiveRef":
                targets += [self._root, *begins.values()]
            found.update((id(target), target) for target in targets)
        if not found:
            raise SchemaError(at, f"'{reference[:200]}' is not found in this schema")
        return [number for target in found.values() for number in self._number(target, _shown(reference))]


def _pointed(base: Any, pointer: str) -> Iterator[Any]:
    value = base
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isascii() and name.isdigit() and len(name) < 9 and int(name) < len(value):
            value = value[int(name)]
        else:
            return
    yield value


def _shown(reference: str) -> str:
    return ".".join(part for part in reference[1:200].split("/") if part)


def _size(value: Any) -> int:
    """The values in a value."""
    if value is None:
        return 0
    size, waiting = 0, [value]
    while waiting:
        inner = waiting.pop()
        size += 1
        if isinstance(inner, dict):
            waiting.extend(inner.values())
        elif isinstance(inner, list):
            waiting.extend(inner)
    return size


@lru_cache(maxsize=4096)
def looks_around(pattern: str) -> bool:
    """Whether a pattern needs backtracking; the others are matched in time linear to the text."""
    try:
        jsonschema_rs.Draft202012Validator(
            {"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions(size_limit=PATTERN_SIZE)
        )
    except (jsonschema_rs.ValidationError, ValueError):
        return True
    return False


def _join(path: str, member: str) -> str:
    return f"{path}.{member}" if path else member


def beside_first(nodes: list[Node]) -> list[int]:
    """Every node after those that meet the same value through it; SchemaError where that goes in a circle."""
    order: list[int] = []
    state = [0] * len(nodes)  # 1: begun, 2: done
    for start in range(len(nodes)):
        stack = [start] if not state[start] else []
        while stack:
            index = stack[-1]
            if state[index] == 0:
                state[index] = 1
                for inner in nodes[index].beside:
                    if state[inner] == 1:
                        raise SchemaError(
                            nodes[index].path, "refers to itself without going into a member or an item of the value"
                        )
                    if state[inner] == 0:
                        stack.append(inner)
            else:
                stack.pop()
                if state[index] == 1:
                    state[index] = 2
                    order.append(index)
    return order
