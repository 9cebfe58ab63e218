"""Blocks. Those that only ask a question are also booleans inside an expression: `{{#if (and a b)}}`."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from apps.engine.javascript_values import (
    at_most,
    is_true,
    less_than,
    loosely_equal,
    numeric,
    strictly_equal,
    to_text,
    type_of,
)
from apps.engine.templates.handlebars.frames import Body, Loop
from apps.engine.templates.handlebars.paths import value_at
from apps.engine.templates.helpers.registry import block, condition

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": less_than,
    ">": lambda left, right: less_than(right, left),
    "<=": at_most,
    ">=": lambda left, right: at_most(right, left),
    "==": loosely_equal,
    "!=": lambda left, right: not loosely_equal(left, right),
    "===": strictly_equal,
    "!==": lambda left, right: not strictly_equal(left, right),
}
_TESTS: dict[str, Callable[[Any], bool]] = {
    "isFalsey": lambda value: not is_true(value),
    "isTruthy": is_true,
    "isArray": lambda value: type_of(value) == "array",
    "isString": lambda value: type_of(value) == "string",
    "isObject": lambda value: isinstance(value, Mapping),
    "isNumber": lambda value: type_of(value) == "number",
    "isBoolean": lambda value: isinstance(value, bool),
}


def holds(value: Any) -> bool:
    """Truth as #if sees it, where an empty list is false."""
    return is_true(value) and not (isinstance(value, (list, tuple)) and not value)


@block("if")
def if_(body: Body, value: Any, *, includeZero: Any = False) -> None:
    body.choose(holds(value) or (is_true(includeZero) and value == 0 and value is not False))


@block("unless")
def unless(body: Body, value: Any, *, includeZero: Any = False) -> None:
    body.choose(not (holds(value) or (is_true(includeZero) and value == 0 and value is not False)))


@block("with")
def with_(body: Body, value: Any) -> None:
    if value is None or value is False or value == "" or (isinstance(value, (list, tuple)) and not value):
        body.otherwise()
    else:
        body.enter(value, named=(value,))


@block("each")
def each(body: Body, values: Any) -> None:
    """Lists and objects; over an object @index counts too. Anything else, and what is empty, goes to else."""
    if isinstance(values, Mapping):
        pairs: list[tuple[Any, Any]] = list(values.items())
    elif isinstance(values, (list, tuple)):
        pairs = list(enumerate(values))
    else:
        pairs = []
    if not pairs:
        body.otherwise()
        return
    outer, end = body.frame.loop, len(pairs) - 1
    for index, (key, value) in enumerate(pairs):
        body.enter(value, loop=Loop(index, key, last=index == end, outer=outer), named=(value, key))


@condition("and")
def and_(first: Any, *others: Any) -> bool:
    return all(map(is_true, (first, *others)))


@condition("or")
def or_(first: Any, *others: Any) -> bool:
    return any(map(is_true, (first, *others)))


@condition("neither")
def neither(first: Any, *others: Any) -> bool:
    return not or_(first, *others)


@condition("not")
def not_(value: Any) -> bool:
    return not is_true(value)


@condition("compare")
def compare(left: Any, sign: Any, right: Any) -> bool:
    """Two texts compare as text; a number on either side makes it numbers."""
    comparison = COMPARISONS.get(to_text(sign))
    if comparison is None:
        raise ValueError(f"{to_text(sign)!r} is not one of {' '.join(COMPARISONS)}")
    return comparison(left, right)


@condition("contains")
def contains(collection: Any, value: Any) -> bool:
    if isinstance(collection, (list, tuple)):
        return any(strictly_equal(item, value) for item in collection)
    if isinstance(collection, Mapping):
        return to_text(value) in collection
    return value is not None and collection is not None and to_text(value) in to_text(collection)


@block("filter")
def filter_(body: Body, values: Any, value: Any, path: Any = None) -> None:
    """The body once for each element whose property equals the value. What is no list gives nothing, not even else."""
    if not isinstance(values, (list, tuple)):
        return
    found = [item for item in values if strictly_equal(item if path is None else value_at(item, to_text(path)), value)]
    if found:
        each(body, found)
    else:
        body.otherwise()


@block("some", words=frozenset({1}))
def some(body: Body, values: Any, test: Any) -> None:
    check = _TESTS.get(to_text(test))
    if check is None:
        raise ValueError(f"{to_text(test)!r} is not one of {' '.join(_TESTS)}")
    body.choose(isinstance(values, (list, tuple)) and any(map(check, values)))


@block("startsWith")
def starts_with(body: Body, *arguments: Any) -> None:
    """The prefix comes first. With an argument left out there is no output at all."""
    if len(arguments) > 1:
        body.choose(isinstance(arguments[1], str) and arguments[1].startswith(to_text(arguments[0])))


@condition("isEmpty")
def is_empty(value: Any) -> bool:
    """Only a list or object with something in it is not empty."""
    return not (isinstance(value, (list, tuple, Mapping)) and value)


@condition("ifEven")
def if_even(value: Any) -> bool:
    number = numeric(value)
    return math.isfinite(number) and number % 2 == 0
