"""Files that flows move unparsed: kept in a folder of the deployment that no connection reaches, a row for each.

The surprise: a key follows from where its content came from, so that reading a source again replaces, and doubles
nothing. What nobody has deleted goes after a month.
"""

import hashlib
import os
import secrets
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from apps.audit import services as audit
from apps.core.actors import Actor, Verb
from apps.core.clock import now
from apps.core.ids import new_id, parse_id
from apps.flows.models import Blob

CHUNK = 256 * 1024
KEPT = timedelta(days=30)
DONE_KEPT = timedelta(hours=1)  # what an import has deleted
PRUNED_AT_ONCE = 500


class BlobMissingError(Exception):
    """There is no such blob: it was deleted, or is another organization's."""


def path_of(blob: Blob) -> Path:
    return Path(settings.BLOB_ROOT) / blob.organization_id.hex / blob.id.hex


def keep_blob(
    chunks: Iterable[bytes],
    *,
    organization_id: uuid.UUID,
    name: str,
    origin: str = "",
    content_type: str = "",
    execution_id: uuid.UUID | None = None,
) -> Blob:
    """A piece at a time. `origin` names the content: the same again replaces what was kept of it."""
    digest = hashlib.blake2b(f"{organization_id.hex}:{origin}".encode(), digest_size=12).hexdigest()
    blob_id = (parse_id(digest) if origin else None) or new_id()
    blob = Blob(
        id=blob_id, organization_id=organization_id, name=name[-1000:], content_type=content_type[:200],
        execution_id=execution_id,
    )  # fmt: skip
    path = path_of(blob)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with unfinished.open("wb", buffering=CHUNK) as file:
            for chunk in chunks:
                file.write(chunk)
                blob.size += len(chunk)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    fields = {
        "name": blob.name, "size": blob.size, "content_type": blob.content_type, "execution_id": execution_id,
        "expires_at": now() + KEPT,
    }  # fmt: skip
    Blob.objects.update_or_create(id=blob.id, defaults={**fields, "organization_id": organization_id})
    return blob


def find_blob(key: object, *, organization_id: uuid.UUID) -> Blob:
    """Raises BlobMissingError."""
    blob_id = parse_id(key) if isinstance(key, str) else None
    found = Blob.objects.filter(pk=blob_id, organization_id=organization_id).first() if blob_id else None
    if found is None or not path_of(found).is_file():
        raise BlobMissingError(f"There is no blob {str(key)[:60]!r}.")
    return found


def pieces_of(blob: Blob) -> Iterator[bytes]:
    with path_of(blob).open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def content_of(blob: Blob, *, most: int) -> bytes:
    """All of it at once. Raises BlobMissingError for one that is larger."""
    if blob.size > most:
        raise BlobMissingError(f"The blob {blob.name!r} has {blob.size} bytes; at most {most} can be sent so.")
    return path_of(blob).read_bytes()


def let_go(blobs: Iterable[Blob]) -> None:
    """They were imported. Not gone at once: a worker that vanishes now has its successor send them again."""
    Blob.objects.filter(pk__in=[blob.pk for blob in blobs]).update(expires_at=now() + DONE_KEPT)


def delete_blob(*, actor: Actor, blob: Blob) -> None:
    """Its content goes with it, once nobody can find it any more."""
    actor.require(Verb.DELETE, integration_id=blob.integration_id)
    content = path_of(blob)
    with transaction.atomic():
        audit.record(
            actor=actor,
            event="delete",
            resource_type="blob",
            resource_id=blob.id,
            resource_name=blob.name,
            integration_id=blob.integration_id,
        )
        transaction.on_commit(lambda: content.unlink(missing_ok=True))
        blob.delete()


def prune_blobs() -> int:
    old = list(Blob.objects.filter(expires_at__lt=now()).order_by("expires_at")[:PRUNED_AT_ONCE])
    _delete(old)
    return len(old)


def _delete(blobs: list[Blob]) -> None:
    Blob.objects.filter(pk__in=[blob.pk for blob in blobs]).delete()
    for blob in blobs:
        with suppress(FileNotFoundError):
            path_of(blob).unlink()
