"""From what a source gave to what the field holds: dates, destination type, defaults."""

import copy
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from apps.engine.context import RecordContext
from apps.engine.dates import format_moment, parse_moment, resolve_zone
from apps.engine.dates.tokens import split_format
from apps.engine.errors import DocumentError, MappingError
from apps.engine.mapping import members
from apps.engine.mapping.convert import ARRAYS, CONVERTERS, Convert, shown, to_string
from apps.engine.paths import MISSING
from apps.engine.placeholders import Placeholder

Finish = Callable[[Any, RecordContext], Any]

DATE_MEMBERS = ("extractDateFormat", "extractDateTimezone", "generateDateFormat", "generateDateTimezone")


@dataclass(frozen=True, slots=True)
class Dates:
    extract_format: str | None
    extract_zone: str | None
    generate_format: str | None
    generate_zone: str | None

    def convert(self, value: Any, context: RecordContext) -> Any:
        """Raises ValueError when the value is no date."""
        if isinstance(value, Placeholder):
            return value
        if type(value) is bool or type(value) not in (str, int, float):
            raise ValueError(f"{shown(value)} is not a date")
        moment = parse_moment(value, self.extract_format, self.extract_zone, now=context.env.now)
        return format_moment(moment, self.generate_format, self.generate_zone)


def read_dates(document: dict[str, Any], at: str, *, always: bool = False) -> Dates | None:
    """The four date members, checked; None when none is there."""
    values = [members.text(document, name, at) for name in DATE_MEMBERS]
    if not always and not any(values):
        return None
    for name, value in zip(DATE_MEMBERS, values, strict=True):
        try:
            if value is not None:
                resolve_zone(value) if name.endswith("Timezone") else split_format(value)
        except ValueError as error:
            raise DocumentError(f"{at}.{name}", str(error)) from None
    return Dates(*values)


def finisher(data_type: str | None, dates: Dates | None, field: str) -> Finish:
    """Dates first, then the destination type; refusals become MappingErrors of the field."""
    convert: Convert | None = CONVERTERS[data_type] if data_type else None

    def finish(value: Any, context: RecordContext) -> Any:
        try:
            if dates is not None:
                value = dates.convert(value, context)
            return value if convert is None else convert(value)
        except ValueError as error:
            raise MappingError(field, str(error)) from None

    return finish


def bound(convert: Convert, field: str) -> Convert:
    def run(value: Any) -> Any:
        try:
            return convert(value)
        except ValueError as error:
            raise MappingError(field, str(error)) from None

    return run


def read_default(document: dict[str, Any], data_type: str | None, at: str) -> Any:
    """The default in the destination type; blank text and null stand for themselves. MISSING without one."""
    if "default" not in document:
        return MISSING
    value = document["default"]
    if value is None or value == "" or data_type is None:
        return value
    try:
        return CONVERTERS[data_type](value)
    except ValueError as error:
        raise DocumentError(f"{at}.default", str(error)) from None


def fresh(value: Any) -> Any:
    """A default that is a list or an object is copied, so that two records never share one."""
    return copy.deepcopy(value) if type(value) in (list, dict) else value


def key_text(value: Any) -> str:
    """A lookup's key: exact and case-sensitive; what is empty is blank."""
    return "" if value is None or value is MISSING else to_string(value)


def read_when(document: dict[str, Any], at: str, allowed: Collection[str]) -> str | None:
    conditional = document.get("conditional")
    if conditional is None:
        return None
    if not isinstance(conditional, dict):
        raise DocumentError(f"{at}.conditional", "must be an object")
    when = conditional.get("when")
    if when is None or when == "":
        return None
    return members.choice(when, allowed, f"{at}.conditional.when")


def operation_fits(when: str | None, context: RecordContext) -> bool:
    """Outside composite imports no operation is chosen, and every record fits."""
    if context.operation is None:
        return True
    if when == "record_created":
        return context.operation == "create"
    return when != "record_updated" or context.operation == "update"


def is_array(data_type: str | None) -> bool:
    return data_type in ARRAYS
