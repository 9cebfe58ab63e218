"""From what a caller wrote to exactly what runs: connector, versions, person and credential."""

import uuid
from collections.abc import Mapping
from typing import Any

from apps.accounts.end_users import find_end_user
from apps.accounts.models import EndUser
from apps.connections.access import open_row
from apps.connections.models import Connection
from apps.connectors.models import Component
from apps.connectors.resolve import find_component, find_connector, find_version
from apps.core.errors import ConflictError, NotFoundError, ValidationError
from apps.core.ids import parse_id
from apps.executions.actions import Action, credential_row
from apps.executions.lookup import Found, Sought, look_up


def resolve_action(
    *,
    organization_id: uuid.UUID,
    connector: object,
    component: object,
    input: Any,
    kind: str = Component.Kind.ACTION,
    connector_version: object = None,
    component_version: object = None,
    user: object = None,
    credential: object = None,
    query: Mapping[str, Any] | None = None,
) -> Action:
    """Raises NotFoundError for what is unknown or another's, ConflictError for a connector that is switched off."""
    sought = Sought(
        organization_id=organization_id,
        kind=kind,
        connector=connector,
        component=component,
        connector_version=connector_version,
        component_version=component_version,
        user=user,
        credential=credential,
    )
    found = look_up(sought) or look_step_by_step(sought)
    if not found.enabled:
        raise ConflictError(f"The connector {found.version.connector.name} is disabled.", field="connector")
    return Action(
        organization_id=organization_id,
        version=found.version,
        component=found.component,
        input=input,
        connection=open_row(found.connection) if found.connection else None,
        end_user=found.end_user,
        query=dict(query or {}),
    )


def resolve_through(
    connection: object,
    *,
    organization_id: uuid.UUID,
    connector: object,
    component: object,
    input: Any,
    connector_version: object = None,
    component_version: object = None,
    query: Mapping[str, Any] | None = None,
) -> Action:
    """As `resolve_action`, on one of the organization's own connections, which no end user stands behind."""
    found = find_connector(connector, organization_id=organization_id)
    if not found.enabled:
        raise ConflictError(f"The connector {found.name} is disabled.", field="connector")
    row_id = parse_id(connection)
    rows = Connection.objects.filter(organization_id=organization_id, end_user=None).select_related("security")
    row = rows.filter(pk=row_id).first() if row_id else None
    if row is None:
        raise NotFoundError(f"Connection {connection} was not found.", field="connectionId")
    if row.type != "http" or row.connector_id not in (None, found.id):
        raise ValidationError(f"The connection {row.name} is none of {found.name}'s kind.", field="connectionId")
    return Action(
        organization_id=organization_id,
        version=find_version(found, connector_version),
        component=find_component(found, component, kind=Component.Kind.ACTION, version=component_version),
        input=input,
        connection=open_row(row),
        query=dict(query or {}),
    )


def look_step_by_step(sought: Sought) -> Found:
    """By ids too. Raises what the first thing that is wrong deserves."""
    connector = find_connector(sought.connector, organization_id=sought.organization_id)
    version = find_version(connector, sought.connector_version)
    component = find_component(connector, sought.component, kind=sought.kind, version=sought.component_version)
    end_user = find_user(sought.user, organization_id=sought.organization_id)
    row = credential_row(end_user, connector=connector, version=version, credential_id=sought.credential)
    return Found(connector.enabled, version, component, end_user, row)


def find_user(user: object, *, organization_id: uuid.UUID) -> EndUser | None:
    return find_end_user(user, organization_id=organization_id) if user else None


def sibling(action: Action, component: object, *, kind: str, input: Any, field: str) -> Action:
    """Another component of the same connector, for the same person on the same credential."""
    found = find_component(action.version.connector, component, kind=kind, field=field)
    return Action(
        organization_id=action.organization_id,
        version=action.version,
        component=found,
        input=input,
        connection=action.connection,
        end_user=action.end_user,
        query=action.query,
    )
