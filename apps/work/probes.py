"""What the doctor asks of work itself: is anything overdue that a worker should have taken, and can anybody take it."""

from collections.abc import Iterable

from apps.work import kinds, nodes, sql
from apps.work.doctor import SHOWN_PER_PROBE, Finding

OVERDUE_SECONDS = 300  # five leases: a busy installation's queue is no fault, so lanes are asked, not rows
NO_WORKER = "Start a worker for it: manage.py worker --lanes {lane}."


def lapsed_leases() -> Iterable[Finding]:
    found = sql.rows(
        f"SELECT kind, target_id, lane, holder FROM work_workitem WHERE lease_until < {sql.now_sql(-OVERDUE_SECONDS)}"
        f" AND parked_on = '' ORDER BY id LIMIT {SHOWN_PER_PROBE}",
        [],
    )
    for kind, target_id, lane, holder in found:
        what = f"its worker {holder} has vanished, and nobody has taken it over for five minutes"
        yield Finding(kind, sql.to_uuid(target_id) or "", what, NO_WORKER.format(lane=lane))


def idle_lanes() -> Iterable[Finding]:
    overdue = f"due_at < {sql.now_sql(-OVERDUE_SECONDS)} AND parked_on = ''"
    found = sql.rows(f"SELECT lane, count(*) FROM work_workitem WHERE {overdue} GROUP BY lane", [])
    for lane, count in found:
        if not nodes.draining(lane):
            what = f"{count} items have been due for five minutes, and no living worker drains it"
            yield Finding("lane", lane, what, NO_WORKER.format(lane=lane))


def unknown_kinds() -> Iterable[Finding]:
    names = kinds.names()
    marks = ", ".join(["%s"] * len(names))
    found = sql.rows(
        f"SELECT kind, target_id FROM work_workitem WHERE kind NOT IN ({marks}) LIMIT {SHOWN_PER_PROBE}", [*names]
    )
    for kind, target_id in found:
        what = "no installed app does this kind of work"
        yield Finding(kind, sql.to_uuid(target_id) or "", what, "Run the version of Junction that added it.")


def endless_waits() -> Iterable[Finding]:
    """A due time further away than anything waits for: somebody's clock was wrong."""
    found = sql.rows(
        f"SELECT kind, target_id, due_at FROM work_workitem WHERE parked_on = ''"
        f" AND due_at > {sql.now_sql(366 * 86400)} LIMIT {SHOWN_PER_PROBE}",
        [],
    )
    for kind, target_id, due_at in found:
        what, advice = f"it waits until {due_at}", "Check the clocks of your servers, then set due_at to now."
        yield Finding(kind, sql.to_uuid(target_id) or "", what, advice)


PROBES = {
    "lapsed leases": lapsed_leases,
    "idle lanes": idle_lanes,
    "unknown kinds of work": unknown_kinds,
    "waits without end": endless_waits,
}
