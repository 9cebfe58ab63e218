"""Writing components. An update without a version edits in place; a new version is a copy with the update above it."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.connectors import services, versions
from apps.connectors.authoring.author import Author, chosen_id, fresh_id, own_name
from apps.connectors.kinds import RULES
from apps.connectors.models import Component, ComponentVersion, Connector
from apps.core.actors import Verb
from apps.core.errors import ConflictError, NotFoundError
from apps.core.ids import parse_id

COLUMNS = ("label", "schema", "logic")


@transaction.atomic
def create_component(
    *, author: Author, connector: Connector, kind: str, body: Mapping[str, Any], virtual: str = ""
) -> ComponentVersion:
    """`virtual` names the body's member that may hold a virtual id: of a component of this kind, which gets another

    version then; else the new component's own.
    """
    author.require(Verb.EDIT, connector)
    component_id = chosen_id(body, virtual) if virtual else None
    known = connector.components.filter(kind=kind, pk=component_id).first() if component_id else None
    fields = {
        **_fields(kind, body, stored=None),
        "published": body.get("published", RULES[kind].published),
        "row_id": chosen_id(body),
        "created_by": author.user,
        "updated_by": author.user,
    }
    if known is not None:
        if body.get("name"):
            services.rename_component(component=known, name=body["name"])
        source = _current(known)
        fields |= _fields(kind, body, stored=source)
        row = services.create_component_version(component=known, version="minor", source=source, **fields)
    else:
        component_id = fresh_id(component_id)
        name = body.get("name") or own_name(kind, component_id)
        row = services.create_component(connector=connector, kind=kind, name=name, id=component_id, **fields)
    author.log("create", row, kind=kind)
    return row


@transaction.atomic
def update_component(
    *, author: Author, version: ComponentVersion, body: Mapping[str, Any], wish: str | None = None
) -> ComponentVersion:
    """`wish`: the component's version to write: an existing one, `minor`, `major` or a new name. None: this one.

    Raises ConflictError where a published version would change.
    """
    component = version.component
    author.require(Verb.EDIT, component.connector)
    target = version if wish is None else _named(component, wish)
    before = snapshot(target or version)
    if body.get("name") and body["name"] != component.name:
        services.rename_component(component=component, name=body["name"])
    if target is None:
        row = services.create_component_version(
            component=component,
            version=wish or "",
            source=version,
            published=body.get("published", RULES[component.kind].published),
            created_by=author.user,
            updated_by=author.user,
            **_fields(component.kind, body, stored=version),
        )
    else:
        fields = _fields(component.kind, body, stored=target)
        if "published" in body:
            fields["published"] = body["published"]
        row = services.change_component_version(version=target, **fields, updated_by=author.user)
    row = ComponentVersion.objects.select_related("component__connector", "created_by", "updated_by").get(pk=row.pk)
    event = "create" if target is None else "update"
    author.log(event, row, kind=component.kind, before=before, after=snapshot(row))
    return row


@transaction.atomic
def publish_component(*, author: Author, version: ComponentVersion) -> ComponentVersion:
    author.require(Verb.EDIT, version.component.connector)
    row = services.publish_component_version(version=version)
    author.log("publish", row, kind=version.component.kind)
    return row


@transaction.atomic
def delete_component(*, author: Author, version: ComponentVersion, text: str) -> None:
    """By a version's own id that version; by virtual id or name the component with all of them."""
    component = version.component
    author.require(Verb.DELETE, component.connector)
    if parse_id(text) == version.pk:
        author.log("delete", version, kind=component.kind)
        services.delete_component_version(version=version)
    else:
        author.log("delete", component, kind=component.kind)
        services.delete_component(component=component)


def member_of(version: ComponentVersion, name: str) -> Any:
    return version.document.get(name, RULES[version.component.kind].members[name])


def snapshot(row: ComponentVersion) -> dict[str, Any]:
    members = {name: member_of(row, name) for name in RULES[row.component.kind].members}
    shown = {"name": row.component.name, "version": row.name, "published": row.published}
    return {**shown, "label": row.label, "schema": row.schema, "logic": row.logic, **members}


def _fields(kind: str, body: Mapping[str, Any], *, stored: ComponentVersion | None) -> dict[str, Any]:
    fields: dict[str, Any] = {name: body[name] for name in COLUMNS if name in body}
    members = {name: body[name] for name in RULES[kind].members if name in body}
    if stored is not None:
        known = stored.document  # an echoed default is no change
        members = {name: value for name, value in members.items() if name in known or value != member_of(stored, name)}
    if members:
        fields["document"] = {**(stored.document if stored else {}), **members}
    return fields


def _current(component: Component) -> ComponentVersion:
    found = component.versions.order_by("-published", "-number").first()
    if found is None:
        raise NotFoundError(f"{component} has no version.")
    return found


def _named(component: Component, wish: str) -> ComponentVersion | None:
    """The version of that name; None for one to be made. Raises ValidationError for a blank."""
    versions.check_name(wish)
    if wish in versions.BUMPS:
        return None
    rows = component.versions.select_related("component__connector")
    found = list(rows.filter(name__in=versions.spellings(wish)))
    if len(found) > 1:
        raise ConflictError(f"{component} has several versions that {wish} may mean.", field="version")
    return found[0] if found else None
