"""The recording of a past execution, as the gateway's replay mode answers from it; and what a replay records itself.

Only a whole recording will do: it refuses one of which a part was never kept, was cut, or has been forgotten.
"""

from collections import defaultdict, deque
from datetime import timedelta
from typing import Any

from django.conf import settings

from apps.core import clock
from apps.core.errors import ConflictError
from apps.core.gateway import Exchange as Captured
from apps.core.gateway import RetryLater
from apps.core.gateway.redaction import BODY_LIMIT
from apps.executions.models import Exchange, Execution
from apps.executions.payloads import unpack
from apps.executions.recording import EVERYTHING_UP_TO, ExecutionRecorder

NAMED = 5


class ReplayRecorder(ExecutionRecorder):
    """Answers what is asked as it was answered, each request in the order of its answers; and keeps everything."""

    def __init__(self, execution: Execution, recorded: list[Captured]) -> None:
        super().__init__(execution.id, execution.organization_id)
        self.recorded = recorded
        self._answers: dict[str, deque[Captured]] = defaultdict(deque)
        for one in recorded:
            self._answers[one.fingerprint].append(one)

    def wants(self, *, step: str, failed: bool) -> bool:
        return True

    def answer(self, fingerprint: str) -> Captured | None:
        waiting = self._answers.get(fingerprint)
        return waiting.popleft() if waiting else None

    @property
    def captured(self) -> list[Captured]:
        return list(self._kept)


def open_recording(execution: Execution) -> ReplayRecorder:
    """Raises ConflictError that says what is missing."""
    kept_until = execution.created_at + timedelta(days=settings.KEEP_EXCHANGES_DAYS)
    if kept_until <= clock.now():
        days = settings.KEEP_EXCHANGES_DAYS
        gone = f"The recording of execution {execution.hex_id} is gone: it was kept for {days} days."
        raise ConflictError(gone, code="recording_gone")
    rows = list(Exchange.objects.filter(execution=execution).order_by("id")[:EVERYTHING_UP_TO])
    if len(rows) >= EVERYTHING_UP_TO:
        raise ConflictError(
            f"Execution {execution.hex_id} made {EVERYTHING_UP_TO} requests or more: of so many only a sample is kept,"
            " and a replay needs them all.",
            code="recording_incomplete",
        )
    found = [to_captured(row) for row in rows]
    missing = [f"the content of {one.url}" for one in found if one.kind == "file" and one.method == "READ"]
    missing += [
        f"all but the first {len(one.response_body)} of {one.response_size} bytes that {one.method} {one.url} answered"
        for one in found
        if one.response_cut and one.kind != "file"
    ]
    if missing:
        more = f", and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        raise ConflictError(f"The recording lacks {', '.join(missing[:NAMED])}{more}.", code="recording_incomplete")
    return ReplayRecorder(execution, without_tries(found))


def without_tries(found: list[Captured]) -> list[Captured]:
    """Without requests that came to nothing and were made again: they are no part of what a run does."""
    last = {one.fingerprint: index for index, one in enumerate(found)}
    return [one for index, one in enumerate(found) if not (is_try(one) and last[one.fingerprint] > index)]


def is_try(one: Captured) -> bool:
    broke_off = one.status is None or one.error_code == RetryLater.code
    return broke_off or (one.effect == "read" and one.status is not None and one.status >= 500)


def to_captured(row: Exchange) -> Captured:
    detail: dict[str, Any] = unpack(row.detail, {})
    asked, got = detail.get("request") or {}, detail.get("response") or {}
    cut = detail.get("cut") or [int(part.get("size") or 0) > BODY_LIMIT for part in (asked, got)]
    return Captured(
        kind=detail.get("kind") or "http",
        method=row.method,
        url=row.url,
        effect=detail.get("effect") or "read",
        write_kind=detail.get("writeKind") or "",
        step=row.step_path,
        fingerprint=detail.get("fingerprint") or "",
        started_at=row.created_at,
        elapsed=row.milliseconds / 1000,
        request_headers=asked.get("headers") or {},
        request_body=asked.get("body") or "",
        request_encoding=asked.get("encoding") or "utf-8",
        request_size=int(asked.get("size") or 0),
        request_cut=cut[0],
        status=row.status,
        response_headers=got.get("headers") or {},
        response_body=got.get("body") or "",
        response_encoding=got.get("encoding") or "utf-8",
        response_size=int(got.get("size") or 0),
        response_cut=cut[1],
        error_code=detail.get("errorCode") or "",
        error_message=row.error,
        connection=str(row.connection_id) if row.connection_id else "",
    )
