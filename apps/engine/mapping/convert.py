"""The destination types: what each accepts, and what it makes of it. Refusals are ValueErrors with a reason."""

import json
import re
from collections.abc import Callable
from typing import Any

import orjson

from apps.engine.javascript_values import number_text, plain
from apps.engine.paths import MISSING
from apps.engine.placeholders import Placeholder

Convert = Callable[[Any], Any]

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\Z", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+\Z", re.ASCII)
_LONGEST_NUMBER = 400
_TRUTH = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def to_string(value: Any) -> str:
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return number_text(value)
    return json_text(value)


def json_text(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # integers over 64 bits, or very deep
        pass
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, RecursionError):
        raise ValueError("cannot be written as JSON") from None


def to_number(value: Any) -> int | float:
    if type(value) is int or type(value) is float:
        return value
    if type(value) is str:
        text = value.strip()
        if len(text) <= _LONGEST_NUMBER:
            if _INTEGER.match(text):
                return int(text)
            if _NUMBER.match(text) and abs(number := float(text)) != float("inf"):
                return plain(number)
    raise ValueError(f"{shown(value)} is not a number")


def to_boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    if type(value) is str:
        truth = _TRUTH.get(value.strip().lower())
        if truth is not None:
            return truth
    elif type(value) in (int, float) and value in (0, 1):
        return bool(value)
    raise ValueError(f"{shown(value)} is not a boolean")


def to_object(value: Any) -> dict[str, Any]:
    if type(value) is dict:
        return value
    raise ValueError(f"{shown(value)} is not an object")


def to_objects(value: Any) -> list[Any]:
    """Scalars inside a list become `{"value": x}`; null elements go."""
    if type(value) is dict:
        return [value]
    if type(value) is list:
        return [item if type(item) is dict else {"value": item} for item in value if item is not None]
    raise ValueError(f"{shown(value)} is not an object or a list")


def to_lists(value: Any) -> list[Any]:
    """A list of scalars counts as one row."""
    if type(value) is list:
        if all(type(item) is list for item in value):
            return value
        if not any(type(item) is list for item in value):
            return [value]
    raise ValueError(f"{shown(value)} is not a list of lists")


def _each(convert: Convert) -> Convert:
    def run(value: Any) -> list[Any]:
        if type(value) is list:
            return [None if item is None else convert(item) for item in value]
        return [convert(value)]

    return run


def _or_planned(convert: Convert) -> Convert:
    """What is not known yet has any type."""

    def run(value: Any) -> Any:
        return value if isinstance(value, Placeholder) else convert(value)

    return run


CONVERTERS: dict[str, Convert] = {
    name: _or_planned(convert)
    for name, convert in {
        "string": to_string,
        "date": to_string,
        "number": to_number,
        "boolean": to_boolean,
        "object": to_object,
        "stringarray": _each(to_string),
        "numberarray": _each(to_number),
        "booleanarray": _each(to_boolean),
        "objectarray": to_objects,
        "arrayarray": to_lists,
    }.items()
}
ARRAYS = frozenset({"stringarray", "numberarray", "booleanarray", "objectarray", "arrayarray"})


def is_empty(value: Any) -> bool:
    """Null, blank text, or nothing at all."""
    return value is None or value is MISSING or (type(value) is str and not value)


def shown(value: Any) -> str:
    """A value in an error message: recognisable, never long."""
    if type(value) is dict:
        return "an object"
    if type(value) is list:
        return "a list"
    try:
        text = json_text(value)
    except ValueError:
        text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
