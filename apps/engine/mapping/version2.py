"""Mapping version 2: a tree of nodes. Paths are read from the root of the input at every depth.

The surprise: inside an array built from a path with mappings, the root is a composite, in which each list on that path
is replaced by its current element.
"""

from collections.abc import Iterator
from typing import Any

from apps.engine.context import RecordContext
from apps.engine.errors import DocumentError, MappingError
from apps.engine.mapping import members
from apps.engine.mapping.codegen import INLINED, Build, Call, Leaf, Place, ReadField, generate
from apps.engine.mapping.convert import CONVERTERS, is_empty, to_object
from apps.engine.mapping.lookups import Lookups
from apps.engine.mapping.sources import Read, Source, literal, parse_v2
from apps.engine.mapping.values import (
    bound,
    finisher,
    fresh,
    is_array,
    key_text,
    operation_fits,
    read_dates,
    read_default,
    read_when,
)
from apps.engine.paths import MISSING, STAR, Segment, elements

MAX_DEPTH = 30
MAX_ELEMENTS = 200_000
_WHEN = ("record_created", "record_updated", "extract_not_empty")


class Version2:
    """Compiles nodes; one a document, because it collects the lookups in use."""

    def __init__(self, lookups: Lookups) -> None:
        self.lookups = lookups

    def build(self, documents: Any, *, at: str, field: str = "", depth: int = 0) -> Build:
        """Raises DocumentError."""
        if depth > MAX_DEPTH:
            raise DocumentError(at, f"nodes nest at most {MAX_DEPTH} deep")
        places: dict[str, list[Place]] = {}
        for index, node in enumerate(members.objects(documents, at)):
            here = f"{at}[{index}]"
            if self.is_draft(node, here):
                continue
            name = members.text(node, "generate", here)
            if name is None:
                raise DocumentError(f"{here}.generate", "is required")
            how = self._node(node, at=here, field=members.join(field, name), depth=depth)
            places.setdefault(name, []).append(Place(name, how))
        return generate([held[0] if len(held) == 1 else _last_of(held) for held in places.values()])

    @staticmethod
    def is_draft(node: dict[str, Any], at: str) -> bool:
        if "status" not in node:
            raise DocumentError(f"{at}.status", "is required")
        return members.choice(node["status"], ("Active", "Draft"), f"{at}.status") == "Draft"

    def _node(self, node: dict[str, Any], *, at: str, field: str, depth: int) -> Leaf | Call:
        data_type = members.choice(node.get("dataType"), CONVERTERS, f"{at}.dataType")
        when = read_when(node, at, _WHEN)
        default = read_default(node, data_type, at)
        source = self._source(node, at=at, field=field)
        dates = read_dates(node, at, always=data_type == "date")
        plain = when in (None, "extract_not_empty") and dates is None and data_type in INLINED
        start = source.start(data_type) if plain and source else None
        if start and members.text(node, "lookupName", at) is None:
            skipped = when is not None
            return Leaf(start, data_type, field, default=MISSING if skipped else default)
        if data_type == "object" and node.get("mappings"):
            value = self._object(node, source, at=at, field=field, depth=depth)
        elif is_array(data_type) and node.get("buildArrayHelper"):
            value = self.array(node, data_type, at=at, field=field, depth=depth)
        else:
            finish = finisher(data_type, dates, field)
            value = self._looked_up(node, source, finish=finish, at=at, field=field)
        return Call(_ruled(value, when, default))

    def _source(self, node: dict[str, Any], *, at: str, field: str) -> Source | None:
        if "hardCodedValue" in node:
            return literal(node["hardCodedValue"])
        extract = members.text(node, "extract", at)
        if extract is None:
            return None
        return parse_v2(extract, at=f"{at}.extract", field=field, lookups=self.lookups)

    def _looked_up(self, node: dict[str, Any], source: Source | None, *, finish: Any, at: str, field: str) -> ReadField:
        """The value of a node that is neither built nor an array helper; MISSING when there is nothing."""
        read: Read = source.read if source else lambda root, context: MISSING
        exact = "hardCodedValue" in node
        name = members.text(node, "lookupName", at)
        if name is None:

            def value(root: Any, context: RecordContext) -> Any:
                found = read(root, context)
                if is_empty(found):
                    return Exactly(found) if exact else MISSING
                return finish(found, context)

            return value
        lookup = self.lookups.named(name, f"{at}.lookupName")
        ruled = read_when(node, at, _WHEN) == "extract_not_empty" or "default" in node

        def one(key: Any, root: Any, context: RecordContext) -> Any:
            return lookup.value(key_text(key), root, context, field=field)

        def looked_up(root: Any, context: RecordContext) -> Any:
            key = read(root, context)
            if lookup.needs_key and is_empty(key) and ruled:
                return MISSING
            found: Any
            if type(key) is list:
                found = [hit for item in key if (hit := one(item, root, context)) is not MISSING]
            else:
                found = one(key, root, context)
            if is_empty(found):
                return MISSING if found is MISSING else Exactly(found)
            return finish(found, context)

        return looked_up

    def _object(self, node: dict[str, Any], source: Source | None, *, at: str, field: str, depth: int) -> ReadField:
        """With an extract too, its copy first and the children over it."""
        build = self.build(node["mappings"], at=f"{at}.mappings", field=field, depth=depth + 1)
        convert = bound(to_object, field)

        def value(root: Any, context: RecordContext) -> Any:
            built = build(root, context)
            base = source.read(root, context) if source else None
            if not is_empty(base):
                built = {**convert(base), **built}
            return built or MISSING

        return value

    def array(self, node: dict[str, Any], data_type: str, *, at: str, field: str, depth: int) -> ReadField:
        here = f"{at}.buildArrayHelper"
        readers = [
            self._entry(entry, data_type, at=f"{here}[{index}]", field=field, depth=depth)
            for index, entry in enumerate(members.objects(node["buildArrayHelper"], here))
        ]

        def value(root: Any, context: RecordContext) -> Any:
            items: list[Any] = []
            for read in readers:
                items.extend(read(root, context))
            return items or MISSING

        return value

    def _entry(self, entry: dict[str, Any], data_type: str, *, at: str, field: str, depth: int) -> ReadField:
        source = self._source(entry, at=at, field=field)
        if not entry.get("mappings"):
            return _values(entry, source, data_type, at=at, field=field)
        element = self._element(entry, data_type, at=at, field=field, depth=depth + 1)
        if source is None:
            return lambda root, context: _made(element(root, context))
        if source.segments is None:
            raise DocumentError(f"{at}.extract", "must be a path when the entry has mappings")
        segments = source.segments

        def each(root: Any, context: RecordContext) -> list[Any]:
            items: list[Any] = []
            for composite in composites(root, segments):
                context.elements += 1
                if context.elements > MAX_ELEMENTS:
                    raise MappingError(field, f"a record builds at most {MAX_ELEMENTS:,} elements")
                items.extend(_made(element(composite, context)))
            return items

        return each

    def _element(self, entry: dict[str, Any], data_type: str, *, at: str, field: str, depth: int) -> ReadField:
        """What one entry with mappings makes: an object, or for a list of lists its unnamed inner list."""
        if data_type == "objectarray":
            return self.build(entry["mappings"], at=f"{at}.mappings", field=field, depth=depth)
        if data_type != "arrayarray":
            raise DocumentError(f"{at}.mappings", f"an entry of a {data_type} has an extract only")
        if depth > MAX_DEPTH:
            raise DocumentError(at, f"nodes nest at most {MAX_DEPTH} deep")
        nodes = members.objects(entry["mappings"], f"{at}.mappings")
        active = [(i, n) for i, n in enumerate(nodes) if not self.is_draft(n, f"{at}.mappings[{i}]")]
        if not active:
            return lambda root, context: MISSING
        if len(active) > 1 or not is_array(active[0][1].get("dataType")):
            raise DocumentError(f"{at}.mappings", "a list of lists holds one unnamed array")
        index, node = active[0]
        inner = self._node(node, at=f"{at}.mappings[{index}]", field=field, depth=depth)
        if isinstance(inner, Leaf):
            raise TypeError("an array is never a plain scalar")
        return inner.read


class Exactly:
    """A value that the empty rule must not touch: a literal null or blank, or what a lookup gave."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _ruled(read: ReadField, when: str | None, default: Any) -> ReadField:
    """The empty rule and `conditional.when` around a node's value."""
    fallback = MISSING if when == "extract_not_empty" else default

    def ruled(root: Any, context: RecordContext) -> Any:
        if not operation_fits(when, context):
            return fresh(default)
        found = read(root, context)
        if found is MISSING:
            return fresh(fallback)
        return found.value if type(found) is Exactly else found

    return ruled


def _last_of(places: list[Place]) -> Place:
    """Two nodes of one name: the later one that is not empty wins."""
    name = places[0].name
    builds = [generate([place]) for place in places]

    def read(root: Any, context: RecordContext) -> Any:
        chosen: Any = MISSING
        for build in builds:
            found = build(root, context).get(name, MISSING)
            if found is not MISSING and (chosen is MISSING or not is_empty(found)):
                chosen = found
        return chosen

    return Place(name, Call(read))


def _values(entry: dict[str, Any], source: Source | None, data_type: str, *, at: str, field: str) -> ReadField:
    """An entry with only an extract: its value, or each element of its list."""
    when = read_when(entry, at, ("extract_not_empty",))
    default = MISSING if when else read_default(entry, data_type, at)
    convert = bound(CONVERTERS[data_type], field)
    if source is None:
        return lambda root, context: _listed(fresh(default))

    def values(root: Any, context: RecordContext) -> list[Any]:
        found = source.read(root, context)
        if is_empty(found):
            return _listed(fresh(default))
        converted: list[Any] = convert(found)
        return converted

    return values


def _listed(default: Any) -> list[Any]:
    if default is MISSING:
        return []
    return default if type(default) is list else [default]


def _made(element: Any) -> list[Any]:
    """Elements without children are left out."""
    return [] if element is MISSING or not element else [element]


def composites(root: Any, segments: tuple[Segment, ...], *, starred: bool = False) -> Iterator[Any]:
    """Copies of the root, one an element, in which each list on the path is its current element."""
    if type(root) is list and not starred:
        if segments and type(segments[0]) is int:
            if segments[0] < len(root):
                yield from composites(root[segments[0]], segments[1:], starred=True)
            return
        rest = segments[1:] if segments and segments[0] is STAR else segments
        for item in root:
            yield from composites(item, rest, starred=True)
        return
    if not segments:
        if root is not None:
            yield root
        return
    if segments[0] is STAR:
        for item in elements(root):
            yield from composites(item, segments[1:], starred=True)
    elif type(root) is dict and segments[0] in root:
        name = str(segments[0])
        for replaced in composites(root[name], segments[1:]):
            copy = dict(root)
            copy[name] = replaced
            yield copy
