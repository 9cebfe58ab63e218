"""Keeps OAuth tokens fresh: before a call that finds one expired, after a 401, and some minutes ahead by due work.

One process at a time renews a connection's token, under a lease row: no database lock is held while the server is
asked, and those who come second wait a moment and read what the first has got. Servers that rotate refresh tokens take
a second use of one for theft, so a renewal is never sent twice by guess.
"""

import time
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.connections import bundles, grants, marks, oauth
from apps.connections.access import OpenConnection, open_connection, open_row
from apps.connections.documents import HttpDocument, TokenAuth
from apps.connections.failures import WaitError
from apps.connections.models import Connection, TokenLease
from apps.connections.oauth_requests import TokenRefusedError, TokenUnavailableError
from apps.connections.secrets import seal, unseal
from apps.core import clock
from apps.core.errors import ConflictError, DomainError
from apps.core.vault import VaultError
from apps.work import services as work
from apps.work.kinds import Claim, WorkKind
from apps.work.models import Lane, WorkItem

log = structlog.get_logger(__name__)
WORK = "refresh"
LEASE = timedelta(seconds=30)  # longer than a call to a token endpoint may last
WAIT_SECONDS = 25.0
AHEAD = timedelta(minutes=5)
RETRY_SECONDS, LONGEST_RETRY = 15.0, 600.0
UNTIL = "until the token is to be renewed"


class NeedsReconnectError(ConflictError):
    """What was granted is gone: the person must consent anew."""

    code = "needs_reconnect"


def fresh(connection: OpenConnection) -> OpenConnection:
    """The connection with a token that is good for a call. Raises NeedsReconnectError, WaitError."""
    if connection.needs_reconnect:
        raise needs_reconnect(connection.name, connection.offline_reason)
    return renew(connection) if is_due(connection) else connection


def ready(connection: OpenConnection) -> OpenConnection:
    """As a run may use it: with a token that is good for a call, or offline, with the reason why there is none.

    What stands on it waits then, until a ping finds it renewed, or a person has consented.
    """
    if connection.offline or connection.id is None or not is_renewable(connection):
        return connection
    try:
        if not token_of(connection) and not connection.grants_itself:
            mark_unauthorized(connection.id)
        else:
            return fresh(connection)
    except NeedsReconnectError:
        pass  # it is marked so
    except DomainError as error:
        marks.mark_offline(connection, reason=error.message)
    return open_connection(connection_id=connection.id, organization_id=connection.organization_id)


def mark_unauthorized(connection_id: uuid.UUID) -> None:
    """Nobody has consented to it yet."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().filter(pk=connection_id, needs_reconnect=False).first()
        if row is not None:
            marks.mark_lost(row, reason="It has no token yet: somebody must authorize it.")


def is_renewable(connection: OpenConnection) -> bool:
    """Whether it is one of OAuth, or of a token that says how it is refreshed, that is stored here."""
    document = connection.document
    if connection.id is None or not isinstance(document, HttpDocument):
        return False
    return document.auth_type == "oauth" or (document.auth_type == "token" and connection.grants_itself)


def can_renew(connection: OpenConnection) -> bool:
    """Whether there is something to renew it by, without asking the person."""
    http = connection.values.get("http") or {}
    kept = (http.get("auth") or {}).get("token") if connection.is_own else http.get("encrypted")
    has_refresh_token = isinstance(kept, dict) and bool(kept.get("refreshToken"))
    return is_renewable(connection) and (has_refresh_token or connection.grants_itself)


def is_due(connection: OpenConnection) -> bool:
    if not is_renewable(connection):
        return False
    if not token_of(connection):
        return connection.grants_itself
    until = bundles.fresh_until(connection.values)
    return until is not None and until <= clock.now()


def renew(connection: OpenConnection) -> OpenConnection:
    """A newer token than this one's, be it got by us or by somebody else meanwhile."""
    connection_id, seen_fence = connection.id, None
    if connection_id is None:
        return connection
    used, deadline, pause = token_of(connection), time.monotonic() + WAIT_SECONDS, 0.05
    while True:
        current = open_connection(connection_id=connection_id, organization_id=connection.organization_id)
        if current.needs_reconnect:
            raise needs_reconnect(current.name, current.offline_reason)
        if token_of(current) != used:
            return current
        lease = _lease_of(connection_id)
        if seen_fence is not None and lease.failed_fence > seen_fence:
            raise later(lease.failure)
        if seen_fence is None:
            seen_fence = lease.fence if lease.lease_until is None else lease.fence - 1
        fence = _take(connection_id)
        if fence is not None:
            _renew_held(connection_id, name=connection.name, used=used, fence=fence)
            return open_connection(connection_id=connection_id, organization_id=connection.organization_id)
        if time.monotonic() > deadline:
            raise later(f"The token of {connection.name} is being renewed for long.")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def _lease_of(connection_id: uuid.UUID) -> TokenLease:
    return TokenLease.objects.get_or_create(connection_id=connection_id)[0]


def _take(connection_id: uuid.UUID) -> int | None:
    """The fence of a lease that is ours now, or None while another process holds it."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    with transaction.atomic():
        rows = TokenLease.objects.filter(free, connection_id=connection_id)
        if not rows.update(fence=F("fence") + 1, lease_until=Now() + LEASE):
            return None
        return TokenLease.objects.values_list("fence", flat=True).get(connection_id=connection_id)


def _renew_held(connection_id: uuid.UUID, *, name: str, used: str, fence: int) -> None:
    failure = "The renewal of its token broke off."
    try:
        row = Connection.objects.select_related("security").get(pk=connection_id)
        if token_of(open_row(row)) == used:  # else another was quicker between our look and our lease
            keep(connection_id, _ask(row), used=used)
        failure = ""
    except TokenRefusedError as error:
        failure = error.message
        if error.final:
            _mark_lost(connection_id, used=used, reason=error.message)
            raise needs_reconnect(name, error.message) from error
        raise
    except TokenUnavailableError as error:
        failure = error.message
        raise later(error.message) from error
    except DomainError as error:
        failure = error.message
        raise
    finally:
        _give_back(connection_id, fence=fence, failure=failure)


def _ask(row: Connection) -> dict[str, Any]:
    return grants.ask(row, unseal(row.document, bytes(row.secret), type=row.type, connection_id=row.id))


def auth_of(whole: dict[str, Any]) -> dict[str, Any]:
    return grants.auth_of(whole)


def keep(
    connection_id: uuid.UUID,
    granted: dict[str, Any],
    *,
    used: str | None = None,
    oauth_changes: Mapping[str, Any] | None = None,
) -> None:
    """Stores what was granted, whoever else has saved the connection meanwhile; an answer to a token that is no longer
    the stored one is dropped."""
    with transaction.atomic():
        row = Connection.objects.select_for_update(of=("self",)).select_related("security").filter(pk=connection_id)
        found = row.first()
        if found is None:
            return
        whole = unseal(found.document, bytes(found.secret), type=found.type, connection_id=found.id)
        if used is not None and grants.stored_token(whole) != used:
            return
        document = grants.with_granted(found, whole, granted, oauth_changes=oauth_changes)
        values = grants.values_of(found, document)
        found.document, found.secret = seal(document, type=found.type, connection_id=found.id)
        found.revision += 1
        lost, found.needs_reconnect = found.needs_reconnect, False
        found.save(update_fields=["document", "secret", "revision", "needs_reconnect", "updated_at"])
        plan_renewal(found, values, alone=grants.renews_alone(found, document))
        if lost:
            marks.mark_online(connection_id=found.id, organization_id=found.organization_id)


def plan_renewal(row: Connection, values: dict[str, Any], *, alone: bool | None = None) -> None:
    """Due work some minutes before the token ends; a fifth of its life, where that is shorter. In a transaction."""
    work.drop_target(kind=WORK, target_id=row.id)
    expires_at = bundles.expiry_of(values)
    can = bool(values.get("refreshToken")) or (oauth.grants_itself(row.security) if alone is None else alone)
    renew_at = (
        expires_at - min(AHEAD, max((expires_at - clock.now()) / 5, timedelta(0))) if expires_at and can else None
    )
    TokenLease.objects.update_or_create(connection_id=row.id, defaults={"renew_at": renew_at})
    if renew_at is None or WorkItem.objects.filter(kind=WORK, target_id=row.id).exists():
        return  # a worker that holds it waits for the moment that was just written
    work.add(
        kind=WORK,
        lane=Lane.HOUSEKEEPING,
        organization_id=row.organization_id,
        target_id=row.id,
        due_at=renew_at,
        reason=UNTIL,
    )


def _give_back(connection_id: uuid.UUID, *, fence: int, failure: str) -> None:
    rows = TokenLease.objects.filter(connection_id=connection_id, fence=fence)
    if failure:
        rows.update(lease_until=None, failed_fence=fence, failures=F("failures") + 1, failure=failure[:500])
    else:
        rows.update(lease_until=None, failures=0, failure="")


def _mark_lost(connection_id: uuid.UUID, *, used: str, reason: str) -> None:
    """Unless the token has changed since: then somebody has something better already."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().filter(pk=connection_id).first()
        if row is None or row.needs_reconnect:
            return
        whole = unseal(row.document, bytes(row.secret), type=row.type, connection_id=row.id)
        if grants.stored_token(whole) == used:
            work.drop_target(kind=WORK, target_id=row.id)
            marks.mark_lost(row, reason=reason)


def token_of(connection: OpenConnection) -> str:
    document = connection.document
    auth = document.auth if isinstance(document, HttpDocument) else None
    return auth.token if isinstance(auth, TokenAuth) else ""


def later(reason: str) -> WaitError:
    """Work waits, and a caller is told when to come back."""
    return WaitError(reason, until=clock.now() + timedelta(seconds=RETRY_SECONDS))


def needs_reconnect(name: str, reason: str) -> NeedsReconnectError:
    return NeedsReconnectError(f"The credential {name} must be connected again: {reason}", field="userCredentialId")


def renew_ahead(claims: list[Claim]) -> None:
    for claim in claims:
        _renew_one(claim)


def _renew_one(claim: Claim) -> None:
    row = Connection.objects.filter(pk=claim.target_id).select_related("security").first()
    renew_at = _renew_at(claim)
    if row is None or row.needs_reconnect or renew_at is None:
        _finish(claim)
        return
    try:
        if renew_at <= clock.now():
            renew(open_row(row))
    except NeedsReconnectError:
        _finish(claim)
        return
    except (DomainError, VaultError) as error:
        log.warning("a token could not be renewed", connection=row.hex_id, error=str(error))
        with transaction.atomic():
            pause = RETRY_SECONDS * 2 ** min(_lease_of(row.id).failures, 6)
            work.wait_seconds(claim, min(pause, LONGEST_RETRY), reason=str(error))
        return
    moment = _renew_at(claim)
    with transaction.atomic():
        if moment is None:
            work.finish([claim])
        else:
            work.wait_until(claim, moment, reason=UNTIL)


def _renew_at(claim: Claim) -> datetime | None:
    return TokenLease.objects.filter(connection_id=claim.target_id).values_list("renew_at", flat=True).first()


def _finish(claim: Claim) -> None:
    with transaction.atomic():
        work.finish([claim])


WORK_KIND = WorkKind(name=WORK, handle=renew_ahead)
