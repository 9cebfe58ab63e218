"""Marks a connection offline and online. Offline, work through it parks; online, all of it is due again at once."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Coalesce, Now

from apps.connections.access import OpenConnection, parked_on
from apps.connections.models import Connection
from apps.core import clock
from apps.core.gateway import Category, ConnectFailed, GatewayError, TimedOut
from apps.core.ids import hex24
from apps.events.services import emit
from apps.work import services as work
from apps.work.kinds import Claim
from apps.work.models import Lane, WorkItem

PING = "ping"
FIRST_PING_SECONDS = 15.0


def cannot_be_reached(error: GatewayError) -> bool:
    """Whether this is the connection's trouble, not the request's: nothing was dialled through."""
    if isinstance(error, ConnectFailed):
        return error.category is Category.TRANSIENT
    return isinstance(error, TimedOut) and not error.maybe_sent


def mark_offline(connection: OpenConnection, *, reason: str) -> bool:
    """False if it was offline already, or changed since it was opened. Starts the pings that bring it back."""
    if connection.id is None:
        return False
    with transaction.atomic():
        rows = Connection.objects.filter(pk=connection.id, revision=connection.revision, offline_since__isnull=True)
        if not rows.update(offline_since=Now(), offline_reason=reason[:500]):
            return False
        if not WorkItem.objects.filter(kind=PING, target_id=connection.id).exists():
            work.add(
                kind=PING,
                lane=Lane.HOUSEKEEPING,
                organization_id=connection.organization_id,
                target_id=connection.id,
                due_at=clock.now() + timedelta(seconds=FIRST_PING_SECONDS),
                reason=reason,
            )
        _tell("connection.offline", organization_id=connection.organization_id, id=connection.id, reason=reason)
    return True


def mark_online(*, connection_id: uuid.UUID, organization_id: uuid.UUID) -> int:
    """Clears the mark, ends the pings, and makes everything parked on it due; answers how much that was."""
    with transaction.atomic():
        rows = Connection.objects.filter(pk=connection_id, offline_since__isnull=False, needs_reconnect=False)
        if not rows.update(offline_since=None, offline_reason=""):
            return 0
        work.drop_target(kind=PING, target_id=connection_id)
        _tell("connection.online", organization_id=organization_id, id=connection_id, reason="")
        return work.unpark(parked_on(connection_id))


def mark_lost(row: Connection, *, reason: str) -> None:
    """What was granted to it is gone: offline until a person consents anew. In a transaction, the row locked."""
    row.needs_reconnect, row.offline_reason = True, reason[:500]
    rows = Connection.objects.filter(pk=row.id)
    rows.update(needs_reconnect=True, offline_reason=row.offline_reason, offline_since=Coalesce("offline_since", Now()))
    work.drop_target(kind=PING, target_id=row.id)
    emit(
        organization_id=row.organization_id,
        type="connection.needs_reconnect",
        subject_kind="connection",
        subject_id=row.id,
        data={
            "connection": row.hex_id,
            "name": row.name,
            "user": str(row.end_user_id) if row.end_user_id else None,
            "connector": str(row.connector_id) if row.connector_id else None,
            "reason": row.offline_reason,
        },
    )


def park(claims: Sequence[Claim], *, connection_id: uuid.UUID, organization_id: uuid.UUID) -> bool:
    """Sets work aside until the connection is back. Back meanwhile: gives it back at once, and answers False.

    The row is locked: a recovery either sees the parked work or is seen here.
    """
    with transaction.atomic():
        rows = Connection.objects.select_for_update().filter(pk=connection_id, organization_id=organization_id)
        row = rows.filter(offline_since__isnull=False).first()
        if row is None:
            work.release(claims)
            return False
        work.park(claims, on=parked_on(connection_id), reason=f"connection {row.name} is offline")
        return True


def _tell(type: str, *, organization_id: uuid.UUID, id: uuid.UUID, reason: str) -> None:
    emit(
        organization_id=organization_id,
        type=type,
        subject_kind="connection",
        subject_id=id,
        data={"connection": hex24(id), "reason": reason},
    )
