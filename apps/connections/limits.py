"""How many calls at once through a connection, over all processes, without a row or a round trip per call.

A process leases a block of permits in the database, spends it in memory, and gives it back once idle. One thread per
process renews all blocks in use in one statement, so a permit lasts as long as its call; a killed process's blocks
lapse. The surprise: `rateLimit.limit` (milliseconds between calls) needs concurrency 1, so exactly one process holds
the permit and keeps the pause by itself.
"""

import os
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, connection

from apps.connections import limit_store
from apps.core import clock
from apps.core.gateway import Grant, RetryLater

log = structlog.get_logger(__name__)

BLOCK_SECONDS = 15.0
IDLE_SECONDS = 1.0  # a block unused for so long goes back
ASK_AGAIN_SECONDS = 0.25  # how often a process that got fewer permits than it wanted asks the database for more
REVIEW_SECONDS = 1.0  # how often one that has enough looks whether others want a share
LOCAL_WAIT_SECONDS = 0.05  # permits of this very process come back in call times: look again soon


@dataclass(eq=False)
class Held:
    """One limit's block in this process. All times are this process's monotonic clock."""

    block: str = field(default_factory=lambda: uuid.uuid4().hex)
    permits: int = 0
    in_use: int = 0
    until: float = 0.0
    spacing: float = 0.0
    next_call_at: float = 0.0
    ask_again_at: float = 0.0
    review_at: float = 0.0  # when to look whether other processes want a share
    wait_until: float = 0.0
    reason: str = ""
    used_at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class DatabaseLimiter:
    """The gateway's Limiter port over the tables Limit and PermitBlock; one per process (`limiter()`)."""

    def __init__(self, *, block_seconds: float = BLOCK_SECONDS, idle_seconds: float = IDLE_SECONDS) -> None:
        self.block_seconds = block_seconds
        self.idle_seconds = idle_seconds
        self._held: dict[str, Held] = {}
        self._lock = threading.Lock()
        self._keeper: threading.Thread | None = None
        self._stopped = threading.Event()

    def acquire(self, limit_key: str, n: int, *, concurrency: int = 1) -> Grant | RetryLater:
        """Never waits: RetryLater says when to ask again."""
        held = self._holding(limit_key)
        wanted = max(1, min(n, concurrency))
        with held.lock:
            now = time.monotonic()
            if held.wait_until > now:
                return _later(held.wait_until - now, held.reason)
            if held.until <= now or held.permits - held.in_use < wanted or now >= held.review_at:
                self._ask(limit_key, held, wanted=wanted, now=now)
                now = time.monotonic()
            if held.wait_until > now:
                return _later(held.wait_until - now, held.reason)
            free = held.permits - held.in_use
            if free < 1:
                return _later(LOCAL_WAIT_SECONDS, "all simultaneous calls of the connection are taken")
            if held.next_call_at > now:
                return _later(held.next_call_at - now, "the connection wants a pause between calls")
            permits, requests = min(wanted, free), n
            if held.spacing:
                requests, held.next_call_at = 1, now + held.spacing
            held.in_use += permits
            held.used_at = now
            return Grant(limit_key, requests=requests, permits=permits, block=held.block)

    def release(self, grant: Grant, *, unused: int = 0) -> None:
        held = self._holding(grant.limit_key)
        with held.lock:
            if held.block == grant.block:
                held.in_use = max(0, held.in_use - grant.permits)
                held.used_at = time.monotonic()
                if held.spacing:
                    held.next_call_at = held.used_at + held.spacing

    def pause(self, limit_key: str, *, until: datetime, reason: str) -> None:
        """The target asked for a break: noted on the limit's owner, for every process."""
        held = self._holding(limit_key)
        seconds = max(0.0, (until - clock.now()).total_seconds())
        with held.lock:
            held.wait_until, held.reason = time.monotonic() + seconds, reason
            held.until = 0.0  # ask the database next time: the cap may have sunk
        limit_store.pause(uuid.UUID(limit_key), seconds=seconds, reason=reason)

    def return_idle(self, *, idle_seconds: float = 0.0) -> None:
        """Give back every block without calls under way; for a process about to rest or end."""
        with self._lock:
            everything = list(self._held.items())
        for limit_key, held in everything:
            with held.lock:
                if held.permits and not held.in_use and time.monotonic() - held.used_at >= idle_seconds:
                    held.permits, held.until = 0, 0.0
                    limit_store.give_back(uuid.UUID(limit_key), block=held.block)

    def stop(self) -> None:
        """Ends the renewals and gives back what no call uses; the rest lapses. For a process that ends."""
        self._stopped.set()
        with self._lock:
            keeper = self._keeper
        if keeper is not None:
            keeper.join()
        self.return_idle()

    def renew(self) -> None:
        """Prolong the blocks with calls under way, all in one statement."""
        with self._lock:
            busy = {held.block: held for held in self._held.values() if held.in_use and held.permits}
        started = time.monotonic()
        alive = limit_store.renew(list(busy), seconds=self.block_seconds) if busy else set()
        for block, held in busy.items():
            with held.lock:
                # A lost block's calls run to their end; new ones need a new lease.
                held.until = started + self.block_seconds if block in alive else 0.0

    def _ask(self, limit_key: str, held: Held, *, wanted: int, now: float) -> None:
        lapsed = held.until <= now
        if not lapsed and now < held.ask_again_at and now < held.review_at:
            return
        held.review_at = now + REVIEW_SECONDS
        self._keep()
        answer = limit_store.lease(
            uuid.UUID(limit_key),
            permits=max(held.permits, held.in_use + wanted),
            block=held.block,
            seconds=self.block_seconds,
            in_use=held.in_use,
        )
        if isinstance(answer, limit_store.Wait):
            if lapsed:
                held.permits = 0
            held.wait_until = now + answer.seconds if answer.paused or not held.in_use else 0.0
            held.reason = answer.reason
            held.ask_again_at = now + ASK_AGAIN_SECONDS
            return
        held.permits, held.until, held.spacing = answer.permits, now + self.block_seconds, answer.spacing
        held.next_call_at = max(held.next_call_at, now + answer.first_call_in)
        held.ask_again_at = now + ASK_AGAIN_SECONDS if answer.permits < held.in_use + wanted else 0.0

    def _holding(self, limit_key: str) -> Held:
        with self._lock:
            held = self._held.get(limit_key)
            if held is None:
                held = self._held[limit_key] = Held()
            return held

    def _keep(self) -> None:
        with self._lock:
            if self._keeper is None or not self._keeper.is_alive():
                self._stopped.clear()
                self._keeper = threading.Thread(target=self._keep_blocks, name="permits", daemon=True)
                self._keeper.start()

    def _keep_blocks(self) -> None:
        """Ends once nothing is held, so that a resting process holds no database connection for it."""
        renew_at = time.monotonic() + self.block_seconds / 3
        try:
            while not self._stopped.wait(min(self.idle_seconds, self.block_seconds / 3)):
                try:
                    self.return_idle(idle_seconds=self.idle_seconds)
                    if time.monotonic() >= renew_at:
                        renew_at = time.monotonic() + self.block_seconds / 3
                        self.renew()
                except DatabaseError as error:
                    # The blocks lapse in the database and are leased again; nothing is counted twice for long.
                    log.warning("permits could not be renewed", error=str(error))
                    connection.close()
                with self._lock:
                    if not any(held.permits for held in self._held.values()):
                        self._keeper = None
                        return
        finally:
            connection.close()


def _later(seconds: float, reason: str) -> RetryLater:
    return RetryLater(clock.now() + timedelta(seconds=seconds), reason)


_process: tuple[int, DatabaseLimiter] | None = None
_process_lock = threading.Lock()


def limiter() -> DatabaseLimiter:
    """This process's limiter. A forked child starts with none of its parent's permits."""
    global _process
    with _process_lock:
        if _process is None or _process[0] != os.getpid():
            _process = (os.getpid(), DatabaseLimiter())
        return _process[1]


def stop() -> None:
    """For a process that ends: what it holds goes back now instead of by lapse."""
    if _process is not None and _process[0] == os.getpid():
        _process[1].stop()
