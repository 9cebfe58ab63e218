"""Which values a member of an action's input may have now: those that its datatype gives for the values so far.

`x-datatype` of a member names a datatype of the same connector; a member with an `enum` says its values itself.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from apps.connectors.models import Component
from apps.connectors.validation import input_schema
from apps.core.errors import BadRequestError, NotFoundError, ValidationError
from apps.engine.schemas import InputField, input_fields
from apps.executions.actions import Action, run_action
from apps.executions.resolution import sibling


def values_of_steps(steps: object) -> dict[str, Any]:
    """`[{"name": …, "value": …}]` as an object; the last word on a name counts. Raises ValidationError."""
    if steps is None:
        raise BadRequestError("step is required.", field="step")
    if not isinstance(steps, list):
        raise ValidationError("step must be a list of {name, value}.", field="step")
    values: dict[str, Any] = {}
    for index, step in enumerate(steps):
        if not isinstance(step, dict):
            raise ValidationError(f"step[{index}] must be an object.", field=f"step[{index}]")
        name = step.get("name")
        if not isinstance(name, str) or not name:
            raise ValidationError(f"step[{index}].name must be text.", field=f"step[{index}].name")
        values[name] = step.get("value")
    return values


def refresh(action: Action, *, target: object, triggered_by: str = "", cause: str | None = None) -> Any:
    """The valid values of the member `target` of the action's input; `action.input` holds the values so far."""
    if target in (None, ""):
        raise BadRequestError("targetField is required.", field="targetField")
    variables = input_schema(action.component.schema.get("variables"))
    field = next((found for found in input_fields(variables) if found.path == target), None)
    if field is None:
        raise ValidationError(f"targetField: {action.name} has no input {target}.", field="targetField")
    if field.datatype is None:
        return _said_by_itself(action, field, variables)
    try:
        source = sibling(action, _named(field), kind=Component.Kind.DATATYPE, input={}, field="targetField")
    except NotFoundError as error:
        raise ValidationError(f"targetField: {error.message}", field="targetField") from None
    source = replace(source, input=_declared(source, action.input))
    return run_action(source, triggered_by=triggered_by, cause=cause).output


def _said_by_itself(action: Action, field: InputField, variables: Any) -> Any:
    schema: Any = {"properties": (variables or {}).get("properties")}
    for name in field.path.split("."):
        schema = (schema.get("properties") or {}).get(name) or {}
    if "enum" not in schema:
        raise ValidationError(
            f"targetField: nothing computes values of {field.path} of {action.name} (no x-datatype).",
            field="targetField",
        )
    return schema["enum"]


def _named(field: InputField) -> object:
    """`x-datatype` is a name or id, or an object that holds it."""
    named = field.datatype
    return named.get("name") or named.get("id") if isinstance(named, Mapping) else named


def _declared(datatype: Action, values: dict[str, Any]) -> dict[str, Any]:
    """A datatype gets those of the values that it declares; all of them, if it declares none."""
    schema = input_schema(datatype.component.schema.get("variables"))
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return values
    return {name: value for name, value in values.items() if name in properties}
