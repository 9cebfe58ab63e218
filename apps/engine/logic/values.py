"""Compiles the values of a document: constants, bare paths and Jinja templates, in any nesting of objects and lists.

Surprise: a text that is one `{{ a.b[0].c }}` and nothing else is a getter: no template runs, the value keeps its type,
and what is missing is null. Any other text with `{{` or `{%` is a template with native types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from apps.engine.logic.errors import LogicError
from apps.engine.templates import compile as compile_template
from apps.engine.templates.environment import RenderEnv
from apps.engine.templates.errors import TemplateError

Scope = dict[str, Any]
Value = Callable[[Scope, RenderEnv], Any]

MAX_DEPTH = 32
BARE_PATH = re.compile(
    r"\{\{-?\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\.\d+|\[\d+\]|\['[^'\\]*'\]|\[\"[^\"\\]*\"\])*)\s*-?\}\}"
)
PART = re.compile(r"\.?([A-Za-z_]\w*)|\.?\[?(\d+)\]?|\[['\"]([^'\"]*)['\"]\]")
# Words that Jinja reads as values or operators, not as names.
WORDS = frozenset({"true", "false", "none", "True", "False", "None", "not", "and", "or", "if", "else", "in", "is"})


def compile_value(value: Any, path: str, *, depth: int = 0) -> Value:
    """A function of scope and environment. Raises LogicError at `path` or below it."""
    if depth > MAX_DEPTH:
        raise LogicError(path, f"is nested more than {MAX_DEPTH} deep")
    if isinstance(value, str):
        return _compile_text(value, path)
    if isinstance(value, Mapping):
        return _compile_object(value, path, depth)
    if isinstance(value, list):
        return _compile_list(value, path, depth)
    if value is None or isinstance(value, bool | int | float):
        return _constant(value)
    raise LogicError(path, f"is not JSON: {type(value).__name__}")


def is_constant(value: Value) -> bool:
    return getattr(value, "constant", False)


def _constant(value: Any) -> Value:
    def constant(_scope: Scope, _env: RenderEnv) -> Any:
        return value

    constant.constant = True  # type: ignore[attr-defined]
    return constant


def _compile_text(text: str, path: str) -> Value:
    if "{{" not in text and "{%" not in text and "{#" not in text:
        return _constant(text)
    bare = BARE_PATH.fullmatch(text.strip())
    if bare is not None:
        getter = _compile_getter(bare[1])
        if getter is not None:
            return getter
    try:
        template = compile_template(text, "jinja")
    except TemplateError as error:
        raise LogicError(path, str(error)) from None
    return lambda scope, env: template.render_native(scope, env=env)


def _compile_getter(dotted: str) -> Value | None:
    parts: list[str | int] = [name or (int(index) if index else key) for name, index, key in PART.findall(dotted)]
    first, rest = parts[0], parts[1:]
    if first in WORDS:
        return None

    def get(scope: Scope, _env: RenderEnv) -> Any:
        value = scope.get(first)  # type: ignore[arg-type]
        for part in rest:
            if isinstance(value, dict):
                value = value.get(part) if isinstance(part, str) else value.get(str(part))
            elif isinstance(value, list) and isinstance(part, int):
                value = value[part] if part < len(value) else None
            else:
                return None
        return value

    return get


def _compile_object(value: Mapping[Any, Any], path: str, depth: int) -> Value:
    members: list[tuple[str, Value]] = []
    for name, inner in value.items():
        if not isinstance(name, str):
            raise LogicError(path, "has a member whose name is not text")
        members.append((name, compile_value(inner, f"{path}.{name}" if path else name, depth=depth + 1)))
    if all(is_constant(inner) for _, inner in members):
        return _constant(dict(value))
    return lambda scope, env: {name: inner(scope, env) for name, inner in members}


def _compile_list(value: list[Any], path: str, depth: int) -> Value:
    items = [compile_value(inner, f"{path}[{index}]", depth=depth + 1) for index, inner in enumerate(value)]
    if all(map(is_constant, items)):
        return _constant(list(value))
    return lambda scope, env: [item(scope, env) for item in items]
