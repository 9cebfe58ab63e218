"""Paths into JSON: compiled once to closures that never raise on data; what is not there is MISSING.

Dialects: `dot` (`a.b`, `a[0].b`, `a[*].b`, `[Odd Name]`, `*.x`; also Rely's `tags['env']`), `json` (`$.a.b[0]`),
`slash` (`relations/teams/value`, and `/Xml/Path`). The surprise: a path with `*` gives a list, one value an element
that has one, and `*` on what is no list takes it as its single element.
"""

import re
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Any, Final, Literal

from apps.engine.errors import DocumentError
from apps.engine.placeholders import Placeholder


class _Missing(Enum):
    MISSING = "missing"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"


class _Star(Enum):
    STAR = "*"


MISSING: Final = _Missing.MISSING
STAR: Final = _Star.STAR

Dialect = Literal["dot", "json", "slash"]
Segment = str | int | Literal[_Star.STAR]
Getter = Callable[[Any], Any]
Setter = Callable[[dict[str, Any], Any], None]

MAX_PATH = 1000
MAX_INDEX = 9_999

_BRACKET = re.compile(r"""\[(?:(\*)|(\d+)|'([^']*)'|"([^"]*)"|([^\[\]'"?][^\[\]]*))\]""")
_BARE = re.compile(r"[^.\[\]]+")


class PathError(DocumentError):
    """The text is no path."""

    def __init__(self, reason: str) -> None:
        super().__init__("", reason)


@lru_cache(maxsize=8192)
def parse_path(text: str, dialect: Dialect = "dot") -> tuple[Segment, ...]:
    """Raises PathError. `$` is the empty tuple: the whole record."""
    if len(text) > MAX_PATH:
        raise PathError(f"a path has at most {MAX_PATH} characters")
    if dialect == "slash":
        segments: tuple[Segment, ...] = tuple(STAR if part == "*" else part for part in text.strip("/").split("/"))
        if not all(segments):
            raise PathError(f"not a path: {text!r}")
        return segments
    if dialect == "json":
        if not text.startswith("$"):
            raise PathError(f"a JSON path begins with $: {text!r}")
        return tuple(_segments(text, 1))
    if not text:
        raise PathError("a path is not empty")
    return tuple(_segments(text, 0))


def _segments(text: str, position: int) -> list[Segment]:
    segments: list[Segment] = []
    while position < len(text):
        if text[position] == ".":
            position += 1
        elif text[position] != "[" and position:
            raise PathError(f"not a path at character {position + 1}: {text!r}")
        if position < len(text) and text[position] == "[":
            found = _BRACKET.match(text, position)
            if not found:
                raise PathError(f"not a path at character {position + 1}: {text!r}")
            segments.append(_bracket(found, text))
        else:
            found = _BARE.match(text, position)
            if not found:
                raise PathError(f"not a path at character {position + 1}: {text!r}")
            segments.append(STAR if found[0] == "*" else found[0])
        position = found.end()
    return segments


def _bracket(found: re.Match[str], text: str) -> Segment:
    if found[1]:
        return STAR
    if found[2]:
        if len(found[2]) > len(str(MAX_INDEX)) or int(found[2]) > MAX_INDEX:
            raise PathError(f"an index is at most {MAX_INDEX}: {text!r}")
        return int(found[2])
    return next(part for part in found.groups()[2:] if part is not None)


@lru_cache(maxsize=8192)
def compile_getter(path: str, dialect: Dialect = "dot") -> Getter:
    return getter(parse_path(path, dialect))


def getter(segments: tuple[Segment, ...]) -> Getter:
    """The closure for parsed segments; one and two plain keys are worth their own."""
    if not segments:
        return lambda record: record
    if len(segments) == 1 and isinstance(segments[0], str):
        key = segments[0]

        def get_one(record: Any) -> Any:
            return record.get(key, MISSING) if type(record) is dict else _step(record, key)

        return get_one
    if STAR in segments:
        return lambda record: _collect(record, segments)
    return lambda record: _walk(record, segments)


def _step(value: Any, segment: Segment) -> Any:
    if type(value) is dict:
        return value.get(segment if type(segment) is str else str(segment), MISSING)
    if type(value) is list:
        # `data.0.x` is the old spelling of `data[0].x`.
        if type(segment) is str and segment.isascii() and segment.isdigit() and len(segment) < 10:
            segment = int(segment)
        if type(segment) is int and segment < len(value):
            return value[segment]
    return value[str(segment)] if isinstance(value, Placeholder) else MISSING


def _walk(value: Any, segments: tuple[Segment, ...]) -> Any:
    for segment in segments:
        value = _step(value, segment)
        if value is MISSING:
            return MISSING
    return value


def _collect(value: Any, segments: tuple[Segment, ...]) -> Any:
    values = [value]
    starred = False
    for segment in segments:
        if segment is STAR:
            starred = True
            values = [item for held in values for item in elements(held)]
        else:
            values = [found for held in values if (found := _step(held, segment)) is not MISSING]
        if not values:
            break
    return values if starred or values else MISSING


def aligned_getter(segments: tuple[Segment, ...]) -> Getter:
    """One entry for each element of the first `[*]`, MISSING where it has no value: indexes keep their meaning."""
    star = segments.index(STAR)
    find, rest = getter(segments[:star]), getter(segments[star + 1 :])
    return lambda record: [rest(item) for item in elements(find(record))]


def elements(value: Any) -> list[Any]:
    """What `[*]` walks over: the list, or the one thing that stands in its place; nothing for null and missing."""
    if type(value) is list:
        return value
    return [] if value is None or value is MISSING else [value]


@lru_cache(maxsize=8192)
def compile_setter(path: str, dialect: Dialect = "dot") -> Setter:
    """`set(target, value)` changes only the target's own top level; containers below are copied on the way down.

    `a[*].b` lays a list over the elements by index; any other value goes to every element there is.
    """
    segments = parse_path(path, dialect)
    if not segments or not isinstance(segments[0], str):
        raise PathError(f"a name comes first: {path!r}")
    first, rest = segments[0], segments[1:]
    if not rest:
        return lambda target, value: target.__setitem__(first, value)
    return lambda target, value: target.__setitem__(first, placed(target.get(first), rest, value))


def placed(held: Any, segments: tuple[Segment, ...], value: Any) -> Any:
    """A copy of `held` with the value at the segments; containers of the wrong kind give way."""
    if not segments:
        return value
    segment, rest = segments[0], segments[1:]
    if segment is STAR:
        return _placed_each(held, rest, value)
    if type(segment) is int or (type(held) is list and str(segment).isdigit() and int(str(segment)) <= MAX_INDEX):
        index = int(str(segment))
        items = list(held) if type(held) is list else []
        items.extend([None] * (index + 1 - len(items)))
        items[index] = placed(items[index], rest, value)
        return items
    copy = dict(held) if type(held) is dict else {}
    copy[str(segment)] = placed(copy.get(str(segment)), rest, value)
    return copy


def _placed_each(held: Any, rest: tuple[Segment, ...], value: Any) -> list[Any]:
    items = list(held) if type(held) is list else []
    if type(value) is not list:
        return [placed(item, rest, value) for item in items or [None]]
    items.extend([None] * (len(value) - len(items)))
    for index, item in enumerate(value):
        if item is not MISSING:
            items[index] = placed(items[index], rest, item)
    return items
