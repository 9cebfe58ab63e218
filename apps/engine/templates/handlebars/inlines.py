"""SourceText text under construction, and the helpers that are spelt out in it because records need them most."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.engine.javascript_values import to_text
from apps.engine.templates.errors import TemplateError
from apps.engine.templates.helpers import HELPERS
from apps.engine.templates.helpers.blocks import COMPARISONS

LONGEST_TEXT = 100_000


class UnusualError(TemplateError):
    """Inside the direct way only: something is larger than it takes."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A name or expression of the source. `kind`: text, number, boolean or any; `constant` holds a known value."""

    code: str
    kind: str
    constant: tuple[Any] | None = None
    small: bool = False


class SourceText:
    """Lines and the names they use. Values get into the source by name only."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}
        self.depth = 0
        self._count = 0

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def fresh(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def constant(self, value: Any) -> str:
        self._count += 1
        name = f"k{self._count}"
        self.names[name] = value
        return name

    def call(self, function: Callable[..., Any], arguments: str, *, kind: str, check: bool = False) -> Operand:
        """With `check` a result that is text, or has elements, must be small."""
        value = self.fresh()
        self.line(f"{value} = {self.constant(function)}({arguments})")
        if not check or kind in ("number", "boolean"):
            return Operand(value, kind)
        sized = "" if kind == "text" else f"isinstance({value}, SIZED) and "
        self.line(f"if {sized}len({value}) > {LONGEST_TEXT}:")
        self.line("    raise UnusualError('large')")
        return Operand(value, kind, small=kind == "text")

    def text(self, value: Operand) -> Operand:
        """The value as a template prints it."""
        if value.kind == "text":
            return value
        if value.constant is not None:
            text = to_text(value.constant[0])
            return Operand(self.constant(text), "text", constant=(text,))
        name, call = self.fresh(), f"to_text({value.code})"
        if value.kind == "boolean":
            self.line(f"{name} = 'true' if {value.code} else 'false'")
        elif value.kind == "number":
            self.line(f"{name} = {call}")
        else:
            self.line(f"{name} = {value.code} if {value.code}.__class__ is str else {call}")
        return Operand(name, "text", small=value.kind in ("boolean", "number"))


Inline = Callable[[SourceText, list[Operand]], Operand | None]
INLINES: dict[str, Inline] = {}
_NUMBER = "({0}.__class__ is int or {0}.__class__ is float)"


def _method(helper: str, method: str) -> None:
    def write(source: SourceText, arguments: list[Operand]) -> Operand:
        value = source.fresh()
        source.line(f"{value} = {source.text(arguments[0]).code}.{method}()")
        source.line(f"if len({value}) > {LONGEST_TEXT}:")
        source.line("    raise UnusualError('large')")
        return Operand(value, "text", small=True)

    INLINES[helper] = write


for _helper, _name in (
    *(("lowercase", "lower"), ("uppercase", "upper")),
    *(("trim", "strip"), ("trimLeft", "lstrip"), ("trimRight", "rstrip")),
):
    _method(_helper, _name)


def _equal(source: SourceText, arguments: list[Operand]) -> Operand:
    """Two texts, or anything as the helper has it."""
    left, right = arguments
    tests = [f"{side.code}.__class__ is str" for side in arguments if side.kind != "text"]
    value, both = source.fresh(), f"{left.code} == {right.code}"
    general = f"{source.constant(HELPERS['eq'].function)}({left.code}, {right.code})"
    source.line(f"{value} = {both} if {' and '.join(tests)} else {general}" if tests else f"{value} = {both}")
    return Operand(value, "boolean")


INLINES["eq"] = _equal


def _compare(source: SourceText, arguments: list[Operand]) -> Operand | None:
    left, sign, right = arguments
    comparison = COMPARISONS.get(to_text(sign.constant[0])) if sign.constant is not None else None
    if comparison is None:
        return None
    return source.call(comparison, f"{left.code}, {right.code}", kind="boolean")


INLINES["compare"] = _compare


def _arithmetic(helper: str, pattern: str) -> None:
    """Two plain numbers meet as doubles, the second one never 0 when it divides; anything else is the helper's."""
    function = HELPERS[helper].function

    def write(source: SourceText, arguments: list[Operand]) -> Operand | None:
        if len(arguments) != 2:
            return None
        # Whole numbers past 2**53 become doubles one by one, as two of them together would not.
        others_are_double = helper == "add" or any(side.constant is not None for side in arguments)
        sides, tests = [], []
        for side in arguments:
            if side.constant is None:
                sides.append(side.code if others_are_double else f"float({side.code})")
                tests.append(_NUMBER.format(side.code))
            elif type(side.constant[0]) in (int, float) and math.isfinite(number := float(side.constant[0])):
                sides.append(source.constant(number))
            else:
                return None
        if helper == "divide":
            tests.append(arguments[1].code)
        value = source.fresh()
        source.line(f"if {' and '.join(tests)}:" if tests else "if True:")
        source.line(f"    {value} = {pattern.format(*sides)}")
        source.line(f"    if {value}.is_integer() and {-(2**53)} < {value} < {2**53}:")
        source.line(f"        {value} = int({value})")
        source.line("else:")
        source.line(f"    {value} = {source.constant(function)}({arguments[0].code}, {arguments[1].code})")
        return Operand(value, "number")

    INLINES[helper] = write


for _helper, _pattern in (
    *(("add", "0.0 + {} + {}"), ("sum", "0.0 + {} + {}")),
    *(("subtract", "{} - {}"), ("multiply", "{} * {}"), ("divide", "{} / {}")),
):
    _arithmetic(_helper, _pattern)
