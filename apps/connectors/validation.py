"""Checks what an author writes before it is stored: JSON Schemas and logic programs, errors naming the member."""

from functools import lru_cache
from typing import Any

import orjson

from apps.core.errors import ValidationError
from apps.engine import schemas
from apps.engine.logic import LogicError, Program, compile_logic


def check_schema(schema: Any, *, field: str) -> None:
    try:
        schemas.check_schema(schema)
    except schemas.SchemaError as error:
        raise ValidationError(f"{_at(field, error.path)}: {error.reason}.", field=_at(field, error.path)) from None


def input_schema(variables: Any) -> Any:
    """What checks a component's input. Besides a JSON Schema, `variables` may be a list of fields, each a schema with

    a `name` or `title`; only their own members are looked at then.
    """
    if not isinstance(variables, list):
        return variables
    properties = {}
    for index, item in enumerate(variables):
        name = (item.get("name") or item.get("title")) if isinstance(item, dict) else None
        if not isinstance(name, str):
            at = f"schema.variables[{index}]"
            raise ValidationError(f"{at}: must be an object with a name or title.", field=at)
        properties[name] = {member: value for member, value in item.items() if member != "name"}
    return {"type": "object", "properties": properties}


def check_logic(logic: Any, *, hooks: tuple[str, ...]) -> None:
    """Raises ValidationError naming the hook, or the member of its program."""
    if not isinstance(logic, dict):
        raise ValidationError("logic must be an object of programs by hook.", field="logic")
    for hook, program in logic.items():
        if hook not in hooks:
            allowed = ", ".join(hooks) or "none"
            raise ValidationError(f"logic.{hook} is not a hook here (allowed: {allowed}).", field=f"logic.{hook}")
        check_program(program, field=f"logic.{hook}")


def check_program(document: Any, *, field: str) -> None:
    try:
        compile_program(document)
    except LogicError as error:
        raise ValidationError(f"{_at(field, error.path)}: {error.reason}.", field=_at(field, error.path)) from None


def compile_program(document: Any) -> Program:
    """Compiled once per process and text. Raises LogicError."""
    return _compiled(orjson.dumps(document))


@lru_cache(maxsize=1024)
def _compiled(text: bytes) -> Program:
    return compile_logic(orjson.loads(text))


def _at(field: str, path: str) -> str:
    return f"{field}.{path}" if path else field
