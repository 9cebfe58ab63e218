"""Trace keys: the text by which one record is recognised across steps and runs."""

from collections.abc import Callable, Mapping
from typing import Any

from apps.engine.errors import DocumentError
from apps.engine.mapping.convert import to_string
from apps.engine.paths import MISSING, compile_getter
from apps.engine.templates import TemplateError, compile
from apps.engine.templates.environment import RenderEnv

MAX_TRACE_KEY = 128

TraceKey = Callable[..., str]


def compile_trace_key(template: str | None, *, at: str = "traceKeyTemplate") -> TraceKey:
    """`key(record, scope=None, env=None)`; the template may say `record.x` or bare `x`. Raises DocumentError.

    Without a template `id`, then `_id`, else blank. A template that fails on a record gives blank too: a key that
    cannot be told must not stop the record.
    """
    if not template:
        return default_trace_key
    try:
        compiled = compile(template, "handlebars")
    except TemplateError as error:
        raise DocumentError(at, str(error)) from None

    def key(record: Any, scope: Mapping[str, Any] | None = None, env: RenderEnv | None = None) -> str:
        row = _first_row(record)
        bare = row if type(row) is dict else {}
        try:
            text = compiled.render({**(scope or {}), "data": row, **bare, "record": row}, env=env)
        except TemplateError:
            return ""
        return text[:MAX_TRACE_KEY]

    return key


def trace_key_at(path: str) -> TraceKey:
    """What stands at a path; the default where nothing does. Raises PathError."""
    get = compile_getter(path)

    def key(record: Any, scope: Mapping[str, Any] | None = None, env: RenderEnv | None = None) -> str:
        return _named(get(_first_row(record))) or default_trace_key(record)

    return key


def default_trace_key(record: Any, scope: Mapping[str, Any] | None = None, env: RenderEnv | None = None) -> str:
    row = _first_row(record)
    if type(row) is dict:
        return _named(row.get("id")) or _named(row.get("_id"))
    return ""


def child_trace_key(parent: str, child: str) -> str:
    """The key of a one-to-many child: `parent - child`."""
    return f"{parent} - {child}"[:MAX_TRACE_KEY]


def _named(value: Any) -> str:
    is_scalar = value is not None and value is not MISSING and type(value) not in (list, dict)
    return to_string(value)[:MAX_TRACE_KEY] if is_scalar else ""


def _first_row(record: Any) -> Any:
    if type(record) is list:
        return record[0] if record else {}
    return record
