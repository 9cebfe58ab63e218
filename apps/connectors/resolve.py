"""From what a client wrote to the row it names: ids in either spelling, versions by name, components by three ways.

Own rows come before the system organization's, so an organization may have a connector named like one of the library.
"""

import uuid
from typing import TypeGuard

from django.db.models import Case, QuerySet, Value, When

from apps.connectors.models import Component, ComponentVersion, Connector, ConnectorVersion, Security
from apps.connectors.versions import spellings
from apps.core.errors import NotFoundError
from apps.core.ids import parse_id


def find_connector(text: object, *, organization_id: uuid.UUID | None) -> Connector:
    """By id or name."""
    rows = Connector.objects.visible_to(organization_id)
    row_id = parse_id(text)
    found = rows.filter(pk=row_id).first() if row_id else None
    if found is None and _is_name(text):
        own_first = Case(When(organization_id=organization_id, then=Value(0)), default=Value(1))
        found = rows.filter(name=text).order_by(own_first).first()
    if found is None:
        raise NotFoundError(f"Connector {text} was not found.", field="connector")
    return found


def find_version(connector: Connector, text: object = None) -> ConnectorVersion:
    """By id or name; nothing said: the default version, else the newest published, else the newest."""
    rows = connector.versions.select_related("connector", "default_security")
    if not text:
        newest = rows.order_by("-published", "-created_at", "-id")
        found = rows.filter(pk=connector.default_version_id).first() or newest.first()
        if found is None:
            raise NotFoundError(f"Connector {connector.name} has no version.", field="connectorVersion")
        return found
    row_id = parse_id(text)
    found = rows.filter(pk=row_id).first() if row_id else None
    if found is None and _is_name(text):
        found = rows.filter(name__in=spellings(text)).order_by(_exact_first(text), "-created_at").first()
    if found is None:
        raise NotFoundError(f"Connector {connector.name} has no version {text}.", field="connectorVersion")
    return found


def find_component(
    connector: Connector, text: object, *, kind: str, version: object = None, field: str = ""
) -> ComponentVersion:
    """By row id, virtual id or name, in this order; the last two mean `version`, else the newest published, else
    the newest."""
    of_kind = ComponentVersion.objects.filter(component__connector=connector, component__kind=kind)
    of_kind = of_kind.select_related("component__connector")
    row_id = parse_id(text)
    found = of_kind.filter(pk=row_id).first() if row_id else None
    if found is not None and not version:
        return found
    if found is not None:
        return _version_of(of_kind.filter(component=found.component_id), version, shown=f"{kind} {text}")
    rows = of_kind.filter(component_id=row_id) if row_id else of_kind.none()
    if _is_name(text) and not rows.exists():
        rows = of_kind.filter(component__name=text)
    if not rows.exists():
        raise NotFoundError(f"{kind.capitalize()} {text} was not found in {connector.name}.", field=field or kind)
    if version:
        return _version_of(rows, version, shown=f"{kind} {text}")
    return rows.order_by("-published", "-number")[0]


def find_security(connector: Connector, text: object) -> Security:
    """By id, or by the name its author gave as one."""
    rows = connector.securities.select_related("connector")
    row_id = parse_id(text)
    found = rows.filter(pk=row_id).first() if row_id else None
    if found is None and _is_name(text):
        found = rows.filter(name=text).first()
    if found is None:
        raise NotFoundError(f"Security {text} was not found in {connector.name}.", field="securityId")
    return found


def pinned_version(
    version_id: uuid.UUID, *, organization_id: uuid.UUID, name: str, version: str, kind: str = Component.Kind.ACTION
) -> ComponentVersion:
    """Exactly the row that what runs was pinned to; gone, the error tells its name and version."""
    rows = ComponentVersion.objects.visible_to(organization_id).filter(component__kind=kind)
    row = rows.select_related("component__connector").filter(pk=version_id).first()
    if row is None:
        raise NotFoundError(f"Version {version} of the {kind} {name} no longer exists.", field=kind)
    return row


def _version_of(rows: "QuerySet[ComponentVersion]", text: object, *, shown: str) -> ComponentVersion:
    row_id = parse_id(text)
    found = rows.filter(pk=row_id).first() if row_id else None
    if found is None and _is_name(text):
        found = rows.filter(name__in=spellings(text)).order_by(_exact_first(text), "-number").first()
    if found is None:
        raise NotFoundError(f"The {shown} has no version {text}.", field="actionVersion")
    return found


def _is_name(text: object) -> TypeGuard[str]:
    """A database text holds no NUL: such a name is unknown."""
    return isinstance(text, str) and "\0" not in text


def _exact_first(name: str) -> Case:
    return Case(When(name=name, then=Value(0)), default=Value(1))
