"""Filters as prefix lists: `["and", ["equals", ["extract", "type"], "SKU"], …]`, compiled once to closures.

The surprise: a `matches` pattern runs on the `regex` library, which can be stopped; a pattern that takes too long is an
error of that record.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import regex

from apps.engine.conditions.operands import FAILED, MAX_DEPTH, Operand, as_number, read_operand, text_of
from apps.engine.context import RecordContext
from apps.engine.errors import DocumentError, FilterError

Test = Callable[[Any, RecordContext], bool]
Filter = Callable[..., bool]

MATCH_SECONDS = 0.2
MAX_PATTERN = 2_000

_ENDS_OF_NUMBERS = frozenset("0123456789.")
_NO_CONTEXT = RecordContext()


def compile_filter(document: Any, *, at: str = "filter") -> Filter:
    """`keep(record, context=None)`; True when there are no rules. Raises DocumentError.

    The filter raises FilterError when the record has no answer (a `boolean` of what is none, a pattern without end).
    """
    rules, here = _rules(document, at)
    if not rules:
        return lambda record, context=None: True
    test = _test(rules, here, 0)
    return lambda record, context=None: test(record, context or _NO_CONTEXT)


def _rules(document: Any, at: str) -> tuple[Any, str]:
    if document is None:
        return None, at
    if not isinstance(document, dict):
        raise DocumentError(at, "must be an object")
    kind = document.get("type")
    if kind == "script":
        raise DocumentError(f"{at}.type", "a script is run, not compiled")
    if kind not in (None, "", "expression"):
        raise DocumentError(f"{at}.type", "must be one of expression, script")
    expression = document.get("expression")
    if expression is None:
        return document.get("rules"), f"{at}.rules"
    if not isinstance(expression, dict):
        raise DocumentError(f"{at}.expression", "must be an object")
    return expression.get("rules"), f"{at}.expression.rules"


def _test(rule: Any, at: str, depth: int) -> Test:
    if depth > MAX_DEPTH:
        raise DocumentError(at, f"rules nest at most {MAX_DEPTH} deep")
    if not isinstance(rule, list) or not rule or not isinstance(rule[0], str):
        raise DocumentError(at, "must be a list that begins with an operator")
    name = rule[0].lower()
    operands = rule[1:]
    if name in ("and", "or", "not"):
        return _group(name, operands, at, depth)
    if name in ("empty", "isempty", "notempty", "isnotempty"):
        return _emptiness(name.startswith(("not", "isnot")), operands, at)
    if name == "anyof":
        return _any_of(operands, at)
    if name not in _COMPARISONS:
        raise DocumentError(f"{at}[0]", f"unknown operator {rule[0]!r}")
    if len(operands) != 2:
        raise DocumentError(at, f"{name} compares two operands")
    left, right = (read_operand(operand, f"{at}[{index}]") for index, operand in enumerate(operands, 1))
    return _COMPARISONS[name](left, right)


def _group(name: str, operands: list[Any], at: str, depth: int) -> Test:
    if not operands:
        raise DocumentError(at, f"{name} needs an operand")
    tests = [_test(operand, f"{at}[{index}]", depth + 1) for index, operand in enumerate(operands, 1)]
    wanted = name == "or"
    negated = name == "not"
    if len(tests) == 2 and not negated:
        first, second = tests
        if wanted:
            return lambda record, context: first(record, context) or second(record, context)
        return lambda record, context: first(record, context) and second(record, context)

    def group(record: Any, context: RecordContext) -> bool:
        for test in tests:
            if test(record, context) is wanted:
                return wanted != negated
        return wanted == negated

    return group


def _emptiness(negated: bool, operands: list[Any], at: str) -> Test:
    """One operand counts, extra ones are ignored. A failed conversion is neither empty nor not."""
    if not operands:
        raise DocumentError(at, "needs an operand")
    operand = read_operand(operands[0], f"{at}[1]")

    def test(record: Any, context: RecordContext) -> bool:
        value = operand.read(record, context)
        return value is not FAILED and (value is None or value in ("", [], {})) != negated

    return test


def _any_of(operands: list[Any], at: str) -> Test:
    if len(operands) != 2 or not isinstance(operands[1], list):
        raise DocumentError(at, "anyof takes an operand and a list of literals")
    operand = read_operand(operands[0], f"{at}[1]")
    literals = operands[1]

    def test(record: Any, context: RecordContext) -> bool:
        value = operand.read(record, context)
        return value is not FAILED and any(equal(value, literal, operand.kind) for literal in literals)

    return test


def _kind(left: Operand, right: Operand) -> str | None:
    """What both sides are compared as; a number on either side wins over text."""
    kinds = (left.kind, right.kind)
    for kind in ("number", "string", "boolean"):
        if kind in kinds:
            return kind
    return None


def equal(left: Any, right: Any, kind: str | None) -> bool:
    """Without a declared kind: as numbers when both look it, else as text; null equals null only."""
    if kind == "string":
        return text_of(left) == text_of(right)
    if left is None or right is None:
        return left is right
    if type(left) is str and type(right) is str and kind is None:
        return left == right or (_looks_numeric(left) and _looks_numeric(right) and _same_number(left, right))
    if kind != "boolean":
        numbers = _numbers(left, right)
        if numbers is not None:
            return bool(numbers[0] == numbers[1])
        if kind == "number":
            return False
    if type(left) in (list, dict) and type(right) in (list, dict):
        return bool(left == right)
    return text_of(left) == text_of(right)


def _looks_numeric(text: str) -> bool:
    """Cheap and never wrong about what is none: numeric text ends in a digit or a point."""
    return text.rstrip()[-1:] in _ENDS_OF_NUMBERS


def _same_number(left: str, right: str) -> bool:
    numbers = _numbers(left, right)
    return numbers is not None and bool(numbers[0] == numbers[1])


def _numbers(left: Any, right: Any) -> tuple[Any, Any] | None:
    if type(left) is bool or type(right) is bool:
        return None
    pair = as_number(left), as_number(right)
    return None if FAILED in pair else pair


def _equality(negated: bool) -> Callable[[Operand, Operand], Test]:
    def compile_test(left: Operand, right: Operand) -> Test:
        kind = _kind(left, right)

        def test(record: Any, context: RecordContext) -> bool:
            a, b = left.read(record, context), right.read(record, context)
            if a is FAILED or b is FAILED or (kind == "number" and (as_number(a) is FAILED or as_number(b) is FAILED)):
                return False
            try:
                return equal(a, b, kind) != negated
            except ValueError as error:
                raise FilterError(str(error)) from None

        return test

    return compile_test


def _order(compare: Callable[[Any, Any], bool]) -> Callable[[Operand, Operand], Test]:
    """Text order for two texts, so ISO dates work; else numbers; null is never in order."""

    def compile_test(left: Operand, right: Operand) -> Test:
        kind = _kind(left, right)

        def test(record: Any, context: RecordContext) -> bool:
            a, b = left.read(record, context), right.read(record, context)
            if a is None or b is None or a is FAILED or b is FAILED:
                return False
            if kind == "string":
                return compare(_text(a), _text(b))
            if kind is None and type(a) is str and type(b) is str:
                return compare(a, b)
            numbers = as_number(a), as_number(b)
            return FAILED not in numbers and compare(*numbers)

        return test

    return compile_test


def _textual(decide: Callable[[str, str], bool], *, negated: bool = False) -> Callable[[Operand, Operand], Test]:
    def compile_test(left: Operand, right: Operand) -> Test:
        def test(record: Any, context: RecordContext) -> bool:
            a, b = left.read(record, context), right.read(record, context)
            if a is FAILED or b is FAILED:
                return False
            return _decide(decide, a, b) != negated

        return test

    return compile_test


def _decide(decide: Callable[[str, str], bool], value: Any, part: Any) -> bool:
    if value is None or part is None:
        return False
    if type(value) is list and decide is _contains:
        return any(equal(item, part, None) for item in value)
    return decide(_text(value), _text(part))


def _text(value: Any) -> str:
    try:
        return text_of(value)
    except ValueError as error:
        raise FilterError(str(error)) from None


def _contains(text: str, part: str) -> bool:
    return part in text


@lru_cache(maxsize=1024)
def _pattern(text: str) -> Any:
    """None when the text is no regular expression: it is then looked for as it stands."""
    if len(text) > MAX_PATTERN:
        raise FilterError(f"a pattern has at most {MAX_PATTERN:,} characters")
    try:
        return regex.compile(text)
    except (regex.error, RecursionError, OverflowError):
        return None


def _matches(text: str, part: str) -> bool:
    pattern = _pattern(part)
    if pattern is None:
        return part in text
    try:
        return pattern.search(text, timeout=MATCH_SECONDS) is not None
    except TimeoutError:
        raise FilterError(f"the pattern takes longer than {MATCH_SECONDS} s: {part[:60]!r}") from None


_COMPARISONS: dict[str, Callable[[Operand, Operand], Test]] = {
    "equals": _equality(False),
    "notequals": _equality(True),
    "greaterthan": _order(lambda a, b: a > b),
    "greaterthanequals": _order(lambda a, b: a >= b),
    "lessthan": _order(lambda a, b: a < b),
    "lessthanequals": _order(lambda a, b: a <= b),
    "contains": _textual(_contains),
    "doesnotcontain": _textual(_contains, negated=True),
    "startswith": _textual(str.startswith),
    "endswith": _textual(str.endswith),
    "matches": _textual(_matches),
}
