"""Taking work. A worker claims for itself, the least busy organization first: nobody waits behind another's 50,000."""

import threading
import uuid
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.work import leases, sql
from apps.work.kinds import Claim

ORGANIZATIONS_PROBED = 64
SERIAL_PAUSE_SECONDS = 0.2  # before work is claimed again of whose key somebody holds other work
LOSS_COUNTS_AFTER = 0.9  # of a lease's time since the last progress, or the last loss that was counted
_turn = threading.local()

NOTHING_OLDER = (
    "(w.serial_key = '' OR NOT EXISTS (SELECT 1 FROM work_workitem o"
    " WHERE o.serial_key = w.serial_key AND o.id < w.id))"
)


def claim_next(lane: str, *, limit: int = 1) -> list[Claim]:
    """Up to `limit` due items of one kind and organization, or none. Never blocks on another worker's rows."""
    for organization_id in due_organizations(lane):
        where = f"w.lane = %s AND w.organization_id = %s AND w.parked_on = '' AND w.due_at <= {sql.now_sql()}"
        found = take(f"{where} AND {NOTHING_OLDER}", [lane, organization_id], limit=1)
        if found and limit > 1:
            more = f"{where} AND w.kind = %s AND {NOTHING_OLDER}"
            found += take(more, [lane, organization_id, found[0].kind], limit=limit - 1)
        if found:
            return found
    return []


def claim_group(group_id: uuid.UUID, *, kind: str, limit: int) -> list[Claim]:
    """Due items that belong to one thing, such as the pages of an execution that this worker coordinates."""
    where = f"w.group_id = %s AND w.kind = %s AND w.parked_on = '' AND w.due_at <= {sql.now_sql()}"
    return take(f"{where} AND {NOTHING_OLDER}", [group_id, kind], limit=limit)


def claim_kind(kind: str, *, limit: int) -> list[Claim]:
    """Due items of one kind, whoever's: for a process that is no worker and does what none is there to do."""
    where = f"w.kind = %s AND w.parked_on = '' AND w.due_at <= {sql.now_sql()}"
    return take(f"{where} AND {NOTHING_OLDER}", [kind], limit=limit)


def claim_more(claim: Claim, *, limit: int) -> list[Claim]:
    """More of the same kind, organization and group as a claim just made."""
    where = "w.lane = %s AND w.organization_id = %s AND w.kind = %s AND w.parked_on = ''"
    where += f" AND w.due_at <= {sql.now_sql()} AND {NOTHING_OLDER}"
    params: list[Any] = [claim.lane, claim.organization_id, claim.kind]
    if claim.group_id is not None:
        where, params = f"{where} AND w.group_id = %s", [*params, claim.group_id]
    return take(where, params, limit=limit)


def take(where: str, params: list[Any], *, limit: int) -> list[Claim]:
    lease = sql.lease_sql()
    # An unreleased lease in the row means that its holder vanished: that counts as an attempt, once in a lease's time.
    # More often would be unfair: a process that is restarted again and again takes its neighbours' work down with it.
    lost = f"lease_until IS NOT NULL AND updated_at < {sql.now_sql(-LOSS_COUNTS_AFTER * settings.WORK_LEASE_SECONDS)}"
    found = sql.prepared(
        f"WITH picked AS MATERIALIZED (SELECT w.id FROM work_workitem w WHERE {where} ORDER BY w.due_at, w.id"
        f" LIMIT {int(limit)} {sql.skip_locked()})"
        f" UPDATE work_workitem SET fence = fence + 1, due_at = {lease}, lease_until = {lease}, holder = %s,"
        f" attempts = attempts + CASE WHEN {lost} THEN 1 ELSE 0 END,"
        f" updated_at = CASE WHEN {lost} THEN {sql.now_sql()} ELSE updated_at END"
        f" WHERE id IN (SELECT id FROM picked) RETURNING {sql.COLUMNS}",
        [*params, leases.node_name()],
    )
    claims = [to_claim(row) for row in found]
    leases.hold(claims)
    return [claim for claim, row in zip(claims, found, strict=True) if not row[-1] or is_alone(claim, row[-1])]


def is_alone(claim: Claim, serial_key: str) -> bool:
    """Whether nobody else holds work of its key; else it is given back.

    An item may be committed after one that is younger, and be claimed while that one is. Each claim is committed before
    this is asked, so of two that were made at once at least one sees the other.
    """
    others = "SELECT 1 FROM work_workitem WHERE serial_key = %s AND id <> %s"
    others = f"{others} AND lease_until > {sql.now_sql()} LIMIT 1"
    if not sql.rows(others, [serial_key, claim.id]):
        return True
    with transaction.atomic():
        settle_later = f"lease_until = NULL, holder = '', due_at = {sql.now_sql(SERIAL_PAUSE_SECONDS)}"
        sql.execute(f"UPDATE work_workitem SET {settle_later} WHERE id = %s AND fence = %s", [claim.id, claim.fence])
    leases.let_go([claim])
    return False


def to_claim(row: tuple[Any, ...]) -> Claim:
    item, kind, lane, organization, target, group, fence, attempts, reason, _ = row
    ids = [sql.to_uuid(value) for value in (item, organization, target, group)]
    return Claim(
        id=ids[0],  # type: ignore[arg-type]
        kind=kind,
        lane=lane,
        organization_id=ids[1],  # type: ignore[arg-type]
        target_id=ids[2],  # type: ignore[arg-type]
        group_id=ids[3],
        fence=fence,
        attempts=attempts,
        reason=reason,
        lease_seconds=settings.WORK_LEASE_SECONDS,
    )


def is_due(lane: str) -> bool:
    """Whether there is anything to claim."""
    return bool(probe(lane, None))


def due_organizations(lane: str) -> list[uuid.UUID]:
    """Organizations with due work in a lane, fewest running first, found by index probes from a turning start."""
    after = getattr(_turn, "after", None)
    found = probe(lane, after)
    if after is not None and len(found) < ORGANIZATIONS_PROBED:
        known = {row[0] for row in found}
        found += [row for row in probe(lane, None) if row[0] not in known]
    _turn.after = found[-1][0] if len(found) >= ORGANIZATIONS_PROBED else None
    return [row[0] for row in sorted(found, key=lambda row: row[1])]


def probe(lane: str, after: uuid.UUID | None) -> list[tuple[uuid.UUID, int]]:
    """A scalar subquery looks for due work, since PostgreSQL would make a join of EXISTS that reads all there is."""
    start = " AND organization_id > %s" if after else ""
    found = sql.prepared(
        "WITH RECURSIVE orgs(id) AS (SELECT * FROM (SELECT organization_id FROM work_workitem"
        f" WHERE lane = %s AND parked_on = ''{start} ORDER BY organization_id LIMIT 1) AS first"
        " UNION ALL SELECT (SELECT n.organization_id FROM work_workitem n WHERE n.lane = %s AND n.parked_on = ''"
        " AND n.organization_id > orgs.id ORDER BY n.organization_id LIMIT 1) FROM orgs WHERE orgs.id IS NOT NULL)"
        " SELECT orgs.id, (SELECT count(*) FROM work_workitem r WHERE r.organization_id = orgs.id"
        f" AND r.lease_until > {sql.now_sql()}) FROM orgs WHERE orgs.id IS NOT NULL AND"
        " (SELECT 1 FROM work_workitem d WHERE d.lane = %s AND d.organization_id = orgs.id AND d.parked_on = ''"
        f" AND d.due_at <= {sql.now_sql()} ORDER BY d.due_at LIMIT 1) = 1 LIMIT {ORGANIZATIONS_PROBED}",
        [lane, *([after] if after else []), lane, lane],
    )
    return [(sql.to_uuid(row[0]), row[1]) for row in found]  # type: ignore[misc]
