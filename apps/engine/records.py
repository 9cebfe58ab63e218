"""Records between source and steps: order, groups, pages, parents and children. All pure; nothing given is changed."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from apps.engine.javascript_values import numeric
from apps.engine.mapping.convert import is_empty, json_text, to_string
from apps.engine.paths import MISSING, Getter, compile_getter, parse_path, placed

Page = list[Any]
Carry = dict[str, Any]

PARENT = "_PARENT"
MAX_BYTES = 5_000_000
DEFAULT_PAGE_SIZE = 20


def sort_records(records: Iterable[Any], sort_by: list[dict[str, Any]]) -> list[Any]:
    """`[{field, descending}]`, stable. Nothing comes first, then numbers and numeric text, then text."""
    ordered = list(records)
    for rule in reversed(sort_by):
        ordered.sort(key=_ranker(compile_getter(rule["field"])), reverse=rule.get("descending") is True)
    return ordered


def _ranker(get: Getter) -> Callable[[Any], tuple[int, float, str]]:
    return lambda record: _rank(get(record))


def _rank(value: Any) -> tuple[int, float, str]:
    if value is None or value is MISSING or value == "":
        return (0, 0, "")
    if type(value) is bool:
        return (1, float(value), "")
    number = numeric(value)
    return (2, 0, to_string(value)) if math.isnan(number) else (1, number, "")


def group_key(record: Any, getters: list[Getter], *, group_empty: bool = False) -> str | None:
    """Rows with equal keys belong together; None stands alone, because one of its fields is empty."""
    values = [get(record) for get in getters]
    if not group_empty and any(is_empty(value) for value in values):
        return None
    return json_text([None if value is MISSING else value for value in values])


def group_records(records: Iterable[Any], fields: list[str], *, group_empty: bool = False) -> list[list[Any]]:
    """Runs of neighbours with equal values in the fields, each a list of rows."""
    getters = [compile_getter(field) for field in fields]
    groups: list[list[Any]] = []
    open_key: str | None = None
    for record in records:
        key = group_key(record, getters, group_empty=group_empty)
        if groups and key is not None and key == open_key:
            groups[-1].append(record)
        else:
            groups.append([record])
        open_key = key
    return groups


@dataclass(frozen=True, slots=True)
class Cut:
    """Full pages, and what is left for later: JSON, stored with the cursor. None when nothing is left."""

    pages: list[Page]
    carry: Carry | None


class PageCutter:
    """Cuts a stream of records into pages of at most `page_size` records, or groups, and `max_bytes` of JSON.

    A single record or group above `max_bytes` makes a page of its own. With `group_by` a page's records are groups
    (lists of rows), and the last group stays open until another key or the end is seen.
    """

    def __init__(
        self,
        page_size: int = DEFAULT_PAGE_SIZE,
        *,
        max_bytes: int = MAX_BYTES,
        group_by: list[str] | None = None,
        group_empty: bool = False,
    ) -> None:
        if page_size < 1 or max_bytes < 1:
            raise ValueError("a page holds at least one record and one byte")
        self.page_size = page_size
        self.max_bytes = max_bytes
        self.group_by = list(group_by or [])
        self.group_empty = group_empty

    def cut(self, records: list[Any], carry: Carry | None = None, *, last: bool = False) -> Cut:
        """Feeds records after what was carried; `last` closes the open group and the partial page."""
        page: Page = list(carry["page"]) if carry else []
        open_group: list[Any] = list(carry["group"]) if carry else []
        if self.group_by:
            groups = group_records([*open_group, *records], self.group_by, group_empty=self.group_empty)
            open_group = groups.pop() if groups and not last else []
            page.extend(groups)
        else:
            page.extend(records)
        pages = list(self._pages(page))
        rest: Page = []
        if pages and not last and len(pages[-1]) < self.page_size:
            rest = pages.pop()
        if not rest and not open_group:
            return Cut(pages, None)
        return Cut(pages, {"page": rest, "group": open_group})

    def _pages(self, records: Page) -> Iterator[Page]:
        for start in range(0, len(records), self.page_size):
            yield from self._within_bytes(records[start : start + self.page_size])

    def _within_bytes(self, page: Page) -> Iterator[Page]:
        if _size(page) <= self.max_bytes:
            yield page
            return
        part: Page = []
        size = 2
        for record in page:
            more = _size(record) + 1
            if part and size + more > self.max_bytes:
                yield part
                part, size = [], 2
            part.append(record)
            size += more
        yield part


def _size(value: Any) -> int:
    try:
        return len(orjson.dumps(value))
    except TypeError:  # integers over 64 bits, or very deep
        return len(json_text(value).encode("utf-8", "surrogatepass"))


def split_children(record: Any, path: str) -> list[dict[str, Any]]:
    """One-to-many: each child with its parent under `_PARENT`, the list itself taken out of the parent.

    A path that leads to no list gives one child that holds only its parent. A scalar child stands under `value`.
    """
    segments = parse_path(path)
    children = compile_getter(path)(record)
    if type(children) is dict:
        children = [children]
    if type(children) is not list:
        return [{PARENT: record}]
    parent = _without(record, segments)
    return [{**(child if type(child) is dict else {"value": child}), PARENT: parent} for child in children]


def merge_children(record: Any, path: str, children: list[Any]) -> Any:
    """The parent after its children's step: each child back at its place, None for one that keeps what it was."""
    before = compile_getter(path)(record)
    if type(before) is dict:
        merged = _merged(before, children[0] if children else None)
        return placed(record, parse_path(path), merged)
    if type(before) is not list:
        merged = _merged({}, children[0] if children else None)
        return {**record, **merged} if type(record) is dict and merged else record
    items = [_merged(child, children[i] if i < len(children) else None) for i, child in enumerate(before)]
    return placed(record, parse_path(path), items)


def _merged(before: Any, after: Any) -> Any:
    if type(after) is not dict:
        return before
    child = {name: value for name, value in after.items() if name != PARENT}
    return child["value"] if type(before) is not dict and list(child) == ["value"] else child


def _without(value: Any, segments: tuple[Any, ...]) -> Any:
    first, rest = segments[0], segments[1:]
    if type(value) is dict and first in value:
        if not rest:
            return {name: held for name, held in value.items() if name != first}
        return {**value, first: _without(value[first], rest)}
    if type(value) is list and type(first) is int and first < len(value) and rest:
        return [*value[:first], _without(value[first], rest), *value[first + 1 :]]
    return value


def table_rows(records: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Rows of a CSV text or a sheet. A record that is a list, since it is grouped or mapped to one, is several."""
    nested = [iter(records)]
    while nested:
        for record in nested[-1]:
            if isinstance(record, list):
                nested.append(iter(record))
                break
            yield record if isinstance(record, dict) else {"value": record}
        else:
            nested.pop()
