"""The methods a template may call on text, lists and objects. What is not in a table cannot be reached at all.

Python's own methods are used where the result cannot be longer than the text; the others are bounded here.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from string import Formatter
from typing import Any

from apps.engine.templates.errors import TemplateError
from apps.engine.templates.jinja.bounds import bounded_list, check_format, current_run, whole
from apps.engine.templates.jinja.values import text_of

_SHRINKING = frozenset(
    [
        "capitalize",
        "casefold",
        "count",
        "endswith",
        "find",
        "index",
        "isalnum",
        "isalpha",
        "isascii",
        "isdecimal",
        "isdigit",
        "islower",
        "isnumeric",
        "isspace",
        "istitle",
        "isupper",
        "lower",
        "lstrip",
        "partition",
        "removeprefix",
        "removesuffix",
        "rfind",
        "rindex",
        "rpartition",
        "rstrip",
        "startswith",
        "strip",
        "swapcase",
        "title",
        "upper",
    ]
)


def _pad(method: Callable[..., str]) -> Callable[..., str]:
    def pad(text: str, width: Any, *fill: str) -> str:
        width = whole(width, least=-(10**6), most=10**6)
        current_run.get().allow(width)
        return method(text, width, *fill)

    return pad


def replace(text: str, old: str, new: str, count: int = -1) -> str:
    times = text.count(old) if count < 0 else min(text.count(old), count)
    current_run.get().allow(len(text) + times * max(len(new) - len(old), 0))
    return text.replace(old, new, count)


def _split(method: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """The pieces of a long text weigh much more than it."""

    def split(text: str, separator: str | None = None, maxsplit: int = -1) -> list[str]:
        most = current_run.get().env.max_loops
        parts = method(text, separator, most if maxsplit < 0 else min(maxsplit, most))
        if len(parts) > most:
            raise TemplateError(f"a text splits into at most {most:,} parts")
        return parts

    return split


def _split_lines(text: str) -> list[str]:
    if text.count("\n") + text.count("\r") > current_run.get().env.max_loops:
        raise TemplateError("a text has too many lines to split")
    return text.splitlines()


def join(separator: str, values: Iterable[Any]) -> str:
    texts = [text_of(value) for value in bounded_list(values)]
    current_run.get().allow(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


class _BoundedFormatter(Formatter):
    """`'{}'.format(x)` without attributes, conversions to Python spelling or wide fields."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        if "." in field_name or "[" in field_name:
            raise TemplateError("a format names its values plainly, without dots or brackets")
        return super().get_field(field_name, args, kwargs)

    def format_field(self, value: Any, format_spec: str) -> Any:
        check_format(format_spec, "{", ())
        return format(value, format_spec) if format_spec else text_of(value)

    def convert_field(self, value: Any, conversion: Any) -> Any:
        return value if conversion is None else text_of(value)


def _writable(value: Any) -> Any:
    return value if isinstance(value, (str, int, float)) and not isinstance(value, bool) else text_of(value)


def format_percent(text: str, arguments: Any) -> str:
    """`'%s: %d' % (name, count)`, with lists and objects as JSON."""
    given: Any
    if isinstance(arguments, Mapping):
        given = {key: _writable(value) for key, value in arguments.items()}
        check_format(text, "%", given.values())
    else:
        given = tuple(map(_writable, arguments if isinstance(arguments, tuple) else (arguments,)))
        check_format(text, "%", given)
    return text % given


def format_text(text: str, *arguments: Any, **named: Any) -> str:
    arguments = tuple(map(_writable, arguments))
    named = {key: _writable(value) for key, value in named.items()}
    check_format(text, "{", (*arguments, *named.values()))
    return _BoundedFormatter().vformat(text, arguments, named)


_TEXT: dict[str, Callable[..., Any]] = {
    "center": _pad(str.center),
    "ljust": _pad(str.ljust),
    "rjust": _pad(str.rjust),
    "zfill": _pad(str.zfill),
    "replace": replace,
    "join": join,
    "split": _split(str.split),
    "rsplit": _split(str.rsplit),
    "splitlines": _split_lines,
    "format": format_text,
    **{name: getattr(str, name) for name in _SHRINKING},
}
_LIST: dict[str, Callable[..., Any]] = {"count": list.count, "index": list.index, "copy": list.copy}
_MAPPING: dict[str, Callable[..., Any]] = {
    "get": lambda mapping, key, default=None: mapping.get(key, default),
    "items": lambda mapping: list(mapping.items()),
    "keys": list,
    "values": lambda mapping: list(mapping.values()),
    "copy": dict,
}


def method_of(value: Any, name: str) -> Callable[..., Any] | None:
    table = (
        _TEXT
        if isinstance(value, str)
        else _MAPPING
        if isinstance(value, Mapping)
        else _LIST
        if isinstance(value, list)
        else {}
    )
    function = table.get(name)
    return None if function is None else partial(function, value)
