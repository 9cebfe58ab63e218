"""The gateway's recorder for executions: everything of a small run, of a large one a sample a step and every failure.

The surprise: it writes nothing itself; whoever commits the progress takes the rows along (`rows`).
"""

import threading
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from apps.core.clock import now
from apps.core.gateway import Exchange as Captured
from apps.core.ids import hex24, new_id
from apps.executions.models import Exchange
from apps.executions.payloads import pack

EVERYTHING_UP_TO = 100
SAMPLE_PER_STEP = 10
FAILURES_PER_TURN = 200
WATCHED_PER_TURN = 1000  # of what somebody watches: what waits for its commit is held in memory

_seen: dict[uuid.UUID, dict[str, int]] = {}
_lock = threading.Lock()
EXECUTIONS_REMEMBERED = 256


class ExecutionRecorder:
    """Bounds are a process's: each worker of a large run keeps its own sample."""

    def __init__(
        self, execution_id: uuid.UUID, organization_id: uuid.UUID, *, watched: Mapping[str, datetime] | None = None
    ) -> None:
        """`watched`: steps of which everything is kept, each until a moment, as far as memory allows."""
        self.execution_id = execution_id
        self.organization_id = organization_id
        self._kept: list[Captured] = []
        self._ids: dict[str, uuid.UUID] = {}  # of the rows-to-be of what was sent under a key
        self._failures = self._kept_for_watchers = 0
        self._watched = watched or {}
        with _lock:
            while len(_seen) >= EXECUTIONS_REMEMBERED:
                _seen.pop(next(iter(_seen)))
            self._counts = _seen.setdefault(execution_id, {})

    def wants(self, *, step: str, failed: bool) -> bool:
        self._counts[""] = self._counts.get("", 0) + 1
        until = self._watched.get(step)
        if until is not None and self._kept_for_watchers < WATCHED_PER_TURN and until > now():
            self._kept_for_watchers += 1
            return True
        if failed:
            self._failures += 1
            return self._failures <= FAILURES_PER_TURN
        if self._counts[""] <= EVERYTHING_UP_TO:
            return True
        taken = self._counts[step] = self._counts.get(step, 0) + 1
        return taken <= SAMPLE_PER_STEP

    def record(self, exchanges: Sequence[Captured]) -> None:
        self._kept.extend(exchanges)
        self._ids.update((captured.key, new_id()) for captured in exchanges if captured.key)

    def kept_as(self, key: str) -> str:
        """The id of the recording of what was sent under this key; empty where none was kept."""
        row_id = self._ids.get(key) if key else None
        return hex24(row_id) if row_id else ""

    def rows(self) -> list[Exchange]:
        """The rows to insert with the next commit; forgets them."""
        kept, ids = self._kept, self._ids
        self._kept, self._ids = [], {}
        last = {captured.key: index for index, captured in enumerate(kept) if captured.key}  # one may be sent twice
        return [
            to_row(
                self.execution_id,
                self.organization_id,
                captured,
                row_id=ids[captured.key] if last.get(captured.key) == index else new_id(),
            )
            for index, captured in enumerate(kept)
        ]


def to_row(
    execution_id: uuid.UUID | None, organization_id: uuid.UUID, captured: Captured, *, row_id: uuid.UUID
) -> Exchange:
    return Exchange(
        id=row_id,
        execution_id=execution_id,
        organization_id=organization_id,
        connection_id=uuid.UUID(captured.connection) if captured.connection else None,
        step_path=captured.step[:200],
        method=captured.method[:16],
        url=captured.url,
        status=captured.status,
        error=(captured.error_message or "")[:500],
        planned=captured.planned,
        milliseconds=round(captured.elapsed * 1000, 3),
        detail=pack(
            {
                "kind": captured.kind,
                "effect": captured.effect,
                "writeKind": captured.write_kind,
                "fingerprint": captured.fingerprint,
                "errorCode": captured.error_code,
                "cut": [captured.request_cut, captured.response_cut],
                "request": {
                    "headers": dict(captured.request_headers),
                    "body": captured.request_body,
                    "encoding": captured.request_encoding,
                    "size": captured.request_size,
                },
                "response": {
                    "headers": dict(captured.response_headers),
                    "body": captured.response_body,
                    "encoding": captured.response_encoding,
                    "size": captured.response_size,
                },
            }
        ),
    )
