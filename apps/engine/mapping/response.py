"""Response mapping and transform 1: pairs of dot paths from one object into another.

A response mapping adds to the record; a transform's output holds only what is mapped.
"""

from collections.abc import Callable
from typing import Any

from apps.engine.errors import DocumentError
from apps.engine.mapping import members
from apps.engine.mapping.sources import is_json_path
from apps.engine.paths import (
    MISSING,
    STAR,
    Dialect,
    Getter,
    PathError,
    Segment,
    aligned_getter,
    getter,
    parse_path,
    placed,
)

Pair = tuple[Getter, tuple[Segment, ...]]
ResponseMapper = Callable[[Any, Any], Any]


def compile_response_mapping(document: Any, *, at: str = "responseMapping") -> ResponseMapper:
    """`(record, response) -> record`, a new one; a path that finds nothing leaves its target as it was.

    A document is `{fields, lists}` or the bare list of pairs. A grouped record gets the values in each of its rows.
    """
    if document is None:
        document = {}
    if isinstance(document, list):
        document = {"fields": document}
    if not isinstance(document, dict):
        raise DocumentError(at, "must be an object")
    pairs = [read_pair(pair, f"{at}.fields[{i}]") for i, pair in _each(document.get("fields"), f"{at}.fields")]
    lists = [_list(item, f"{at}.lists[{i}]") for i, item in _each(document.get("lists"), f"{at}.lists")]

    def apply(record: Any, response: Any) -> Any:
        found = [(target, get(response)) for get, target in pairs]
        found += [(target, lines(response)) for target, lines in lists]
        if type(record) is list:
            return [_laid_over(row, found) for row in record]
        return _laid_over(record, found)

    return apply


def _laid_over(record: Any, found: list[tuple[tuple[Segment, ...], Any]]) -> Any:
    for target, value in found:
        if value is not MISSING:
            record = placed(record, target, value)
    return record


def _each(value: Any, at: str) -> list[tuple[int, dict[str, Any]]]:
    return list(enumerate(members.objects(value, at)))


def read_pair(pair: dict[str, Any], at: str) -> Pair:
    target = members.text(pair, "generate", at)
    if target is None:
        raise DocumentError(f"{at}.generate", "is required")
    if "hardCodedValue" in pair:
        fixed = pair["hardCodedValue"]
        return (lambda response: fixed), _path(target, f"{at}.generate")
    extract = members.text(pair, "extract", at)
    if extract is None:
        raise DocumentError(f"{at}.extract", "is required")
    segments = extract_path(extract, f"{at}.extract")
    goal = _path(target, f"{at}.generate")
    if STAR in segments and STAR in goal:
        return aligned_getter(segments), goal
    return getter(segments), goal


def extract_path(text: str, at: str) -> tuple[Segment, ...]:
    dialect: Dialect = "slash" if text.startswith("/") else "json" if is_json_path(text) else "dot"
    try:
        return parse_path(text, dialect)
    except PathError as error:
        raise DocumentError(at, error.reason) from None


def _path(text: str, at: str) -> tuple[Segment, ...]:
    try:
        return parse_path(text)
    except PathError as error:
        raise DocumentError(at, error.reason) from None


def _list(document: dict[str, Any], at: str) -> tuple[tuple[Segment, ...], Getter]:
    """An array of objects: `extract`s with `[*]` go line by line, others repeat."""
    target = members.text(document, "generate", at)
    if target is None:
        raise DocumentError(f"{at}.generate", "is required")
    columns = [_column(pair, f"{at}.fields[{i}]") for i, pair in _each(document.get("fields"), f"{at}.fields")]

    def lines(response: Any) -> Any:
        found = [(path, get(response), walks) for get, path, walks in columns]
        made: list[Any] = []
        for index in range(max([len(value) for _, value, walks in found if walks], default=1)):
            row: Any = {}
            for path, value, walks in found:
                item = value if not walks else value[index] if index < len(value) else MISSING
                if item is not MISSING:
                    row = placed(row, path, item)
            made.append(row)
        return [row for row in made if row] or MISSING

    return _path(target, f"{at}.generate"), lines


def _column(pair: dict[str, Any], at: str) -> tuple[Getter, tuple[Segment, ...], bool]:
    get, goal = read_pair(pair, at)
    extract = members.text(pair, "extract", at)
    segments = extract_path(extract, f"{at}.extract") if extract and "hardCodedValue" not in pair else ()
    walks = STAR in segments
    return (aligned_getter(segments) if walks else get), goal, walks


def compile_rules(groups: Any, *, at: str) -> Callable[[Any], Any]:
    """Transform 1: groups of pairs, merged in order into an output of their own."""
    if not isinstance(groups, list):
        raise DocumentError(at, "must be a list")
    pairs: list[Pair] = []
    for index, group in enumerate(groups):
        here = f"{at}[{index}]"
        for number, pair in _each(group if isinstance(group, list) else [group], here):
            pairs.append(read_pair(pair, f"{here}[{number}]"))

    def apply(record: Any) -> Any:
        output: Any = {}
        for get, target in pairs:
            if (value := get(record)) is not MISSING:
                output = placed(output, target, value)
        return output

    return apply
