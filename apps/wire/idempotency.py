"""One Idempotency-Key, one effect. The answer commits with the effect: a key has its answer, or has never run.

The surprise: only good answers are kept. A refused call has changed nothing and may be sent again, corrected or not.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from apps.core import vault
from apps.core.clock import now
from apps.core.errors import BadRequestError, ConflictError, ValidationError
from apps.wire.models import IdempotencyRecord
from apps.wire.rendering import OrjsonRenderer

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=60)
PURPOSE = "idempotency"
KEPT_HEADERS = ("Link", "Location")


def answer_once(
    *,
    request: Request,
    key: str,
    atomic: bool,
    serve: Callable[[], HttpResponseBase],
) -> HttpResponseBase:
    """Serves the call, or repeats the answer its key was given. `atomic` False is for calls that reach outside:

    those cannot hold a transaction, so their answer is kept right after, and a crash in between leaves the key free
    again when its lease ends.
    """
    if not 1 <= len(key) <= 255:
        raise BadRequestError("An Idempotency-Key is 1 to 255 characters long.", field=HEADER)
    record, known = claim(request=request, key=key)
    if known is not None:
        return known
    try:
        if atomic:
            with transaction.atomic():
                response = serve()
                keep(record, response)
        else:
            response = serve()
            keep(record, response)
    except BaseException:
        IdempotencyRecord.objects.filter(pk=record.pk, status=None).delete()
        raise
    return response


def claim(*, request: Request, key: str) -> tuple[IdempotencyRecord, HttpResponseBase | None]:
    moment = now()
    identity = {
        "organization_id": request.actor.organization_id,  # type: ignore[attr-defined]
        "key": key,
        "method": request.method,
        "path": request.path[:500],
    }
    digest = digest_of(request)
    rows = IdempotencyRecord.objects.filter(**identity)
    rows.filter(created_at__lt=moment - KEPT).delete()
    try:
        with transaction.atomic():
            return IdempotencyRecord.objects.create(**identity, body_hash=digest, lease_until=moment + LEASE), None
    except IntegrityError:
        record = rows.first()
    if record is None:
        raise ConflictError("A call with this Idempotency-Key has just ended. Send it again.", code="try_again")
    if record.body_hash != digest:
        raise ValidationError(
            "This Idempotency-Key was used with another body, or by somebody else.",
            field=HEADER,
            code="idempotency_key_reused",
        )
    if record.status is not None:
        return record, repeat(record)
    taken = rows.filter(pk=record.pk, status=None, lease_until__lt=moment).update(lease_until=moment + LEASE)
    if not taken:
        raise ConflictError("A call with this Idempotency-Key is still running.", code="idempotency_key_in_use")
    return record, None


def digest_of(request: Request) -> str:
    """What must be the same for an answer to be repeated: what is sent, and who sends it with which rights."""
    actor = request.actor  # type: ignore[attr-defined]
    caller = f"{actor.user_id} {actor.role} {sorted((str(k), v) for k, v in actor.shares.items())}"
    parts = (request._request.body, request._request.META["QUERY_STRING"].encode(), caller.encode())
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def keep(record: IdempotencyRecord, response: HttpResponseBase) -> None:
    data: Any = getattr(response, "data", None)
    body = b"" if data is None else OrjsonRenderer().render(data)
    headers = {name: response[name] for name in KEPT_HEADERS if response.has_header(name)}
    sealed = vault.encrypt(orjson.dumps([headers, body.decode()]), purpose=PURPOSE, row=record.id)
    IdempotencyRecord.objects.filter(pk=record.pk).update(status=response.status_code, answer=sealed)


def repeat(record: IdempotencyRecord) -> HttpResponse:
    plain = vault.decrypt(bytes(record.answer), purpose=PURPOSE, row=record.id)
    headers, body = orjson.loads(plain)
    headers["Idempotent-Replayed"] = "true"
    response = HttpResponse(body, status=record.status, headers=headers, content_type="application/json")
    if not body:
        del response["Content-Type"]
    return response


def purge_expired() -> int:
    """Drops records that are older than a day; a fixed entry of the scheduler calls it."""
    return IdempotencyRecord.objects.filter(created_at__lt=now() - KEPT).delete()[0]
