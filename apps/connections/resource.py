"""Saving and deleting connections: the document with secrets masked in one column, the secrets sealed in another."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime

from apps.connections.documents import RUNNABLE, concurrency_of, parse_document
from apps.connections.documents.pgp import parse_pgp
from apps.connections.models import Connection
from apps.connections.pgp import check_keys
from apps.connections.secrets import MASK, seal, unseal
from apps.core.actors import Actor, Verb
from apps.core.clock import now
from apps.core.ids import hex24
from apps.integrations.resources import Draft, Resource
from apps.wire.stamps import stamp

LONGEST_DEBUG = timedelta(hours=24)
BORROW = "_borrowConcurrencyFromConnectionId"


class ConnectionResource(Resource[Connection]):
    """The surprise: a connection may stand in many integrations, so a share of any of them reaches it."""

    kind = "connection"
    model = Connection
    read_verb = Verb.SECRETS
    columns = frozenset({"name", "type", "externalId", BORROW, "debugDate"})
    computed = frozenset({"offline", "queues", "_integrationId"})

    def readable(self, actor: Actor) -> Any:
        return Connection.objects.for_actor(actor).filter(end_user=None).prefetch_related("integrations").distinct()

    def may(self, *, actor: Actor, verb: Verb, row: Connection) -> bool:
        if actor.may(verb):
            return True
        folders = () if row._state.adding else [folder.id for folder in row.integrations.all()]
        return any(actor.may(verb, integration_id=folder) for folder in folders)

    def listed(self, actor: Actor) -> Any:
        rows = super().listed(actor)
        if not actor.may(Verb.SECRETS):
            allowed = [shared for shared in actor.shares if actor.may(Verb.SECRETS, integration_id=shared)]
            rows = rows.filter(integrations__id__in=allowed)
        return rows

    def check(self, draft: Draft[Connection]) -> None:
        document, row = draft.document, draft.row
        until = moment_of(document.get("debugDate"))
        if until is not None and until > now() + LONGEST_DEBUG and until != row.debug_until:
            draft.fail("debugDate", "may be at most 24 hours ahead: everything that is sent is kept until then.")
        if not draft.is_new and row.type != document["type"]:
            draft.fail("type", f"cannot change from {row.type}: make another connection.")
        if document["type"] not in RUNNABLE or draft.errors:
            return
        sealed = draft.try_check(lambda: self.seal(draft))
        if sealed:
            masked, secret = sealed
            whole = unseal(masked, secret, type=document["type"], connection_id=row.id)
            draft.try_check(lambda: parse_document(whole, type=document["type"]))
            draft.try_check(lambda: check_keys(parse_pgp(whole, type=document["type"])))

    def fill(self, draft: Draft[Connection]) -> None:
        row, document = draft.row, draft.document
        row.name, row.type = document["name"], document["type"]
        row.external_id = document.get("externalId", "")
        row.concurrency = concurrency_of(document, type=row.type)
        row.borrows_from_id = draft.ids.get(BORROW)
        row.debug_until = moment_of(document.get("debugDate"))
        written = ((document.get("http") or {}).get("auth") or {}).get("token") or {}
        if any(written.get(name) not in (None, "", MASK) for name in ("token", "refreshToken")):
            row.needs_reconnect = False  # a person has brought another token: a ping may bring it back
        sealed = draft.try_check(lambda: self.seal(draft))
        if sealed:
            draft.document, row.secret = sealed

    def seal(self, draft: Draft[Connection]) -> tuple[dict[str, Any], bytes]:
        row = draft.row
        return seal(draft.document, type=draft.document["type"], connection_id=row.id, previous=bytes(row.secret))

    def counted(self, rows: Sequence[Connection], *, alone: bool = False) -> dict[uuid.UUID, dict[str, Any]]:
        """`_integrationId` is told of one that stands in one folder: in several, none is its own."""
        found = super().counted(rows, alone=alone)
        for row in rows:
            folders = list(row.integrations.all())
            if len(folders) == 1:
                found[row.pk]["_integrationId"] = folders[0].hex_id
        return found

    def members(self, row: Connection) -> dict[str, Any]:
        shown: dict[str, Any] = {"name": row.name, "type": row.type, "offline": row.offline_since is not None}
        if row.external_id:
            shown["externalId"] = row.external_id
        if row.borrows_from_id:
            shown[BORROW] = hex24(row.borrows_from_id)
        if row.debug_until:
            shown["debugDate"] = stamp(row.debug_until)
        if row.connector_id:
            shown["_connectorId"] = hex24(row.connector_id)
        return shown


def moment_of(text: str | None) -> datetime | None:
    moment = parse_datetime(text) if text else None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


CONNECTIONS = ConnectionResource()
