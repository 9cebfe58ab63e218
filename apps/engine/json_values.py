"""JSON that comes in, and whether it can be kept and walked: writers of JSON stop at 254 levels, readers do not."""

from __future__ import annotations

from typing import Any

import orjson

MAX_DEPTH = 200  # levels; less than what can be written, since data is kept inside of other data
_WRITTEN_DEPTH = 254  # levels that orjson writes
_OPTIONS = orjson.OPT_NON_STR_KEYS


def load_json(text: bytes | str) -> Any:
    """The value; JSONDecodeError also for one that is nested too deeply to be walked or written again."""
    value = orjson.loads(text)
    few = text.count(b"[") + text.count(b"{") if isinstance(text, bytes) else text.count("[") + text.count("{")
    if few > MAX_DEPTH and not _is_shallow(value) and deeper_than(value, MAX_DEPTH):
        raise orjson.JSONDecodeError(f"nested more than {MAX_DEPTH} deep", "", 0)
    return value


def _is_shallow(value: Any) -> bool:
    """Whether it is surely no deeper than MAX_DEPTH: so far within others, the writer just reaches its innermost."""
    for _ in range(_WRITTEN_DEPTH - MAX_DEPTH):
        value = [value]
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def deeper_than(value: Any, most: int) -> bool:
    level = [value] if isinstance(value, dict | list | tuple) else []
    for _ in range(most):
        level = [inner for item in level for inner in _inside(item) if isinstance(inner, dict | list | tuple)]
        if not level:
            break
    return bool(level)


def why_unkeepable(value: Any) -> str:
    """Why this cannot be written as JSON inside other JSON, to follow a subject; empty when it can be."""
    try:
        orjson.dumps([[[[[[[[value]]]]]]]], option=_OPTIONS)
    except (TypeError, RecursionError) as error:
        return _reason(value, error)
    return ""


def _reason(value: Any, error: Exception) -> str:
    if deeper_than(value, MAX_DEPTH):
        return f"is nested more than {MAX_DEPTH} deep"
    said = str(error)
    if "surrogates" in said or "utf-8" in said.lower():
        return "holds half of a character (a lone surrogate), which no UTF-8 text can"
    if "64-bit" in said:
        return "holds an integer beyond 64 bits"
    return f"is no JSON: {said[:200]}"


def _inside(item: Any) -> Any:
    return item.values() if isinstance(item, dict) else item
