"""How one field of a version 1 list walks: `list[*].x` and `*.x` move with the line, anything else repeats.

The surprise: on a line the walked list is replaced by its current element, so `orders[*].no` is `orders.no` over a
record whose `orders` is that element, in paths and in templates alike.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.engine.mapping.sources import Read, Source, path_source
from apps.engine.paths import STAR, Segment, elements, getter, parse_path, placed

_RUN = re.compile(r"[\w$.]++(\[\*\])?")  # read once each: what is before a `[*]` is looked at from its end
_NAME_BEGINS = re.compile(r"[A-Za-z_$]")
_ROWS = re.compile(r"(?<=[{\s(])\*\.(?=[\w\[$])")


@dataclass(frozen=True, slots=True)
class Walk:
    """The lists a field moves along: some by path, or (`rows`) those of a grouped record."""

    lists: tuple[tuple[Segment, ...], ...] = ()
    rows: bool = False

    @property
    def repeats(self) -> bool:
        return not (self.lists or self.rows)

    def roots(self, root: Any, first: Any) -> list[Any]:
        """What the field is read from, line by line."""
        if self.rows:
            return elements(root)
        found = [(segments, elements(getter(segments)(first))) for segments in self.lists]
        made: list[Any] = []
        for index in range(max(len(items) for _, items in found)):
            current = first
            for segments, items in found:
                current = placed(current, segments, items[index] if index < len(items) else None)
            made.append(current)
        return made


@dataclass(frozen=True, slots=True)
class Line:
    read: Read
    walk: Walk = Walk()


def parse_line(extract: str, compile_text: Callable[[str], Source]) -> Line:
    """`compile_text` makes a source of the extract, or of the template left when the walked lists are taken out."""
    if "{{" in extract:
        walked = [path for run in _RUN.finditer(extract) if run[1] and (path := _path_before(run))]
        lists = tuple(parse_path(path) for path in dict.fromkeys(walked))
        rows = _ROWS.search(extract) is not None
        text = _ROWS.sub("", _RUN.sub(lambda run: run[0].removesuffix("[*]") if _path_before(run) else run[0], extract))
        return Line(compile_text(text).read, Walk(lists, rows))
    source = compile_text(extract)
    segments = source.segments or ()
    if STAR not in segments:
        return Line(source.read)
    star = segments.index(STAR)
    prefix, rest = segments[:star], segments[star + 1 :]
    if not prefix:
        return Line(path_source(rest).read, Walk(rows=True))
    return Line(path_source(prefix + rest).read, Walk((prefix,)))


def _path_before(run: re.Match[str]) -> str:
    """The longest dotted path of names that ends a run: `0.a.b[*]` walks along `a.b`."""
    names: list[str] = []
    for part in reversed(run[0].removesuffix("[*]").split(".")):
        begins = _NAME_BEGINS.search(part)
        if begins is None:
            break
        names.append(part[begins.start() :])
        if begins.start():
            break
    return ".".join(reversed(names))
