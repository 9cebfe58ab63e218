"""Values between databases and JSON: dates as ISO text, decimals as numbers when exact, bytes as base64."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import orjson

from apps.engine.json_values import load_json, why_unkeepable

from ..errors import InvalidRequest

_LARGEST_EXACT = 2**53
_SHORT_ZONE = re.compile(r"([+-]\d\d)\Z")


def exact_number(text: str) -> int | float | str:
    """`12.50` as 12.5; a decimal that a number cannot hold exactly stays text."""
    if text.isdigit() or (text[:1] == "-" and text[1:].isdigit()):
        number = int(text)
        return number if -_LARGEST_EXACT <= number <= _LARGEST_EXACT else text
    try:
        value = Decimal(text)
    except ArithmeticError:
        return text
    if not value.is_finite():
        return text
    if value == value.to_integral_value() and abs(value) <= _LARGEST_EXACT:
        return int(value)
    close = float(value)
    return close if Decimal(repr(close)) == value else text


def iso_moment(text: str) -> str:
    """`2026-01-02 03:04:05+00` as `2026-01-02T03:04:05+00:00`."""
    return _SHORT_ZONE.sub(r"\1:00", text.replace(" ", "T", 1)) if ":" in text else text


def json_column(text: bytes | str) -> Any:
    """A JSON column's value; what is nested too deeply, or reads in JSON but in no other place, stays text."""
    try:
        return load_json(text)
    except orjson.JSONDecodeError:
        return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def inbound(row: Sequence[Any]) -> list[Any]:
    """Parameters as drivers take them: objects and lists go as JSON text."""
    try:
        return [orjson.dumps(value).decode() if type(value) in (dict, list) else value for value in row]
    except orjson.JSONEncodeError:
        raise InvalidRequest(f"A parameter {why_unkeepable(list(row)) or 'is no JSON'}.") from None


def quoted(name: str | Sequence[str], quote: str) -> str:
    """A name, or `schema.table`, as identifier; a sequence gives the parts where dots belong to a name."""
    parts = name.split(".") if isinstance(name, str) else list(name)
    if not all(parts) or any("\0" in part for part in parts):
        raise ValueError(f"{name!r} is not a name of a table or column.")
    return ".".join(f"{quote}{part.replace(quote, quote * 2)}{quote}" for part in parts)


Convert = Callable[[Any], Any]
