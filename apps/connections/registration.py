"""Which integrations a connection is listed under. It changes no step's connection, and repeats are harmless."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from apps.audit import services as audit
from apps.connections.models import Connection
from apps.connections.resource import CONNECTIONS
from apps.core.actors import Actor, Verb
from apps.core.errors import NotFoundError, ValidationError, ValidationErrors
from apps.core.ids import hex24
from apps.integrations.models import Integration


def register_connections(*, actor: Actor, integration: Integration, ids: list[str]) -> list[Connection]:
    """All or none. Raises ValidationErrors for ids that name no connection of the actor's."""
    actor.require(Verb.EDIT, integration_id=integration.id)
    found, errors = [], []
    for index, text in enumerate(ids):
        try:
            found.append(CONNECTIONS.readable(actor).find(text))
        except NotFoundError as error:
            errors.append(ValidationError(error.message, field=f"[{index}]", code="invalid_ref"))
    if errors:
        raise ValidationErrors(errors)
    with transaction.atomic():
        known = set(integration.connections.values_list("pk", flat=True))
        for connection in found:
            if connection.id not in known:
                connection.integrations.add(integration)
                log(actor=actor, integration=integration, connection=connection, registered=True)
    return found


def unregister_connection(*, actor: Actor, integration: Integration, connection: Connection) -> None:
    actor.require(Verb.EDIT, integration_id=integration.id)
    with transaction.atomic():
        if connection.integrations.filter(pk=integration.pk).exists():
            connection.integrations.remove(integration)
            log(actor=actor, integration=integration, connection=connection, registered=False)


def log(*, actor: Actor, integration: Integration, connection: Connection, registered: bool) -> None:
    change = {"fieldPath": "_registeredConnectionIds", "newValue" if registered else "oldValue": connection.hex_id}
    audit.record(
        actor=actor,
        event="update",
        resource_type="integration",
        resource_id=integration.id,
        resource_name=integration.name,
        integration_id=integration.id,
        changes=[change],
    )


def count_registered(integrations: Sequence[Integration]) -> dict[uuid.UUID, dict[str, Any]]:
    """What stands in these folders, and how much of it is away."""
    counted: dict[uuid.UUID, dict[str, Any]] = {
        row.pk: {"_registeredConnectionIds": [], "numRegisteredConnections": 0, "numOfflineConnections": 0}
        for row in integrations
    }
    rows = Connection.integrations.through.objects.filter(integration_id__in=list(counted)).order_by("connection_id")
    for folder, connection_id, offline in rows.values_list(
        "integration_id", "connection_id", "connection__offline_since"
    ):
        members = counted[folder]
        members["_registeredConnectionIds"].append(hex24(connection_id))
        members["numRegisteredConnections"] += 1
        members["numOfflineConnections"] += offline is not None
    return counted
