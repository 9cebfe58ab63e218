"""Rely's condition lists: `{field, operator, value}`, all must hold.

The surprise: values are rendered against the run, fields are read from what is asked about, and that need not be the
run: `bind(scope)` renders once and then tests any number of entities by slash paths.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from apps.engine.errors import DocumentError
from apps.engine.javascript_values import numeric
from apps.engine.json_values import load_json
from apps.engine.mapping import members
from apps.engine.mapping.convert import to_string
from apps.engine.paths import MISSING, Dialect, Getter, PathError, compile_getter

Render = Callable[[str, Any], Any]  # (template text, scope) -> native value
Operator = Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """`get` is None when the field is itself a template (`expression`)."""

    field: str
    operator: str
    value: Any
    get: Getter | None


class Conditions:
    def __init__(self, conditions: list[Condition], render: Render) -> None:
        self.conditions = conditions
        self._render = render

    def __call__(self, scope: Any) -> bool:
        return self.bind(scope)(scope)

    def bind(self, scope: Any) -> Callable[[Any], bool]:
        """A test of subjects with all values rendered against the scope."""
        rendered = self.rendered(scope)

        def test(subject: Any) -> bool:
            for condition, value in rendered:
                if condition.get is None:
                    found = self._render(condition.field, scope)
                else:
                    found = condition.get(subject)
                if not OPERATORS[condition.operator](None if found is MISSING else found, value):
                    return False
            return True

        return test

    def rendered(self, scope: Any) -> list[tuple[Condition, Any]]:
        """Each condition with its value as it will be compared; a catalogue can narrow its query by them."""
        return [(condition, self._value(condition.value, scope)) for condition in self.conditions]

    def _value(self, value: Any, scope: Any) -> Any:
        if isinstance(value, str):
            return self._render(value, scope) if "{{" in value or "{%" in value else value
        if isinstance(value, list):
            return [self._value(item, scope) for item in value]
        return value


def compile_conditions(
    documents: Any, render: Render, *, dialect: Dialect = "dot", at: str = "conditions"
) -> Conditions:
    """`dialect` is `dot` for the run context, `slash` for stored entities. Raises DocumentError."""
    conditions = []
    for index, document in enumerate(members.objects(documents, at)):
        here = f"{at}[{index}]"
        field = members.text(document, "field", here)
        if field is None:
            raise DocumentError(f"{here}.field", "is required")
        if "operator" not in document:
            raise DocumentError(f"{here}.operator", "is required")
        operator = members.choice(document["operator"], OPERATORS, f"{here}.operator")
        get = None if document.get("expression") is True else _getter(field, dialect, f"{here}.field")
        conditions.append(Condition(field, operator, document.get("value"), get))
    return Conditions(conditions, render)


def _getter(field: str, dialect: Dialect, at: str) -> Getter:
    try:
        return compile_getter(field, dialect)
    except PathError as error:
        raise DocumentError(at, error.reason) from None


def _equal(left: Any, right: Any) -> bool:
    """Null equals null only; scalars of different kinds are compared as text, because rendering may change the kind."""
    if left is None or right is None:
        return left is right
    if type(left) is type(right):
        return bool(left == right)
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        return bool(left == right)
    if not isinstance(left, bool | str) and not isinstance(right, bool | str):
        return bool(left == right)
    return to_string(left) == to_string(right)


def listed(value: Any) -> list[Any]:
    """The operand of `in`: a list, or comma-separated text; blanks around parts and empty parts go."""
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        if value.strip().startswith("["):
            try:
                parsed = load_json(value)
            except orjson.JSONDecodeError:
                parsed = None
            if isinstance(parsed, list):
                return parsed
        return [part.strip() for part in value.split(",") if part.strip()]
    return [] if value is None else [value]


class _Options:
    """What values are compared with, as `_equal` compares them, in one look each: both sides may be long lists."""

    def __init__(self, values: Iterable[Any]) -> None:
        self._texts: set[str] = set()
        self._numbers: set[int | float] = set()
        self._flags: set[bool] = set()
        self._others: list[Any] = []
        for value in values:
            if isinstance(value, str):
                self._texts.add(value)
            elif isinstance(value, bool):
                self._flags.add(value)
            elif isinstance(value, int | float):
                self._numbers.add(value)
            else:
                self._others.append(value)
        self._spelled = self._texts | {to_string(value) for value in (*self._numbers, *self._flags)}

    def have(self, value: Any) -> bool:
        if isinstance(value, str):
            return value in self._spelled
        if isinstance(value, bool):
            return value in self._flags or to_string(value) in self._texts
        if isinstance(value, int | float):
            return value in self._numbers or to_string(value) in self._texts
        return any(_equal(value, other) for other in self._others)


def flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from flat(value)
        else:
            yield value


def _in(found: Any, value: Any) -> bool:
    """A list is in when any of its elements is."""
    if found is None:
        return False
    if not isinstance(found, list):
        return any(_equal(found, option) for option in listed(value))
    options = _Options(listed(value))
    return any(options.have(item) for item in found)


def _contains(found: Any, value: Any) -> bool:
    """Substring of text, member of a list, key of an object; of several values any."""
    if found is None or value is None:
        return False
    if isinstance(value, list):
        if not isinstance(found, list):
            return any(_contains(found, item) for item in value)
        members = _Options(found)
        return any(item is not None and members.have(item) for item in flat(value))
    if isinstance(found, list):
        return any(_equal(item, value) for item in found)
    if isinstance(found, dict):
        return not isinstance(value, dict) and to_string(value) in found
    return not isinstance(value, dict) and to_string(value) in to_string(found)


def _like(found: Any, value: Any) -> bool:
    """`%` stands for any run of characters; the rest is literal, case counts."""
    if found is None or value is None or isinstance(found, list | dict) or isinstance(value, list | dict):
        return False
    text, parts = to_string(found), to_string(value).split("%")
    if len(parts) == 1:
        return text == parts[0]
    first, *middle, last = parts
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    position, end = len(first), len(text) - len(last)
    for part in middle:
        position = text.find(part, position, end)
        if position < 0:
            return False
        position += len(part)
    return True


def _order(compare: Callable[[Any, Any], bool]) -> Operator:
    """Two texts in text order (ISO dates work), else numbers; what is neither is never in order."""

    def test(found: Any, value: Any) -> bool:
        if isinstance(found, str) and isinstance(value, str):
            return compare(found, value)
        left, right = numeric(found), numeric(value)
        return not (math.isnan(left) or math.isnan(right)) and compare(left, right)

    return test


OPERATORS: dict[str, Operator] = {
    "eq": _equal,
    "neq": lambda found, value: not _equal(found, value),
    "contains": _contains,
    "notContains": lambda found, value: not _contains(found, value),
    "in": _in,
    "notIn": lambda found, value: not _in(found, value),
    "like": _like,
    "gt": _order(lambda a, b: a > b),
    "gte": _order(lambda a, b: a >= b),
    "lt": _order(lambda a, b: a < b),
    "lte": _order(lambda a, b: a <= b),
}
