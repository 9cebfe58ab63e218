"""Reads members of a JSON document with errors that name their path."""

from collections.abc import Iterator, Mapping
from typing import Any

from apps.core.errors import ValidationError


class Reader:
    """One object of a document. Absent and null mean the same."""

    def __init__(self, value: Mapping[str, Any], path: str) -> None:
        self.value = value
        self.path = path

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def error(self, name: str, message: str) -> ValidationError:
        return ValidationError(f"{self.at(name)}: {message}.", field=self.at(name))

    def child(self, name: str, *, required: bool = True) -> "Reader":
        found = self.value.get(name)
        if found is None:
            if required:
                raise self.error(name, "is required")
            found = {}
        if not isinstance(found, Mapping):
            raise self.error(name, "must be an object")
        return Reader(found, self.at(name))

    def items(self, name: str) -> "Iterator[Reader]":
        found = self.value.get(name)
        if found is None:
            return
        if not isinstance(found, list):
            raise self.error(name, "must be a list")
        for index, item in enumerate(found):
            if not isinstance(item, Mapping):
                raise self.error(f"{name}[{index}]", "must be an object")
            yield Reader(item, self.at(f"{name}[{index}]"))

    def text(self, name: str, *, required: bool = False, default: str = "") -> str:
        found = self.value.get(name)
        if found is None or found == "":
            if required:
                raise self.error(name, "is required")
            return default if found is None else ""
        if not isinstance(found, str):
            raise self.error(name, "must be a text")
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; numbers and booleans are taken as JSON spells them."""
        found = self.value.get(name)
        if found is None:
            return ()
        if not isinstance(found, list) or not all(isinstance(item, str | int | float) for item in found):
            raise self.error(name, "must be a list of texts")
        return tuple(spelled(item) for item in found)

    def number(self, name: str, *, low: int, high: int = 2**31 - 1) -> int | None:
        found = self.value.get(name)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= high:
            bounds = f"between {low} and {high}" if high < 2**31 - 1 else f"of at least {low}"
            raise self.error(name, f"must be a whole number {bounds}")
        return found

    def flag(self, name: str) -> bool:
        found = self.value.get(name)
        if found is not None and not isinstance(found, bool):
            raise self.error(name, "must be true or false")
        return bool(found)

    def choice(self, name: str, choices: tuple[str, ...], *, default: str) -> str:
        found = self.text(name) or default
        if found not in choices:
            raise self.error(name, f"must be one of {', '.join(choices)}, not {found!r}")
        return found


def spelled(value: Any) -> str:
    """A scalar as JSON spells it: true, 1, text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
