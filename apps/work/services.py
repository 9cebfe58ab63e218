"""Adding work, and settling what was claimed. Settling carries the claim's fence: an old holder's matches no row."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from apps.core.ids import id_like, new_id
from apps.core.joined import Statement, execute, inserting
from apps.work import leases, sql, wakeups
from apps.work.kinds import Claim, LeaseLostError

INSERT = (
    "INSERT INTO work_workitem (id, created_at, updated_at, organization_id, lane, kind, target_id, group_id, due_at,"
    " lease_until, holder, fence, attempts, parked_on, serial_key, reason) VALUES "
)


def add(
    *,
    kind: str,
    lane: str,
    organization_id: uuid.UUID,
    target_id: uuid.UUID,
    due_at: datetime | None = None,
    group_id: uuid.UUID | None = None,
    serial_key: str = "",
    reason: str = "",
) -> None:
    """Adds one item in the caller's transaction and wakes its lane after commit; due now unless `due_at`."""
    add_many(
        kind=kind, lane=lane, organization_id=organization_id, target_ids=[target_id], due_at=due_at,
        group_id=group_id, serial_key=serial_key, reason=reason,
    )  # fmt: skip


def add_many(
    *,
    kind: str,
    lane: str,
    organization_id: uuid.UUID,
    target_ids: Sequence[uuid.UUID],
    due_at: datetime | None = None,
    group_id: uuid.UUID | None = None,
    serial_key: str = "",
    reason: str = "",
    place: uuid.UUID | None = None,
) -> None:
    """`place`: an id whose time is to be that of the items' own, by which work of one serial key is ordered."""
    require_transaction()
    now = sql.now_sql()
    due = "%s" if due_at else now
    values = f"(%s, {now}, {now}, %s, %s, %s, %s, %s, {due}, NULL, '', 0, 0, '', %s, %s)"
    for first in range(0, len(target_ids), 500):
        some = target_ids[first : first + 500]
        params: list[Any] = []
        for target_id in some:
            params += [
                id_like(place) if place else new_id(),
                organization_id,
                lane,
                kind,
                target_id,
                group_id,
                *([due_at] if due_at else []),
            ]
            params += [serial_key, reason[:200]]
        sql.execute(INSERT + ", ".join([values] * len(some)), params)
    if due_at is None:
        wakeups.wake_on_commit(lane)


def ensure_many(*, kind: str, lane: str, organization_id: uuid.UUID, target_ids: Sequence[uuid.UUID]) -> None:
    """Each target has work that is due now: one item of it, made here or waiting already.

    What a worker holds stays as it is, so a holder must look for more after it has settled, in the same transaction.
    """
    require_transaction()
    now = sql.now_sql()
    values = f"(%s, {now}, {now}, %s, %s, %s, %s, NULL, {now}, NULL, '', 0, 0, '', '', '')"
    again = (
        f" ON CONFLICT (kind, target_id) DO UPDATE SET due_at = {now}, reason = '' WHERE"
        f" work_workitem.lease_until IS NULL AND work_workitem.due_at > {now}"
    )
    ordered = sorted(set(target_ids))  # two that do the same for the same targets must not wait for each other
    for first in range(0, len(ordered), 500):
        params: list[Any] = []
        some = ordered[first : first + 500]
        for target_id in some:
            params += [new_id(), organization_id, lane, kind, target_id]
        sql.execute(INSERT + ", ".join([values] * len(some)) + again, params)
    if ordered:
        wakeups.wake_on_commit(lane)


def add_claimed(
    *, kind: str, lane: str, organization_id: uuid.UUID, target_ids: Sequence[uuid.UUID], group_id: uuid.UUID | None
) -> list[Claim]:
    """Adds items that the caller holds from birth, for a worker that goes on with what it just made.

    Hold them with `leases.hold` after the commit.
    """
    require_transaction()
    claims, statement = claimed(
        kind=kind, lane=lane, organization_id=organization_id, target_ids=target_ids, group_id=group_id
    )
    execute([statement])
    return claims


def adding(
    *,
    kind: str,
    lane: str,
    organization_id: uuid.UUID,
    target_ids: Sequence[uuid.UUID],
    group_id: uuid.UUID | None = None,
    serial_key: str = "",
) -> Statement:
    """As `add_many` of items due now, for a caller that executes the statement with others, then wakes the lane."""
    now = sql.now_sql()
    values = f"(%s, {now}, {now}, %s, %s, %s, %s, %s, {now}, NULL, '', 0, 0, '', %s, '')"
    params: list[Any] = []
    for target_id in target_ids:
        params += [new_id(), organization_id, lane, kind, target_id, group_id, serial_key]
    return inserting(INSERT, values, [sql.param(value) for value in params])


def claimed(
    *, kind: str, lane: str, organization_id: uuid.UUID, target_ids: Sequence[uuid.UUID], group_id: uuid.UUID | None
) -> tuple[list[Claim], Statement]:
    """As `add_claimed`, for a caller that executes the statement together with others."""
    now, lease = sql.now_sql(), sql.lease_sql()
    values = f"(%s, {now}, {now}, %s, %s, %s, %s, %s, {lease}, {lease}, %s, 1, 0, '', '', '')"
    claims, params = [], []
    for target_id in target_ids:
        item_id = new_id()
        params += [item_id, organization_id, lane, kind, target_id, group_id, leases.node_name()]
        claims.append(
            Claim(
                id=item_id, kind=kind, lane=lane, organization_id=organization_id, target_id=target_id,
                group_id=group_id, fence=1, attempts=0, lease_seconds=settings.WORK_LEASE_SECONDS,
            )
        )  # fmt: skip
    return claims, inserting(INSERT, values, [sql.param(value) for value in params])


def progress(claims: Sequence[Claim]) -> None:
    """Call inside each transaction that commits progress. Raises LeaseLostError (roll back!) if any fence is old."""
    require_transaction()
    for claim in claims:
        claim.check()
    settle(claims, f"UPDATE work_workitem SET attempts = 0, updated_at = {sql.now_sql()}")


def progressing(claim: Claim, *, provided: str = "true", params: Sequence[Any] = ()) -> Statement:
    """As `progress`, for a caller that executes the statement together with others; `provided` is one condition more.

    Raises LeaseLostError when the lease may have lapsed.
    """
    claim.check()
    change = f"UPDATE work_workitem SET attempts = 0, updated_at = {sql.now_sql()} WHERE id = %s AND fence = %s AND "
    return Statement(change + provided, [sql.param(claim.id), claim.fence, *map(sql.param, params)], expects=1)


def confirm(claims: Sequence[Claim]) -> None:
    """As `progress`, for a commit that is none: a turn's beginning does not make five lost workers one."""
    require_transaction()
    for claim in claims:
        claim.check()
    settle(claims, "UPDATE work_workitem SET holder = holder")


def confirming(claim: Claim) -> Statement:
    """As `confirm`, for a caller that executes the statement together with others."""
    claim.check()
    params = [sql.param(claim.id), claim.fence]
    return Statement("UPDATE work_workitem SET holder = holder WHERE id = %s AND fence = %s", params, expects=1)


def finish(claims: Sequence[Claim]) -> None:
    """Deletes done work, in the transaction that commits its result."""
    require_transaction()
    settle(claims, "DELETE FROM work_workitem")
    transaction.on_commit(lambda: leases.let_go(claims))


def finishing(claim: Claim) -> Statement:
    """As `finish`, for a caller that executes the statement together with others, then lets the lease go."""
    params = [sql.param(claim.id), claim.fence]
    return Statement("DELETE FROM work_workitem WHERE id = %s AND fence = %s", params, expects=1)


def finishing_all(claims: Sequence[Claim]) -> Statement:
    """The same of several."""
    marks = ", ".join(["(%s, %s)"] * len(claims))
    params = [value for claim in claims for value in (sql.param(claim.id), claim.fence)]
    statement = f"DELETE FROM work_workitem WHERE (id, fence) IN (VALUES {marks})"
    return Statement(statement, params, expects=len(claims))


def release(claims: Sequence[Claim], *, wake: bool = True) -> None:
    """Gives work back, due at once: to yield the worker."""
    with transaction.atomic():
        settle(claims, f"UPDATE work_workitem SET lease_until = NULL, holder = '', due_at = {sql.now_sql()}")
        if wake:
            for lane in {claim.lane for claim in claims}:
                wakeups.wake_on_commit(lane)
    leases.let_go(claims)


def wait_until(claim: Claim, due_at: datetime, *, reason: str) -> None:
    """Gives work back until a moment: a retry, a delay, a timeout."""
    require_transaction()
    assignments = "lease_until = NULL, holder = '', due_at = %s, reason = %s, attempts = 0"
    settle([claim], f"UPDATE work_workitem SET {assignments}", [due_at, reason[:200]])
    transaction.on_commit(lambda: leases.let_go([claim]))


def wait_seconds(claim: Claim, seconds: float, *, reason: str) -> None:
    """The same, counted from now by the database's clock."""
    require_transaction()
    assignments = f"lease_until = NULL, holder = '', due_at = {sql.now_sql(max(seconds, 0.001))}, reason = %s"
    settle([claim], f"UPDATE work_workitem SET {assignments}", [reason[:200]])
    transaction.on_commit(lambda: leases.let_go([claim]))


def park(claims: Sequence[Claim], *, on: str, reason: str) -> None:
    """Sets work aside until `unpark(on)`: it is no candidate for claims, whatever its time."""
    require_transaction()
    assignments = (
        f"lease_until = NULL, holder = '', due_at = {sql.now_sql()}, parked_on = %s, reason = %s, attempts = 0"
    )
    settle(claims, f"UPDATE work_workitem SET {assignments}", [on, reason[:200]])
    transaction.on_commit(lambda: leases.let_go(claims))


def unpark(on: str) -> int:
    """Makes everything parked on a thing due again, in one statement."""
    require_transaction()
    found = sql.rows(
        f"UPDATE work_workitem SET parked_on = '', reason = '', due_at = {sql.now_sql()} WHERE parked_on = %s"
        " RETURNING lane",
        [on],
    )
    for lane in {row[0] for row in found}:
        wakeups.wake_on_commit(lane)
    return len(found)


def hurry(*, kind: str, target_id: uuid.UUID) -> bool:
    """Makes waiting (not held) work due now: its child finished, its approval came. False if there is none."""
    require_transaction()
    found = sql.rows(
        f"UPDATE work_workitem SET due_at = {sql.now_sql()}, parked_on = '', reason = ''"
        " WHERE kind = %s AND target_id = %s AND lease_until IS NULL RETURNING lane",
        [kind, target_id],
    )
    for row in found:
        wakeups.wake_on_commit(row[0])
    return bool(found)


def hurry_many(*, kind: str, target_ids: Sequence[uuid.UUID]) -> None:
    """The same for what is only to be ended: it need not stand in line for that."""
    require_transaction()
    lanes: set[str] = set()
    for first in range(0, len(target_ids), 500):
        some = target_ids[first : first + 500]
        found = sql.rows(
            f"UPDATE work_workitem SET due_at = {sql.now_sql()}, parked_on = '', reason = '', serial_key = ''"
            f" WHERE kind = %s AND target_id IN ({', '.join(['%s'] * len(some))}) AND lease_until IS NULL"
            " RETURNING lane",
            [kind, *some],
        )
        lanes |= {row[0] for row in found}
    for lane in lanes:
        wakeups.wake_on_commit(lane)


def drop_unclaimed(group_id: uuid.UUID, *, kind: str) -> list[uuid.UUID]:
    """Deletes work of a group that nobody holds; returns its targets."""
    require_transaction()
    found = sql.rows(
        "DELETE FROM work_workitem WHERE group_id = %s AND kind = %s AND"
        f" (lease_until IS NULL OR lease_until < {sql.now_sql()}) RETURNING target_id",
        [group_id, kind],
    )
    return [target for row in found if (target := sql.to_uuid(row[0]))]


def take_over_leases() -> int:
    """For an embedded process that has just locked its data directory: nobody else can hold anything."""
    return sql.execute(
        f"UPDATE work_workitem SET due_at = {sql.now_sql()} WHERE lease_until IS NOT NULL",
        [],
    )


def settle(claims: Sequence[Claim], statement: str, params: Sequence[Any] = ()) -> None:
    if not claims:
        return
    pairs: list[Any] = [value for claim in claims for value in (claim.id, claim.fence)]
    where = " WHERE (id, fence) IN (VALUES " + ", ".join(["(%s, %s)"] * len(claims)) + ")"
    if sql.execute(statement + where, [*params, *pairs]) != len(claims):
        leases.let_go(claims)
        raise LeaseLostError(f"Other workers have taken over {len(claims)} item(s) of {claims[0].kind}.")


def require_transaction() -> None:
    if not connection.in_atomic_block:
        raise RuntimeError("work is added and settled inside the transaction of its cause or result")


def is_held(*, kind: str, target_id: uuid.UUID) -> bool:
    where = f"kind = %s AND target_id = %s AND lease_until > {sql.now_sql()}"
    return bool(sql.rows(f"SELECT 1 FROM work_workitem WHERE {where}", [kind, target_id]))


def drop_target(*, kind: str, target_id: uuid.UUID) -> None:
    """Deletes the work of something that was ended by other means, unless a worker holds it."""
    require_transaction()
    unheld = f"(lease_until IS NULL OR lease_until < {sql.now_sql()})"
    sql.execute(f"DELETE FROM work_workitem WHERE kind = %s AND target_id = %s AND {unheld}", [kind, target_id])
