"""Components and their versions: actions, triggers, events, functions, conditions, datatypes, variables."""

import uuid
from typing import Any

from django.db import transaction
from django.db.models import Max

from apps.connectors import versions
from apps.connectors.models import Component, ComponentVersion, Connector
from apps.connectors.services.saving import apply, changes_of, check_name, insert, locked, remove
from apps.connectors.validation import check_logic, check_schema, input_schema
from apps.core.errors import ConflictError, ValidationError

LOGIC_HOOKS: dict[str, tuple[str, ...]] = {
    Component.Kind.ACTION: ("execute",),
    Component.Kind.CONDITION: ("execute",),
    Component.Kind.FUNCTION: ("execute",),
    Component.Kind.DATATYPE: ("execute",),
    Component.Kind.VARIABLE: (),
    Component.Kind.TRIGGER: ("create", "delete", "check", "poll", "trigger"),
    Component.Kind.EVENT: ("route", "response"),
}


@transaction.atomic
def create_component(
    *, connector: Connector, kind: str, name: str, version: str = "", id: uuid.UUID | None = None, **fields: Any
) -> ComponentVersion:
    """A component with its first version, which is answered. `fields` are the version's, as below."""
    check_name(name, kind=kind)
    component = Component(organization_id=connector.organization_id, connector=connector, kind=kind, name=name)
    component.id = id or component.id
    insert(component, taken=f"{connector} has the {kind} {name} already.")
    return create_component_version(component=component, version=version or versions.FIRST, **fields)


@transaction.atomic
def create_component_version(
    *,
    component: Component,
    version: str = "minor",
    source: ComponentVersion | None = None,
    row_id: uuid.UUID | None = None,
    **fields: Any,
) -> ComponentVersion:
    """The next version of a component, holding what `source` holds (the newest, unless given) and `fields` above it:

    label, schema, logic, document, published, created_by, updated_by. `row_id` is the caller's own id for it.
    """
    component = locked(component)  # numbers are counted: one at a time
    known = list(component.versions.order_by("number").values_list("name", flat=True))
    name = versions.next_name(versions.highest(known), version)
    versions.check_name(name)
    newest = source or component.versions.order_by("-number").first()
    row = ComponentVersion(organization_id=component.organization_id, component=component, name=name)
    row.id = row_id or row.id
    for member in ("label", "schema", "logic", "document"):
        setattr(row, member, fields.pop(member, getattr(newest, member) if newest else {}))
    for member, value in fields.items():
        setattr(row, member, value)
    check_component(kind=component.kind, schema=row.schema, logic=row.logic)
    row.number = (component.versions.aggregate(top=Max("number"))["top"] or 0) + 1
    if set(known) & versions.spellings(name):
        raise ConflictError(f"{component} has a version {name} already.", field="version")
    return insert(row, taken=f"{component} has a version {name} already.")


@transaction.atomic
def change_component_version(*, version: ComponentVersion, **fields: Any) -> ComponentVersion:
    """`published` True publishes it as well; False is a conflict for a published one."""
    version = locked(version)
    changes = changes_of(version, fields)
    check_component(kind=version.component.kind, schema=changes.get("schema") or {}, logic=changes.get("logic") or {})
    if changes:
        apply(version, changes, taken=f"{version.component} has a version {changes.get('name')} already.")
    return version


@transaction.atomic
def rename_component(*, component: Component, name: str) -> Component:
    """For all its versions: a name is the component's. An action's is frozen once its connector is published, since
    callers know it by that."""
    check_name(name, kind=component.kind)
    row = locked(component)
    if row.kind == Component.Kind.ACTION and name != row.name and row.connector.published_at:
        raise ConflictError(
            f"{row.connector} is published, which freezes the name of its action {row.name}.", field="name"
        )
    return apply(row, {"name": name}, taken=f"{row.connector} has the {row.kind} {name} already.")


def publish_component_version(*, version: ComponentVersion) -> ComponentVersion:
    ComponentVersion.objects.filter(pk=version.pk).update(published=True)
    version.published = True
    return version


@transaction.atomic
def delete_component(*, component: Component) -> None:
    """With all its versions: what is pinned to one fails by its name."""
    remove(locked(component), shown=f"The {component.kind} {component}")


@transaction.atomic
def delete_component_version(*, version: ComponentVersion) -> None:
    """Removes one version, published or not: what is pinned to it fails by name. The last one takes the component."""
    component = locked(version.component)
    remove(version, shown=f"Version {version}")
    if not component.versions.exists():
        remove(component, shown=f"The {component.kind} {component}")


def check_component(*, kind: str, schema: Any, logic: Any) -> None:
    """Raises ValidationError naming the member: schemas must be JSON Schemas, programs must compile."""
    if not isinstance(schema, dict):
        raise ValidationError("schema must be an object with variables and output.", field="schema")
    if schema.get("variables") is not None:
        check_schema(input_schema(schema["variables"]), field="schema.variables")
    if schema.get("output") is not None:
        check_schema(schema["output"], field="schema.output")
    check_logic(logic, hooks=LOGIC_HOOKS[Component.Kind(kind)])
