"""Number helpers: JavaScript doubles throughout. What is no number gives NaN, which prints as NaN and does not fail."""

import math
from collections.abc import Iterable
from typing import Any

from apps.engine.javascript_values import (
    number_text,
    numeric,
    plain,
    round_half_up,
    to_exponential,
    to_fixed,
    to_precision,
    to_text,
)
from apps.engine.templates.environment import Run
from apps.engine.templates.helpers.registry import helper

_UNITS = ("B", "kB", "MB", "GB", "TB")
_LONGEST_RANDOM = 10_000


@helper("abs")
def absolute(value: Any) -> float:
    return plain(abs(numeric(value)))


@helper("ceil")
def ceil(value: Any) -> float:
    number = numeric(value)
    return math.ceil(number) if math.isfinite(number) else number


@helper("floor")
def floor(value: Any) -> float:
    number = numeric(value)
    return math.floor(number) if math.isfinite(number) else number


@helper("round")
def round_number(value: Any) -> float:
    return plain(round_half_up(numeric(value)))


def _flat(values: Iterable[Any]) -> Iterable[float]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from map(numeric, value)
        else:
            yield numeric(value)


@helper("add", "sum")
def add(first: Any, *others: Any) -> float:
    """Adds one by one, left to right: Python's own sum would round less than JavaScript does."""
    total = 0.0
    for number in _flat((first, *others)):
        total += number
    return plain(total)


@helper("avg")
def average(first: Any, *others: Any) -> float:
    numbers = list(_flat((first, *others)))
    return plain(add(numbers) / len(numbers)) if numbers else math.nan


@helper("subtract")
def subtract(left: Any, right: Any) -> float:
    return plain(numeric(left) - numeric(right))


@helper("multiply")
def multiply(left: Any, right: Any) -> float:
    return plain(numeric(left) * numeric(right))


@helper("divide")
def divide(left: Any, right: Any) -> float:
    above, below = numeric(left), numeric(right)
    if below == 0:
        return math.nan if above == 0 or math.isnan(above) else math.copysign(math.inf, above) * math.copysign(1, below)
    return plain(above / below)


@helper("modulo")
def modulo(left: Any, right: Any) -> float:
    above, below = numeric(left), numeric(right)
    return plain(math.fmod(above, below)) if below != 0 and math.isfinite(above) else math.nan


def _digits(value: Any, *, least: int) -> int:
    number = numeric(value)
    if not (least <= number <= 100):
        raise ValueError(f"the number of digits is from {least} to 100, not {to_text(value) or 'empty'}")
    return math.floor(number)


@helper("toFixed")
def fixed(value: Any, digits: Any = 0) -> str:
    return to_fixed(numeric(value), _digits(digits, least=0))


@helper("toPrecision")
def precision(value: Any, digits: Any = None) -> str:
    return to_precision(numeric(value), None if digits is None else _digits(digits, least=1))


@helper("toExponential")
def exponential(value: Any, digits: Any = None) -> str:
    return to_exponential(numeric(value), None if digits is None else _digits(digits, least=0))


@helper("random")
def random_text(run: Run, kind: Any, length: Any = 32) -> str:
    """`crypto` gives hexadecimal digits, `number` decimal ones, `uuid` a version 4 UUID of the usual 36 characters."""
    wanted = numeric(length)
    if not 1 <= wanted <= _LONGEST_RANDOM:
        raise ValueError(f"the length is from 1 to {_LONGEST_RANDOM}")
    size = math.floor(wanted)
    match to_text(kind).lower():
        case "crypto":
            return run.env.random_bytes((size + 1) // 2).hex()[:size]
        case "number":
            digits = str(int.from_bytes(run.env.random_bytes(16), "big"))[-18:]
            while len(digits) < size:
                digits += str(int.from_bytes(run.env.random_bytes(16), "big"))[-18:]
            return digits[:size]
        case "uuid":
            data = bytearray(run.env.random_bytes(16))
            data[6], data[8] = data[6] & 0x0F | 0x40, data[8] & 0x3F | 0x80
            text = data.hex()
            return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    raise ValueError(f"the kind is crypto, uuid or number, not {to_text(kind)!r}")


@helper("bytes")
def byte_size(value: Any, digits: Any = 2) -> str:
    """Decimal units. Text that is no number counts its characters."""
    number = numeric(value)
    if math.isnan(number):
        number = float(len(to_text(value)))
    if not math.isfinite(number) or number <= 0:
        return "0 B"
    places = numeric(digits)
    scale = 10.0 ** min(max(math.floor(places), 0), 15) if math.isfinite(places) else 100.0
    power = min(max(math.floor(math.log10(number) / 3 + 1e-12), 0), len(_UNITS) - 1)
    return f"{number_text(round_half_up(number * scale / 1000**power) / scale)} {_UNITS[power]}"


@helper("addCommas")
def add_commas(value: Any) -> str:
    number = numeric(value)
    if not math.isfinite(number):
        return ""
    text = number_text(number)
    if "e" in text:
        return text
    whole, point, rest = text.partition(".")
    return f"{int(whole):,}{point}{rest}" if whole != "-0" else f"-0{point}{rest}"


@helper("ordinalize")
def ordinalize(value: Any) -> str:
    number = numeric(value)
    if not math.isfinite(number) or number < 0 or not number.is_integer():
        return ""
    whole = int(number)
    ending = "th" if 10 < whole % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(whole % 10, "th")
    return f"{number_text(number)}{ending}"
