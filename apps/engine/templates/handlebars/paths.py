"""Paths to getters. Only keys of objects, positions of lists and `length` can be reached, never a Python attribute."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from apps.engine.templates.errors import TemplateError

Getter = Callable[[Any], Any]
MISSING = object()
_LONGEST_INDEX = 9


def step_into(value: Any, name: str) -> Any:
    """One step of a path; None where there is nothing."""
    if type(value) is dict:
        return value.get(name)
    found = find(value, name)
    return None if found is MISSING else found


def find(value: Any, name: str) -> Any:
    """One step of a path; MISSING where there is nothing, so that null can be told apart."""
    if isinstance(value, Mapping):
        return value.get(name, MISSING)
    if isinstance(value, (list, tuple, str)):
        if name == "length":
            return len(value)
        if name.isdecimal() and len(name) <= _LONGEST_INDEX and int(name) < len(value):
            return value[int(name)]
    return MISSING


def getter(parts: tuple[str, ...]) -> Getter:
    """A function from a context to the value at the path; short paths through plain dicts are what it is fast at."""
    if not parts:
        return lambda context: context
    if len(parts) == 1:
        (only,) = parts

        def get_one(context: Any) -> Any:
            return context.get(only) if type(context) is dict else step_into(context, only)

        return get_one
    if len(parts) == 2:
        first, second = parts

        def get_two(context: Any) -> Any:
            value = context.get(first) if type(context) is dict else step_into(context, first)
            return value.get(second) if type(value) is dict else step_into(value, second)

        return get_two

    def get_many(context: Any) -> Any:
        for name in parts:
            context = context.get(name) if type(context) is dict else step_into(context, name)
        return context

    return get_many


def strict_getter(parts: tuple[str, ...], written: str) -> Getter:
    """Raises TemplateError where a step of the path does not exist; null at its end is a value."""

    def get(context: Any) -> Any:
        for name in parts:
            context = find(context, name)
            if context is MISSING:
                raise TemplateError(f"{written} does not exist: nothing is named {name!r}")
        return context

    return get


@lru_cache(maxsize=1024)
def parse_text_path(path: str) -> tuple[str, ...]:
    """`record.items[0].sku` and `record.[odd name]`, as helpers take them in quotes."""
    parts: list[str] = []
    at = 0
    while at < len(path):
        if path[at] == "[":
            end = path.find("]", at)
            end = len(path) if end < 0 else end
            parts.append(path[at + 1 : end].strip("'\""))
            at = end + 1
        elif path[at] in "./":
            at += 1
        else:
            end = next((i for i in range(at, len(path)) if path[i] in "./["), len(path))
            parts.append(path[at:end])
            at = end
    return tuple(parts)


def value_at(context: Any, path: str) -> Any:
    for name in parse_text_path(path):
        context = step_into(context, name)
        if context is None:
            return None
    return context
