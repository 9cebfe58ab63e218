"""The one door to a connection that is about to be used: parsed, decrypted, and only for its own organization.

Every opening reads the row (it may have gone offline a moment ago); parsing and decrypting is remembered by revision.
"""

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apps.connections.documents import Document, parse_document
from apps.connections.documents.pgp import NO_KEYS, PgpKeys, parse_pgp
from apps.connections.models import Connection
from apps.connections.oauth import grants_itself, grants_without_consent
from apps.connections.secrets import secret_texts, unseal
from apps.core.errors import NotFoundError

CACHE_SIZE = 256
CACHE_SECONDS = 60.0  # how long a decrypted secret may stay in memory without being asked of the vault again


@dataclass(frozen=True)
class OpenConnection:
    """`values` is what templates see as `connection`, secrets in place. `secrets` are the texts to redact."""

    id: uuid.UUID | None  # None: not saved (yet)
    organization_id: uuid.UUID
    name: str
    type: str
    document: Document
    limit_key: str
    concurrency: int
    revision: int
    values: Mapping[str, Any] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    offline: bool = False
    offline_reason: str = ""
    needs_reconnect: bool = False
    grants_itself: bool = False  # its token can be had without a person's consent
    is_own: bool = False  # of the Celigo documents: no connector stands behind it
    debug_until: datetime | None = None
    host_key: str = ""
    pgp: PgpKeys = NO_KEYS

    @property
    def parked_on(self) -> str:
        """The key that work waits under while this is offline."""
        return parked_on(self.id) if self.id else ""


def parked_on(connection_id: uuid.UUID) -> str:
    return f"connection:{connection_id}"


@dataclass(frozen=True)
class _Opened:
    document: Document
    values: Mapping[str, Any]
    secrets: tuple[str, ...]
    until: float
    grants_itself: bool = False
    pgp: PgpKeys = NO_KEYS


_cache: OrderedDict[tuple[uuid.UUID, int], _Opened] = OrderedDict()
_lock = threading.Lock()


def open_connection(*, connection_id: uuid.UUID, organization_id: uuid.UUID) -> OpenConnection:
    """Raises NotFoundError for what the organization does not have, ValidationError for what cannot be used here."""
    row = Connection.objects.filter(pk=connection_id, organization_id=organization_id)
    found = row.select_related("security").first()
    if found is None:
        raise NotFoundError(f"Connection {connection_id} was not found.")
    return open_row(found)


def open_row(row: Connection) -> OpenConnection:
    security_stamp = int(row.security.updated_at.timestamp() * 1e6) if row.security else 0
    key = (row.id, row.revision ^ security_stamp)
    with _lock:
        opened = _cache.get(key)
        if opened is not None and opened.until < time.monotonic():
            del _cache[key]
            opened = None
    if opened is None:
        whole = unseal(row.document, bytes(row.secret), type=row.type, connection_id=row.id)
        if row.security:
            whole = with_security(whole, row.security.document)
        opened = _open(whole, type=row.type, name=row.name, of_connector=row.connector_id is not None)
        with _lock:
            _cache[key] = opened
            while len(_cache) > CACHE_SIZE:
                _cache.popitem(last=False)
    return OpenConnection(
        id=row.id,
        organization_id=row.organization_id,
        name=row.name,
        type=row.type,
        document=opened.document,
        limit_key=str(row.limit_owner_id),
        concurrency=row.concurrency,
        revision=row.revision,
        values=opened.values,
        secrets=opened.secrets,
        offline=row.offline_since is not None,
        offline_reason=row.offline_reason,
        needs_reconnect=row.needs_reconnect,
        grants_itself=opened.grants_itself or grants_itself(row.security),
        is_own=row.connector_id is None and row.end_user_id is None,
        debug_until=row.debug_until,
        host_key=row.host_key,
        pgp=opened.pgp,
    )


def open_unsaved(
    *, document: Mapping[str, Any], type: str, name: str, organization_id: uuid.UUID, of_connector: bool = False
) -> OpenConnection:
    """For testing a connection before it is saved: no limits, nothing to mark offline."""
    opened = _open(document, type=type, name=name, of_connector=of_connector)
    return OpenConnection(
        id=None,
        organization_id=organization_id,
        name=name,
        type=type,
        document=opened.document,
        limit_key="",
        concurrency=1,
        revision=0,
        values=opened.values,
        secrets=opened.secrets,
    )


def with_security(document: dict[str, Any], security: Mapping[str, Any]) -> dict[str, Any]:
    """Where a connector's security says how the token travels, that is the default for its credentials."""
    config = security.get("config") or {}
    auth = (document.get("http") or {}).get("auth") or {}
    token = auth.get("token")
    if isinstance(token, dict):
        for name in ("location", "headerName", "scheme", "paramName"):
            if token.get(name) is None and isinstance(config.get(name), str):
                token[name] = config[name]
    return document


def _open(whole: Mapping[str, Any], *, type: str, name: str, of_connector: bool) -> _Opened:
    document = parse_document(whole, type=type, of_connector=of_connector)
    values = {"name": name, "settings": whole.get("settings") or {}, type: whole.get(type) or {}}
    secrets = secret_texts(whole, type=type)
    return _Opened(
        document=document,
        values=values,
        secrets=secrets,
        until=time.monotonic() + CACHE_SECONDS,
        grants_itself=not of_connector and grants_without_consent(whole),
        pgp=parse_pgp(whole, type=type),
    )
