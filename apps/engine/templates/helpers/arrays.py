"""Lists, types and looking things up. What is no list gives an empty one, or stays as it is."""

import math
from typing import Any

from apps.engine.javascript_values import is_true, loosely_equal, numeric, strictly_equal, to_text, type_of
from apps.engine.templates.environment import Run
from apps.engine.templates.errors import TemplateError
from apps.engine.templates.handlebars.paths import value_at
from apps.engine.templates.helpers.registry import condition, helper


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _count(value: Any) -> int:
    number = numeric(value)
    return int(min(max(number, 0), 2**31)) if not math.isnan(number) else 0


@helper("after")
def after(values: Any, count: Any = 0) -> list[Any]:
    return _list(values)[_count(count) :]


@helper("before")
def before(values: Any, count: Any = 0) -> list[Any]:
    items = _list(values)
    return items[: max(len(items) - _count(count), 0)]


@helper("first")
def first(values: Any) -> Any:
    return values[0] if isinstance(values, (list, tuple)) and values else None


@helper("last")
def last(values: Any) -> Any:
    return values[-1] if isinstance(values, (list, tuple)) and values else None


@helper("sort")
def sort(run: Run, values: Any, *, number: Any = False, reverse: Any = False) -> Any:
    """By text, or by number with `number="true"`; what is no number then comes last."""
    if not isinstance(values, (list, tuple)):
        return values
    run.charge(len(values))
    if _is_on(number):
        ordered = sorted(values, key=lambda value: (numeric(value) != numeric(value), numeric(value)))
    else:
        ordered = sorted(values, key=to_text)
    return ordered[::-1] if _is_on(reverse) else ordered


def _is_on(value: Any) -> bool:
    return value is True or to_text(value).lower() == "true"


@helper("unique")
def unique(values: Any) -> Any:
    if not isinstance(values, (list, tuple)):
        return values
    seen: set[Any] = set()
    kept: list[Any] = []
    for value in values:
        mark = (type_of(value), id(value) if type_of(value) in ("array", "object") and value is not None else value)
        if mark not in seen:
            seen.add(mark)
            kept.append(value)
    return kept


@helper("pluck")
def pluck(values: Any, path: Any) -> list[Any]:
    path = to_text(path)
    return [value_at(value, path) for value in _list(values)]


@helper("arrayify")
def arrayify(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


@helper("getValue")
def get_value(run: Run, path: Any, default: Any = None) -> Any:
    """The path is text and starts at the root, wherever the tag stands."""
    value = value_at(run.scope, to_text(path))
    return default if value is None else value


@helper("lookup")
def lookup(run: Run, name: Any, key: Any = None) -> Any:
    if run.env.lookups is None:
        raise TemplateError(f"there is no lookup {to_text(name)!r} here")
    return run.env.lookups(to_text(name), to_text(key))


@helper("eq")
def equal(left: Any, right: Any) -> bool:
    return loosely_equal(left, right)


@helper("typeOf")
def kind_of(value: Any) -> str:
    return type_of(value)


@helper("isTruthy")
def is_truthy(value: Any) -> bool:
    return is_true(value)


@helper("isFalsey")
def is_falsey(value: Any) -> bool:
    return not is_true(value)


@helper("hasOwn")
def has_own(value: Any, key: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return to_text(key).isdecimal() and int(to_text(key)[:9]) < len(value)
    return type_of(value) == "object" and value is not None and to_text(key) in value


@helper("hasNoItems")
def has_no_items(value: Any) -> bool:
    return value is None or (type_of(value) in ("array", "object") and not value)


@condition("inArray")
def in_array(values: Any, value: Any) -> bool:
    """Strict: "3" is not 3. A list of objects holds no value."""
    return any(strictly_equal(item, value) for item in _list(values) if type_of(item) not in ("array", "object"))
