"""What keeps a Jinja template small: every value that grows is measured and paid for before or as it is made.

The running template is found through a context variable, because filters and operators are shared by all of them.
"""

import math
import re
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from apps.engine.templates.environment import Run
from apps.engine.templates.errors import TemplateError

current_run: ContextVar[Run] = ContextVar("current_run")

_DEEPEST = 100
# A JSON number has 53 certain bits, an id at most 128.
_MOST_BITS = 128
_WIDEST = 10_000
_FORMAT_NUMBER = re.compile(r"\d+")
_FORMAT_STAR = re.compile(r"%[^a-zA-Z%]*\*")


def tick(value: Any = None) -> Any:
    """Put into macros and comparisons, where no value grows but time passes, more than in most steps."""
    current_run.get().charge(4)
    return value


def count_loop() -> None:
    run = current_run.get()
    run.count_loop()
    run.charge(1)


def admit(value: Any) -> Any:
    """Pays for a value just made. A list is measured with all it holds, so shared parts cannot multiply."""
    run = current_run.get()
    if isinstance(value, (str, bytes)):
        run.allow(len(value))
    elif isinstance(value, (list, tuple, dict, set)):
        _measure(value, run, 0)
    elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise TemplateError("a number is too large")
    return value


def _measure(value: Any, run: Run, depth: int) -> None:
    if depth > _DEEPEST:
        raise TemplateError(f"a value nests deeper than {_DEEPEST} levels")
    run.charge(1 + len(value))
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, (list, tuple, dict)):
            _measure(item, run, depth + 1)


def bounded(values: Iterable[Any]) -> Iterator[Any]:
    run = current_run.get()
    for value in values:
        run.charge(1)
        yield value


def bounded_list(values: Iterable[Any]) -> list[Any]:
    return list(bounded(values))


def safe_range(*arguments: Any) -> range:
    numbers = range(*arguments)
    run = current_run.get()
    if _size_of_range(numbers) > run.env.max_loops:
        raise TemplateError(f"a range has at most {run.env.max_loops:,} numbers")
    return numbers


def _size_of_range(numbers: range) -> int:
    # len() overflows for ranges longer than a machine word.
    return max(0, (numbers.stop - numbers.start + numbers.step - (1 if numbers.step > 0 else -1)) // numbers.step)


def check_operation(operator: str, left: Any, right: Any) -> None:
    """Raises TemplateError before an operator makes something too large."""
    run = current_run.get()
    run.charge(1)
    if isinstance(left, int) and isinstance(right, int):
        _check_integers(operator, left, right)
    elif operator == "*":
        for sequence, times in ((left, right), (right, left)):
            if isinstance(sequence, (str, bytes, list, tuple)) and isinstance(times, int):
                run.allow(len(sequence) * max(times, 0))
    elif operator == "+" and hasattr(left, "__len__") and hasattr(right, "__len__"):
        run.allow(len(left) + len(right))


def _check_integers(operator: str, left: int, right: int) -> None:
    bits = 0
    if operator == "**":
        bits = left.bit_length() * max(right, 0) if abs(left) > 1 else 0
    elif operator == "*":
        bits = left.bit_length() + right.bit_length()
    if bits > _MOST_BITS:
        raise TemplateError("a number is too large")


def check_format(pattern: str, mark: str, values: Iterable[Any]) -> None:
    """Raises TemplateError when the formatted text may be too long: widths, and one long value put in many places."""
    if _FORMAT_STAR.search(pattern) or any(
        len(number) > 5 or int(number) > _WIDEST for number in _FORMAT_NUMBER.findall(pattern)
    ):
        raise TemplateError(f"a format's width is at most {_WIDEST:,} and written as a number")
    longest = max([len(value) for value in values if isinstance(value, str)], default=0)
    widest = max(map(int, _FORMAT_NUMBER.findall(pattern)), default=0)
    current_run.get().allow(len(pattern) + pattern.count(mark) * max(longest, widest, 400 if "e" in pattern else 40))


def whole(value: Any, *, least: int = 0, most: int = _WIDEST, what: str = "a width") -> int:
    """A size given by the template, refused when it is out of reason."""
    if not isinstance(value, (int, float)) or not math.isfinite(value) or not least <= value <= most:
        raise TemplateError(f"{what} is a number from {least} to {most:,}")
    return int(value)
