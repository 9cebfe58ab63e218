"""An export's transform and filter, by expression or by script, record by record: one bad record spoils no other."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from apps.core.errors import ValidationError
from apps.core.gateway import GatewayError
from apps.engine.conditions.celigo import compile_filter
from apps.engine.context import RecordContext
from apps.engine.errors import DocumentError, RecordFault
from apps.engine.mapping import compile_transform, is_script
from apps.engine.sandbox import SandboxError
from apps.engine.templates import TemplateError
from apps.flows.pipeline.scripts import Hook, script_failure
from apps.flows.pipeline.steps import Failure

Keep = Callable[[Any, RecordContext], bool]
Change = Callable[[Any, RecordContext], Any]
FindHook = Callable[[Any, str], Hook | None]
Shaped = tuple[list[Any], list[tuple[Any, Failure]]]
Shape = Callable[..., Shaped]


class RecordFailedError(Exception):
    """One record's failure on the way through a filter or a transform; `cause`: of what can be had later."""

    def __init__(self, failure: Failure, *, cause: GatewayError | None = None) -> None:
        super().__init__(failure.message)
        self.failure, self.cause = failure, cause


def make_filter(document: Any, *, find_hook: FindHook, where: str, source: str) -> Keep | None:
    """None when everything passes. The filter raises RecordFailedError."""
    if not document:
        return None
    if is_script(document):
        return script_filter(needed_hook(document, find_hook, where), source)
    try:
        keep = compile_filter(document, at=where)
    except DocumentError as error:
        raise ValidationError(error.reason, field=error.path) from None

    def test(record: Any, context: RecordContext) -> bool:
        try:
            return bool(keep(record, context))
        except RecordFault as error:
            raise RecordFailedError(Failure(source=source, code="filter_failed", message=str(error))) from None

    return test


def needed_hook(document: Any, find_hook: FindHook, where: str) -> Hook:
    hook = find_hook(document.get("script"), f"{where}.script")
    if hook is None:
        raise ValidationError("is required by type script", field=f"{where}.script.function")
    return hook


def script_filter(hook: Hook, source: str) -> Keep:
    def test(record: Any, context: RecordContext) -> bool:
        try:
            answer = hook.call(record=record, **context.values)
        except SandboxError as error:
            raise RecordFailedError(script_failure(source, error)) from None
        if not isinstance(answer, bool):
            message = f"{hook.function} must return true or false."
            raise RecordFailedError(Failure(source=source, code="invalid_hook_response", message=message))
        return answer

    return test


def make_transform(document: Any, *, find_hook: FindHook, where: str) -> Change | None:
    """None when records pass as they are. The transform raises RecordFailedError."""
    if not document:
        return None
    if is_script(document):
        return script_transform(needed_hook(document, find_hook, where))
    try:
        transform = compile_transform(document, at=where)
    except DocumentError as error:
        raise ValidationError(error.reason, field=error.path) from None

    def change(record: Any, context: RecordContext) -> Any:
        try:
            return transform(record, context)
        except (RecordFault, TemplateError) as error:
            failure = Failure(source="transformation", code="transform_failed", message=str(error))
            raise RecordFailedError(failure, cause=getattr(error, "cause", None)) from None

    return change


def script_transform(hook: Hook) -> Change:
    def change(record: Any, context: RecordContext) -> Any:
        try:
            return hook.call(record=record, **context.values)
        except SandboxError as error:
            raise RecordFailedError(script_failure("transformation", error)) from None

    return change


def make_shape(
    change: Change | None,
    keep: Keep | None,
    make_context: Callable[[], RecordContext],
    open_desk: Callable[[RecordContext, Any], Any] | None = None,
) -> Shape | None:
    """Transform, then filter. A record that fails is kept apart with its reason; a filtered one is gone for good.

    `open_desk` answers the transform's lookups. Raises RetryLater and the like when they can be had later only.
    """
    if change is None and keep is None:
        return None

    def shape(records: list[Any], recorder: Any = None) -> Shaped:
        context = make_context()
        if open_desk is None:
            return shape_all(change, keep, records, context)
        desk = open_desk(context, recorder)
        context.lookup, context.env = desk, replace(context.env, lookups=desk.by_key)
        shaped: Shaped = desk.resolve(lambda: shape_all(change, keep, records, context))
        return shaped

    return shape


def shape_all(change: Change | None, keep: Keep | None, records: list[Any], context: RecordContext) -> Shaped:
    kept: list[Any] = []
    failures: list[tuple[Any, Failure]] = []
    for record in records:
        try:
            shaped = record if change is None else change(record, context)
            if keep is None or keep(shaped, context):
                kept.append(shaped)
        except RecordFailedError as error:
            if error.cause is not None:
                raise error.cause from None
            failures.append((record, error.failure))
    return kept, failures
