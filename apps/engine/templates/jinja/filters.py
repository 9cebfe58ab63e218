"""The filters. Jinja's own where they only choose or shorten, ours where they grow; those not listed do not exist."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from types import GeneratorType
from typing import Any

from jinja2 import Undefined, filters, pass_environment
from jinja2.filters import make_attrgetter

from apps.engine.javascript_values import to_number
from apps.engine.templates.errors import TemplateError
from apps.engine.templates.handlebars.places import encode_component, escape_xml
from apps.engine.templates.helpers.codes import json_serialize
from apps.engine.templates.helpers.text import sanitize
from apps.engine.templates.jinja import methods
from apps.engine.templates.jinja.bounds import (
    admit,
    bounded,
    bounded_list,
    current_run,
    tick,
    whole,
)
from apps.engine.templates.jinja.values import JsonText, concatenate, plain, text_of

_LONGEST_INTEGER = 400
_JINJA = [
    "abs",
    "capitalize",
    "d",
    "default",
    "dictsort",
    "filesizeformat",
    "first",
    "float",
    "groupby",
    "items",
    "last",
    "length",
    "count",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "select",
    "selectattr",
    "sort",
    "title",
    "trim",
    "truncate",
    "unique",
    "upper",
    "wordcount",
]


def _bounded_result(function: Callable[..., Any]) -> Callable[..., Any]:
    """Pays for the list or text a filter reads and for the one it makes; iterators become lists as they are counted."""

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        run = current_run.get()
        run.charge(1)
        for argument in arguments[:2]:
            if isinstance(argument, (list, tuple, dict)):
                run.charge(len(argument))
        result = function(*arguments, **named)
        if isinstance(result, GeneratorType) or (hasattr(result, "__next__") and not isinstance(result, str)):
            result = bounded_list(result)
        return admit(result)

    return call


def center(value: Any, width: int = 80) -> str:
    return text_of(value).center(whole(width))


def indent(value: Any, width: Any = 4, first: bool = False, blank: bool = False) -> str:
    prefix = width if isinstance(width, str) else " " * whole(width, most=1000)
    lines = text_of(value).splitlines()
    current_run.get().allow(sum(map(len, lines)) + len(lines) * (len(prefix) + 1))
    return "\n".join(
        prefix + line if (line or blank) and (index or first) else line for index, line in enumerate(lines)
    )


def replace(value: Any, old: Any, new: Any, count: int | None = None) -> str:
    return methods.replace(text_of(value), text_of(old), text_of(new), -1 if count is None else count)


@pass_environment
def join(environment: Any, values: Iterable[Any], separator: Any = "", attribute: Any = None) -> str:
    if attribute is not None:
        values = map(make_attrgetter(environment, attribute), values)
    return methods.join(text_of(separator), values)


def format_text(value: Any, *arguments: Any, **named: Any) -> str:
    return methods.format_percent(text_of(value), named or arguments)


def batch(values: Iterable[Any], size: int, fill: Any = None) -> list[list[Any]]:
    size, items = whole(size, least=1, what="a batch"), bounded_list(values)
    rows = [items[at : at + size] for at in range(0, len(items), size)]
    if fill is not None and rows:
        rows[-1] += [fill] * (size - len(rows[-1]))
    return rows


def slice_list(values: Iterable[Any], count: int, fill: Any = None) -> list[list[Any]]:
    count, items = whole(count, least=1, what="the number of slices"), bounded_list(values)
    each, longer = divmod(len(items), count)
    rows, at = [], 0
    for index in range(count):
        size = each + (index < longer)
        rows.append(items[at : at + size] + ([fill] if fill is not None and longer and index >= longer else []))
        at += size
    return rows


def round_number(value: Any, precision: int = 0, method: str = "common") -> float:
    if method not in ("common", "ceil", "floor"):
        raise TemplateError("round is common, ceil or floor")
    precision = whole(precision, least=-15, most=15, what="the precision")
    if method == "common":
        return float(round(value, precision))
    scale = 10.0**precision
    return float((math.ceil if method == "ceil" else math.floor)(value * scale) / scale)


def integer(value: Any, default: Any = 0, base: int = 10) -> Any:
    """Numbers and numeric text, cut to the whole number; anything else is the default."""
    if isinstance(value, str):
        if len(value) > _LONGEST_INTEGER:
            return default
        try:
            return int(value, whole(base, most=36, what="the base"))
        except ValueError:
            value = to_number(value) if value.strip() and base == 10 else math.nan
    if isinstance(value, (int, float)) and math.isfinite(value):
        return int(value)
    return default


@pass_environment
def total(environment: Any, values: Iterable[Any], attribute: Any = None, start: Any = 0) -> Any:
    if attribute is not None:
        values = map(make_attrgetter(environment, attribute), values)
    for value in bounded(values):
        start = environment.call_binop(None, "+", start, value)
    return start


def to_json(value: Any, indent: int | None = None) -> JsonText:
    data = plain(value)
    if indent is None:
        return JsonText(json_serialize(data))
    return JsonText(json.dumps(data, ensure_ascii=False, indent=whole(indent, most=8)))


def url_encode(value: Any) -> str:
    pairs = value.items() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else None
    if pairs is None:
        return encode_component(text_of(value)).replace("%2F", "/")
    return "&".join(f"{encode_component(text_of(key))}={encode_component(text_of(item))}" for key, item in pairs)


def strip_tags(value: Any) -> str:
    return " ".join(sanitize(text_of(value)).split())


def length(value: Any) -> int:
    return 0 if isinstance(value, Undefined) or value is None else len(value)


_OURS: dict[str, Callable[..., Any]] = {
    "batch": batch,
    "center": center,
    "count": length,
    "e": lambda value: escape_xml(text_of(value)),
    "escape": lambda value: escape_xml(text_of(value)),
    "format": format_text,
    "indent": indent,
    "int": integer,
    "join": join,
    "length": length,
    "replace": replace,
    "round": round_number,
    "safe": lambda value: value,
    "slice": slice_list,
    "string": text_of,
    "striptags": strip_tags,
    "sum": total,
    "tojson": to_json,
    "urlencode": url_encode,
}

# Names that no template can spell: the rewritten tree calls these.
INTERNAL: dict[str, Callable[..., Any]] = {"#tick": tick, "#admit": admit, "#concatenate": concatenate}

FILTERS: dict[str, Callable[..., Any]] = {
    **{name: _bounded_result(filters.FILTERS[name]) for name in _JINJA},
    **{name: _bounded_result(function) for name, function in _OURS.items()},
    **INTERNAL,
}
