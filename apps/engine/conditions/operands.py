"""Operands of a prefix filter: wrappers such as `["number", ["extract", "a.b"]]`, compiled to closures.

The surprise: a conversion that fails gives FAILED, and a comparison with FAILED is false, `notequals` too.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from apps.engine.context import RecordContext
from apps.engine.dates import parse_moment
from apps.engine.errors import DocumentError, FilterError
from apps.engine.mapping.convert import shown, to_number, to_string
from apps.engine.paths import MISSING, PathError, compile_getter

Read = Callable[[Any, RecordContext], Any]

FAILED: Final = object()
MAX_DEPTH = 50

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRUTH = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_SCOPES = ("flow", "export", "import", "integration", "connection")


@dataclass(frozen=True, slots=True)
class Operand:
    """`kind` is what the value is known to be: `string`, `number`, `boolean`, or None for as it comes."""

    read: Read
    kind: str | None = None


def read_operand(value: Any, at: str, depth: int = 0) -> Operand:
    """Raises DocumentError."""
    if depth > MAX_DEPTH:
        raise DocumentError(at, f"wrappers nest at most {MAX_DEPTH} deep")
    if isinstance(value, dict):
        raise DocumentError(at, "must be a literal or a wrapper")
    if not isinstance(value, list):
        return Operand(lambda record, context: value)
    if not value or not isinstance(value[0], str):
        raise DocumentError(at, "a wrapper begins with its name")
    name = value[0].lower()
    if name not in _ACCESSORS and name not in _CONVERSIONS:
        raise DocumentError(f"{at}[0]", f"unknown wrapper {value[0]!r}")
    if len(value) != 2:
        raise DocumentError(at, f"{name} wraps one operand")
    if name in _ACCESSORS:
        if not isinstance(value[1], str) or not value[1]:
            raise DocumentError(f"{at}[1]", "must be text")
        return Operand(_ACCESSORS[name](value[1], f"{at}[1]"))
    inner = read_operand(value[1], f"{at}[1]", depth + 1)
    kind, convert = _CONVERSIONS[name]
    return Operand(_converted(inner.read, convert), kind)


def _converted(read: Read, convert: Callable[[Any], Any]) -> Read:
    def converted(record: Any, context: RecordContext) -> Any:
        value = read(record, context)
        return FAILED if value is FAILED else convert(value)

    return converted


def _extract(path: str, at: str) -> Read:
    try:
        get = compile_getter(path, "json" if path.startswith("$.") else "dot")
    except PathError as error:
        raise DocumentError(at, error.reason) from None
    return lambda record, context: None if (found := get(record)) is MISSING else found


def _settings(path: str, at: str) -> Read:
    if path.split(".", 1)[0] not in _SCOPES:
        raise DocumentError(at, f"must begin with one of {', '.join(_SCOPES)}")
    get = _extract(path, at)
    return lambda record, context: get(context.scope.get("settings"), context)


def _run_value(name: str, at: str) -> Read:
    def read(record: Any, context: RecordContext) -> Any:
        values: Mapping[str, Any] = context.values
        return values.get(name)

    return read


_ACCESSORS: dict[str, Callable[[str, str], Read]] = {
    "extract": _extract,
    "settings": _settings,
    "context": _run_value,
}


def as_number(value: Any) -> Any:
    """Numbers and numeric text, whole ones exact; true and false are 1 and 0; null and blank text are FAILED."""
    if type(value) is int or type(value) is float:
        return value
    if type(value) is bool:
        return int(value)
    try:
        return to_number(value)
    except ValueError:
        return FAILED


def text_of(value: Any) -> str:
    return "" if value is None else to_string(value)


def _text(value: Any) -> Any:
    try:
        return text_of(value)
    except ValueError:
        return FAILED


def _boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    try:
        return _TRUTH[text_of(value).strip().lower()]
    except (KeyError, ValueError):
        raise FilterError(f"{shown(value)} is not a boolean") from None


def _epoch_time(value: Any) -> Any:
    try:
        return (parse_moment(value) - _EPOCH).total_seconds() * 1000
    except ValueError:
        return FAILED


def _numerically(function: Callable[[float], float]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        number = as_number(value)
        return FAILED if number is FAILED or not math.isfinite(number) else function(number)

    return run


_CONVERSIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "number": ("number", as_number),
    "string": ("string", _text),
    "boolean": ("boolean", _boolean),
    "epochtime": ("number", _epoch_time),
    "lowercase": ("string", lambda value: FAILED if _text(value) is FAILED else text_of(value).lower()),
    "uppercase": ("string", lambda value: FAILED if _text(value) is FAILED else text_of(value).upper()),
    "ceiling": ("number", _numerically(math.ceil)),
    "floor": ("number", _numerically(math.floor)),
    "abs": ("number", _numerically(abs)),
}
