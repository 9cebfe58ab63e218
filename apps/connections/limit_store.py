"""The shared state of limits: each call is one short transaction on the limit's row, by the database's clock."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models.functions import Now

from apps.connections.models import Connection, Limit, PermitBlock
from apps.core import clock

GROW_AFTER_SECONDS = 30.0  # a cap sunk by 429s grows by one after so long without another
CONTENDED_SECONDS = 0.1
WANTED_SECONDS = 2.0  # how long the wish of a process without permits counts


@dataclass(frozen=True)
class Block:
    """`spacing` and `first_call_in` in seconds."""

    permits: int
    spacing: float
    first_call_in: float


@dataclass(frozen=True)
class Wait:
    seconds: float
    reason: str
    paused: bool = False


def lease(limit_id: uuid.UUID, *, permits: int, block: str, seconds: float, in_use: int = 0) -> Block | Wait:
    """Up to `permits` permits under the name `block`. Lapsed blocks free theirs.

    Blocks that want permits at the same time get equal shares: a block keeps what its calls use (`in_use`) and gives
    the rest of a larger share back. One that gets none leaves a row without permits, which tells the others of it.
    """
    with transaction.atomic():
        found = _locked(limit_id)
        if found is None:
            return Wait(CONTENDED_SECONDS, "the connection no longer exists", paused=True)
        limit, rules, now = found
        if limit.paused_until and limit.paused_until > now:
            left = (limit.paused_until - now).total_seconds()
            return Wait(left, limit.paused_reason or "paused by the target", paused=True)
        cap = _grown_cap(limit, rules, now=now)
        limit.blocks.filter(lease_until__lte=now).exclude(block=block).delete()
        others = list(limit.blocks.exclude(block=block).values_list("permits", flat=True))
        share = -(-cap // (len(others) + 1))
        permits = min(permits, cap - sum(others), max(share, in_use))
        if permits < 1:
            PermitBlock.objects.update_or_create(
                limit=limit, block=block,
                defaults={"permits": 0, "lease_until": now + timedelta(seconds=WANTED_SECONDS)},
            )  # fmt: skip
            return Wait(CONTENDED_SECONDS, f"all {cap} simultaneous calls of the connection are taken elsewhere")
        PermitBlock.objects.update_or_create(
            limit=limit, block=block, defaults={"permits": permits, "lease_until": now + timedelta(seconds=seconds)}
        )
        first = 0.0
        if rules.spacing and limit.handed_back_at:
            first = max(0.0, rules.spacing - (now - limit.handed_back_at).total_seconds())
        return Block(permits=permits, spacing=rules.spacing, first_call_in=first)


def give_back(limit_id: uuid.UUID, *, block: str) -> None:
    with transaction.atomic():
        PermitBlock.objects.filter(limit_id=limit_id, block=block).delete()
        Limit.objects.filter(pk=limit_id).update(handed_back_at=Now())


def renew(blocks: list[str], *, seconds: float) -> set[str]:
    """Those of `blocks` that are still held, prolonged."""
    if not blocks:
        return set()
    until = _database_now() + timedelta(seconds=seconds)
    held = PermitBlock.objects.filter(block__in=blocks)
    if held.update(lease_until=until) == len(blocks):
        return set(blocks)
    return set(held.values_list("block", flat=True))


def pause(limit_id: uuid.UUID, *, seconds: float, reason: str) -> None:
    """Nobody calls for so long; a longer pause already noted stands. Halves the cap where it may float."""
    with transaction.atomic():
        found = _locked(limit_id)
        if found is None:
            return
        limit, rules, now = found
        until = now + timedelta(seconds=seconds)
        if limit.paused_until and limit.paused_until >= until:
            return
        limit.paused_until, limit.paused_reason = until, reason[:200]
        if rules.floats:
            limit.permits, limit.permits_changed_at = max(1, (limit.permits or rules.concurrency) // 2), now
        limit.save()


@dataclass(frozen=True)
class Rules:
    """What the limit's owner allows. `spacing`: seconds between calls."""

    concurrency: int
    spacing: float
    floats: bool


def rules_of(owner: Connection) -> Rules:
    http = owner.document.get("http") or {}
    between = (http.get("rateLimit") or {}).get("limit") or 0
    if between:
        return Rules(concurrency=1, spacing=between / 1000, floats=False)
    floats = bool(owner.document.get("autoRecoverRateLimitErrors", True))
    target = http.get("targetConcurrencyLevel") or owner.concurrency
    return Rules(concurrency=target if floats else owner.concurrency, spacing=0.0, floats=floats)


def _grown_cap(limit: Limit, rules: Rules, *, now: datetime) -> int:
    if limit.permits is None or not rules.floats:
        return rules.concurrency
    quiet = (now - limit.permits_changed_at).total_seconds() if limit.permits_changed_at else GROW_AFTER_SECONDS
    if steps := int(quiet // GROW_AFTER_SECONDS):
        limit.permits, limit.permits_changed_at = limit.permits + steps, now
        if limit.permits >= rules.concurrency:
            limit.permits = None
        limit.save(update_fields=["permits", "permits_changed_at"])
    return min(limit.permits or rules.concurrency, rules.concurrency)


def _locked(limit_id: uuid.UUID) -> tuple[Limit, Rules, datetime] | None:
    owner = Connection.objects.filter(pk=limit_id).only("id", "concurrency", "document").first()
    if owner is None:
        return None
    locked = Limit.objects.select_for_update().filter(pk=limit_id)
    limit = locked.first()
    if limit is None:
        Limit.objects.bulk_create([Limit(connection=owner)], ignore_conflicts=True)
        limit = locked.get()
    return limit, rules_of(owner), _database_now()


def _database_now() -> datetime:
    """SQLite has one machine and so one clock."""
    if connection.vendor != "postgresql":
        return clock.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now
