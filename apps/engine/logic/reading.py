"""Reads members of a logic document one by one and refuses the rest, so that a typing error is never ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from apps.engine.logic.errors import LogicError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RESERVED = frozenset({"input", "connector", "connection", "vars", "fn", "steps"})
ABSENT: Any = object()


class Members:
    """The members of one object; `path` is where it stands."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, Mapping):
            raise LogicError(path, "must be an object")
        self.path = path
        self._left = dict(value)
        for name in self._left:
            if not isinstance(name, str):
                raise LogicError(path, "has a member whose name is not text")

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def names(self) -> list[str]:
        return list(self._left)

    def take(self, name: str, default: Any = ABSENT) -> Any:
        if name in self._left:
            return self._left.pop(name)
        if default is ABSENT:
            raise LogicError(self.at(name), "is required")
        return default

    def text(self, name: str, default: Any = ABSENT) -> Any:
        value = self.take(name, default)
        if value is not default and not (isinstance(value, str) and value.strip()):
            raise LogicError(self.at(name), "must be text")
        return value

    def choice(self, name: str, allowed: tuple[str, ...], default: Any = ABSENT) -> Any:
        value = self.take(name, default)
        if value is not default and value not in allowed:
            raise LogicError(self.at(name), f"must be one of {', '.join(allowed)}")
        return value

    def name(self, name: str, default: Any = ABSENT) -> Any:
        value = self.text(name, default)
        if value is not default:
            check_name(value, self.at(name))
        return value

    def finish(self) -> None:
        for name in self._left:
            raise LogicError(self.at(name), "is not a member here")


def check_name(value: str, path: str, *, reserved: bool = True) -> None:
    if not NAME.fullmatch(value):
        raise LogicError(path, "must be a name of letters, digits and _")
    if reserved and value in RESERVED:
        raise LogicError(path, f"'{value}' is a name of the scope itself")
