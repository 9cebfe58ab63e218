"""Connections that are offline, or wait to be connected anew, for as long as the window says."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from apps.alarms.kinds.base import (
    MOST_STANDING,
    MOST_SUBJECTS,
    AlarmKind,
    Reading,
    Subject,
    longest_since,
    standing_readings,
)
from apps.alarms.rules import Limits, Rule, Scope
from apps.connections.models import Connection


def read(organization_id: uuid.UUID, rules: Sequence[Rule], now: datetime) -> list[dict[str, Reading]]:
    since = longest_since(rules, now)
    rows = Connection.objects.filter(organization_id=organization_id, offline_since__lte=since)
    rows = rows.defer("document", "secret").prefetch_related("integrations").order_by("offline_since", "id")
    found = list(rows[:MOST_STANDING])
    return [reading_of(found, rule, since=now - rule.window) for rule in rules]


def reading_of(found: Sequence[Connection], rule: Rule, *, since: datetime) -> dict[str, Reading]:
    wanted = (row for row in found if row.offline_since and row.offline_since <= since and in_scope(row, rule.scope))
    return standing_readings((subject_of(row) for row in islice(wanted, MOST_SUBJECTS)), rule)


def in_scope(row: Connection, scope: Scope) -> bool:
    if scope.connection_id and scope.connection_id != row.id:
        return False
    return not scope.integration_id or scope.integration_id in {folder.id for folder in row.integrations.all()}


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
