"""Reads members of a stored document with the exact path of the one that is wrong."""

from collections.abc import Collection
from typing import Any

from apps.engine.errors import DocumentError


def objects(value: Any, at: str) -> list[dict[str, Any]]:
    """A list of objects; absent is empty."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise DocumentError(at, "must be a list")
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise DocumentError(f"{at}[{index}]", "must be an object")
    return value


def text(document: dict[str, Any], name: str, at: str) -> str | None:
    """A text member; absent, null and blank are None."""
    value = document.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise DocumentError(join(at, name), "must be text")
    return value


def choice(value: Any, allowed: Collection[str], at: str) -> str:
    if isinstance(value, str) and value in allowed:
        return value
    raise DocumentError(at, f"must be one of {', '.join(sorted(allowed))}")


def join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
