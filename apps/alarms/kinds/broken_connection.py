"""Connections that are offline, or wait to be connected anew, for as long as the window says."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from apps.alarms.kinds.base import MOST_SUBJECTS, AlarmKind, Reading, Subject, standing_readings
from apps.alarms.rules import Limits, Rule
from apps.connections.models import Connection


def read(organization_id: uuid.UUID, rule: Rule, now: datetime) -> dict[str, Reading]:
    rows = Connection.objects.filter(organization_id=organization_id, offline_since__lte=now - rule.window)
    if rule.scope.connection_id:
        rows = rows.filter(pk=rule.scope.connection_id)
    if rule.scope.integration_id:
        rows = rows.filter(integrations=rule.scope.integration_id)
    found = rows.defer("document", "secret").prefetch_related("integrations").order_by("offline_since", "id")
    return standing_readings((subject_of(row) for row in found[:MOST_SUBJECTS]), rule)


def subject_of(row: Connection) -> Subject:
    reason = row.offline_reason or "It cannot be reached."
    message = f"It must be connected again: {reason}" if row.needs_reconnect else reason
    folders = sorted(folder.id for folder in row.integrations.all())
    return Subject(
        kind="connection", id=row.id, name=row.name, message=message, page=("connection", row.id),
        integration_id=folders[0] if folders else None, since=row.offline_since,
    )  # fmt: skip


def suspects(now: datetime) -> Iterable[uuid.UUID]:
    rows = Connection.objects.filter(offline_since__isnull=False).order_by()
    return rows.values_list("organization_id", flat=True).distinct()


BROKEN_CONNECTION = AlarmKind(
    name="broken_connection",
    title="Connection broken",
    advice="Open the connection and ping it: the page says what the other system answers. Its work is parked and goes"
    " on by itself once it is back. One that must be connected again needs a person to sign in there.",
    limits=Limits(threshold=1, most=10_000, window=0, least_window=0, scopes=("_integrationId", "_connectionId")),
    threshold_means="connections that are broken for as long as the window says",
    counted=("1 connection", "connections"),
    pokes=frozenset({"connection.offline", "connection.online", "connection.needs_reconnect"}),
    read=read,
    suspects=suspects,
)
