"""JavaScript's value rules over JSON-shaped data: text, numbers, truth, comparison. Missing and null are both None.

Python integers keep all their digits up to 1e21, so ids survive; what is computed becomes a double first.
"""

import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from apps.engine.placeholders import Placeholder

_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\Z", re.ASCII)
_RADIX = re.compile(r"0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)\Z")
_EXACT = Context(prec=1100, rounding=ROUND_HALF_UP)
_EXACT_INTEGERS = 10**21
_LONGEST_NUMBER = 400
_DEEPEST_LIST = 100


def to_text(value: Any) -> str:
    """What JavaScript's String() gives, except that null is empty text, as in a template."""
    kind = type(value)
    if kind is str:
        return value
    if kind is int:
        return str(value) if -_EXACT_INTEGERS < value < _EXACT_INTEGERS else number_text(_to_double(value))
    if value is None:
        return ""
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        return number_text(value)
    return _other_to_text(value, 0)


def _other_to_text(value: Any, depth: int) -> str:
    if isinstance(value, (list, tuple)):
        if depth > _DEEPEST_LIST:
            raise ValueError(f"lists nest deeper than {_DEEPEST_LIST}")
        return ",".join(
            [_other_to_text(item, depth + 1) if isinstance(item, (list, tuple)) else to_text(item) for item in value]
        )
    if isinstance(value, Mapping):
        return str(value) if isinstance(value, Placeholder) else "[object Object]"
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "replace")
    return str(value)


def number_text(number: float) -> str:
    """A double as JavaScript prints it: shortest digits, exponents only below 1e-6 and from 1e21 on."""
    if math.isnan(number):
        return "NaN"
    if number in (math.inf, -math.inf):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0:
        return "0"
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    if 1e-4 <= abs(number) < 1e16:
        # Here Python prints what JavaScript does, but for the .0 of a whole number.
        return repr(number).removesuffix(".0")
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    text = "".join(map(str, digits))
    point = len(text) + int(exponent)
    if 0 < point <= 21:
        body = text + "0" * (point - len(text)) if len(text) <= point else f"{text[:point]}.{text[point:]}"
    elif -6 < point <= 0:
        body = f"0.{'0' * -point}{text}"
    else:
        body = f"{text[0]}.{text[1:]}" if len(text) > 1 else text
        body += f"e{point - 1:+d}"
    return f"-{body}" if sign else body


def to_number(value: Any) -> float:
    """JavaScript's Number(): blank text is 0, text that is no number is NaN. None gives NaN, as undefined does."""
    if value is None:
        return math.nan
    if isinstance(value, (bool, int)):
        return _to_double(int(value))
    if isinstance(value, float):
        return value
    if isinstance(value, Decimal):
        return float(value)
    text = (value if isinstance(value, str) else to_text(value)).strip()
    if not text:
        return 0.0
    if len(text) > _LONGEST_NUMBER:
        return math.nan
    if _DECIMAL.match(text):
        return float(text)
    if _RADIX.match(text):
        return _to_double(int(text, 0))
    return {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}.get(text, math.nan)


def numeric(value: Any) -> float:
    """Numbers and numeric text as a double, NaN for all else, blank text and booleans included."""
    if type(value) is float:
        return value
    if isinstance(value, bool) or (isinstance(value, str) and not value.strip()):
        return math.nan
    return to_number(value) if isinstance(value, (int, float, str, Decimal)) else math.nan


def plain(number: float) -> int | float:
    """A double that is a whole number becomes an int, so that JSON shows 7 and not 7.0."""
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _to_double(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def is_true(value: Any) -> bool:
    """JavaScript truth: empty lists and objects are true, NaN is false."""
    if value is None or value is False or value == "":
        return False
    if isinstance(value, (int, float)):
        return bool(value) and not math.isnan(value)
    return True


def type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float, Decimal)):
        return "number"
    if isinstance(value, (list, tuple)):
        return "array"
    return "object" if value is None or isinstance(value, Mapping) else "string"


def strictly_equal(left: Any, right: Any) -> bool:
    """The === operator: same type and value; lists and objects only when they are the same one."""
    kind = type_of(left)
    if kind != type_of(right):
        return False
    if kind in ("array", "object"):
        return left is right
    return bool(left == right)


def loosely_equal(left: Any, right: Any) -> bool:
    """The == operator, with its conversions: null equals only null, text meets numbers as a number."""
    if left is None or right is None:
        return left is None and right is None
    kinds = type_of(left), type_of(right)
    if kinds[0] == kinds[1] or set(kinds) == {"array", "object"}:
        return strictly_equal(left, right)
    if kinds[0] in ("array", "object"):
        return loosely_equal(to_text(left), right)
    if kinds[1] in ("array", "object"):
        return loosely_equal(left, to_text(right))
    return to_number(left) == to_number(right)


def less_than(left: Any, right: Any) -> bool:
    left, right = _primitive(left), _primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    return to_number(left) < to_number(right)


def at_most(left: Any, right: Any) -> bool:
    left, right = _primitive(left), _primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        return left <= right
    return to_number(left) <= to_number(right)


def _primitive(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, Decimal, str)) else to_text(value)


def round_half_up(number: float) -> float:
    """Math.round: halves go towards positive infinity."""
    if not math.isfinite(number) or abs(number) >= 2**52:
        return number
    floor = math.floor(number)
    return float(floor + (number - floor >= 0.5))


def to_fixed(number: float, digits: int) -> str:
    if not math.isfinite(number) or abs(number) >= 1e21:
        return number_text(number)
    text = format(Decimal(number).quantize(Decimal(1).scaleb(-digits), context=_EXACT), "f")
    return text.removeprefix("-") if number == 0 else text


def to_exponential(number: float, digits: int | None) -> str:
    """`digits` places after the point; None prints as many as needed to tell the number apart."""
    if not math.isfinite(number):
        return number_text(number)
    if digits is None:
        exact = Decimal(repr(number)).normalize()
        digits = len(exact.as_tuple().digits) - 1
    return _exponential(number, digits)


def to_precision(number: float, digits: int | None) -> str:
    """`digits` significant digits; None prints the number plainly."""
    if digits is None or not math.isfinite(number):
        return number_text(number)
    text = _exponential(number, digits - 1)
    exponent = int(text.partition("e")[2])
    if -7 < exponent < digits:
        return to_fixed(float(text), digits - 1 - exponent) if exponent < 0 else _positional(text, exponent)
    return text


def _exponential(number: float, digits: int) -> str:
    if number == 0:
        return ("0." + "0" * digits if digits else "0") + "e+0"
    exact = Decimal(number)
    rounded = Context(prec=digits + 1, rounding=ROUND_HALF_UP).plus(exact)
    sign, figures, _ = rounded.as_tuple()
    text = "".join(map(str, figures)).ljust(digits + 1, "0")[: digits + 1]
    body = f"{text[0]}.{text[1:]}" if digits else text[0]
    return f"{'-' if sign else ''}{body}e{rounded.adjusted():+d}"


def _positional(text: str, exponent: int) -> str:
    mantissa, sign = text.partition("e")[0], ""
    if mantissa.startswith("-"):
        sign, mantissa = "-", mantissa[1:]
    figures = mantissa.replace(".", "")
    whole, rest = figures[: exponent + 1], figures[exponent + 1 :]
    return f"{sign}{whole}.{rest}" if rest else sign + whole
