"""What an automation's document must look like, asked at each save. Texts that are templates may stand for anything."""

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from apps.automations.approvals.policy import check_members
from apps.automations.errors import AutomationError, fault
from apps.automations.running.compiled import Compiled, compile_document, every
from apps.automations.shapes import SCHEMA
from apps.catalog.models import Blueprint
from apps.core.errors import ValidationError, ValidationErrors
from apps.engine import schemas, templates

MAX_BYTES = 1024 * 1024


def check_shape(document: Any) -> None:
    """Raises ValidationErrors, one for each member that is wrong."""
    size = len(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS))
    if size > MAX_BYTES:
        raise fault("", f"An automation's document has at most {MAX_BYTES:,} bytes; this one has {size:,}.")
    problems = schemas.check(SCHEMA, document)
    if problems:
        raise ValidationErrors([told(path, message) for path, message in problems])


def told(path: str, message: str) -> ValidationError:
    missing = message.endswith("is a required property")
    return fault(path, message, code="missing_required_field" if missing else "")


def check(document: Mapping[str, Any], *, opened: Mapping[str, Any], organization_id: uuid.UUID) -> Compiled:
    """The document, compiled. Raises ValidationErrors, or an AutomationError for what it refers to and is not there."""
    check_shape(document)
    program = compile_document(document, opened=opened)
    found: list[ValidationError] = []
    for trigger in program.triggers:
        if document["type"] not in trigger.kind.types:
            found.append(
                fault(f"{trigger.at}.type", f"{trigger.kind.name} cannot start a flow of type {document['type']}")
            )
        found += problems_of(trigger.kind.schema, trigger.document, trigger.at)
    found += too_many(program)
    for action in every(program.actions):
        found += problems_of(action.kind.schema, action.args, f"{action.path}.args", raw=action.kind.raw)
        found += action.kind.rules(action.args, f"{action.path}.args") if action.kind.rules else []
    if found:
        raise ValidationErrors(found)
    check_blueprints(program, organization_id)
    if document.get("isActive") is not False:  # what names somebody, or something, that is gone can be switched off
        check_members(program.approval, organization_id=organization_id)
        check_references(program, organization_id)
    return program


def check_references(program: Compiled, organization_id: uuid.UUID) -> None:
    for trigger in program.triggers:
        if trigger.kind.check is not None:
            trigger.kind.check(trigger.document, trigger.at, organization_id)
    for action in every(program.actions):
        if action.kind.check is not None:
            action.kind.check(action.args, f"{action.path}.args", organization_id)


def too_many(program: Compiled) -> Iterator[ValidationError]:
    """Triggers of a kind of which an automation has so many at most."""
    counted = Counter(trigger.kind.name for trigger in program.triggers)
    for trigger in program.triggers:
        if counted.pop(trigger.kind.name, 0) > trigger.kind.most:
            yield fault(f"{trigger.at}.type", f"an automation has at most {trigger.kind.most} of {trigger.kind.name}")


def check_blueprints(program: Compiled, organization_id: uuid.UUID) -> None:
    """All that are named as they are, in one query."""
    named = [program.arguments.get(name) for name in ("sourceBlueprintId", "targetBlueprintId")]
    for action in every(program.actions):
        named += action.kind.blueprints(action.args) if action.kind.blueprints else []
    texts = dict.fromkeys(text for text in named if isinstance(text, str))
    wanted = [text for text in texts if not templates.is_template(text)]
    there = set(Blueprint.objects.of(organization_id).among(wanted).values_list("natural_id", flat=True))
    for text in wanted:
        if text not in there:
            raise AutomationError(f"Blueprint with id {text} not found")


def problems_of(
    schema: Mapping[str, Any], value: Any, at: str, *, raw: frozenset[str] = frozenset()
) -> list[ValidationError]:
    """What is wrong whatever the templates in it will turn out to be."""
    open_places = list(templated(value))
    found = []
    for path, message in schemas.check(dict(schema), value):
        if any(place == path or inside(place, path) or inside(path, place) for place in open_places):
            if not message.endswith("is a required property"):
                continue
            if any(place == path for place in open_places):
                continue
        where = f"{at}.{path}" if path and not path.startswith("[") else f"{at}{path}"
        found.append(told(where, message))
    return found


def templated(value: Any, path: str = "") -> Iterator[str]:
    """The places of texts that are templates."""
    if isinstance(value, str):
        if templates.is_template(value):
            yield path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from templated(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from templated(inner, f"{path}[{index}]")


def inside(place: str, path: str) -> bool:
    """Whether a place lies within another; everything lies within the whole."""
    return not path or (place.startswith(path) and place[len(path) : len(path) + 1] in (".", "["))
