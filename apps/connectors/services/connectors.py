"""Connectors: made, changed, published, deleted."""

import uuid
from typing import Any

from django.db import transaction

from apps.connectors.models import Connector
from apps.connectors.resolve import find_version
from apps.connectors.services.saving import apply, check_name, insert, locked, remove
from apps.connectors.services.versions import publish_version
from apps.core.errors import ValidationError


def create_connector(*, organization_id: uuid.UUID, name: str, **fields: Any) -> Connector:
    """`fields`: id, label, enabled, document, created_by, updated_by."""
    check_name(name, kind="connector")
    connector = Connector(organization_id=organization_id, name=name, **fields)
    return insert(connector, taken=f"A connector named {name} exists already.")


@transaction.atomic
def change_connector(*, connector: Connector, **fields: Any) -> Connector:
    if "name" in fields:
        check_name(fields["name"], kind="connector")
    return apply(locked(connector), fields, taken=f"A connector named {fields.get('name')} exists already.")


@transaction.atomic
def publish_connector(*, connector: Connector, contributor: str) -> Connector:
    """Publishes its default version, else its newest. Repeating is harmless. Raises ValidationError without any."""
    connector = locked(connector)
    if not connector.versions.exists():
        raise ValidationError(f"{connector} has no version to publish.", field="connectorId")
    publish_version(version=find_version(connector))
    connector.refresh_from_db()
    return apply(connector, {"published_by": contributor}, taken="")


@transaction.atomic
def delete_connector(*, connector: Connector) -> None:
    """With all it holds; refused while a connection or credential uses it."""
    remove(connector, shown=f"The connector {connector}")
