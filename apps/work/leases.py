"""What this process holds, and the one thread that renews all of it in one statement.

The surprise: threads do not survive a fork, so the thread is looked for, by process id, whenever something is held.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from apps.work import sql
from apps.work.kinds import Claim

log = structlog.get_logger(__name__)
_lock = threading.Lock()
_held: dict[uuid.UUID, Claim] = {}
_renewer: tuple[int, threading.Thread] | None = None


def node_name() -> str:
    return f"{socket.gethostname()[:40]}:{os.getpid()}"


def hold(claims: Iterable[Claim]) -> None:
    global _renewer
    with _lock:
        if _renewer is None or _renewer[0] != os.getpid():
            _held.clear()  # a forked child inherits its parent's memory, not its leases
            thread = threading.Thread(target=renew_forever, name="leases", daemon=True)
            _renewer = (os.getpid(), thread)
            thread.start()
        _held.update((claim.id, claim) for claim in claims)


def let_go(claims: Iterable[Claim]) -> None:
    with _lock:
        for claim in claims:
            claim.settled = True
            _held.pop(claim.id, None)


@contextmanager
def until_settled(claims: Sequence[Claim]) -> Iterator[None]:
    """Around what settles them outside a drain. What breaks off lapses; else it would be renewed for ever."""
    try:
        yield
    finally:
        let_go([claim for claim in claims if not claim.settled])


def held() -> list[Claim]:
    with _lock:
        return list(_held.values())


def renew_forever() -> None:
    pid = os.getpid()
    while os.getpid() == pid:
        time.sleep(settings.WORK_LEASE_SECONDS / 3)
        try:
            renew()
            connection.close()  # one that is used three times a minute is not worth keeping
        except DatabaseError as error:
            # The holders see for themselves, by their monotonic clock, that nothing was renewed, and stop.
            log.warning("leases could not be renewed", error=str(error))
            connection.close()
        except Exception:  # this thread must outlive whatever happens: without it, all work of this process lapses
            log.exception("leases could not be renewed")


def renew() -> None:
    claims = held()
    started = time.monotonic()
    for first in range(0, len(claims), 500):
        some = claims[first : first + 500]
        lease = sql.lease_sql()
        renewed = sql.rows(
            f"UPDATE work_workitem SET due_at = {lease}, lease_until = {lease} WHERE (id, fence) IN"
            f" (VALUES {', '.join(['(%s, %s)'] * len(some))}) AND lease_until IS NOT NULL RETURNING id",
            [value for claim in some for value in (claim.id, claim.fence)],
        )
        alive = {sql.to_uuid(row[0]) for row in renewed}
        for claim in some:
            if claim.id in alive:
                claim.renewed_at = started
