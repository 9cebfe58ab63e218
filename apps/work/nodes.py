"""Which processes live, and which of them was elected to a duty."""

from apps.work import leases, sql

ALIVE_SECONDS = 30


def beat(*, roles: str, lanes: str = "") -> None:
    now = sql.now_sql()
    sql.execute(
        f"INSERT INTO work_node (name, roles, lanes, started_at, seen_at) VALUES (%s, %s, %s, {now}, {now})"
        f" ON CONFLICT (name) DO UPDATE SET seen_at = {now}, roles = excluded.roles, lanes = excluded.lanes",
        [leases.node_name(), roles, lanes],
    )


def forget_dead() -> None:
    sql.execute(f"DELETE FROM work_node WHERE seen_at < {sql.now_sql(-3600)}", [])


def leave() -> None:
    sql.execute("DELETE FROM work_node WHERE name = %s", [leases.node_name()])


def alive(role: str) -> list[str]:
    recent = f"seen_at > {sql.now_sql(-ALIVE_SECONDS)}"
    return [r[0] for r in sql.rows(f"SELECT name FROM work_node WHERE {recent} AND roles LIKE %s", [f"%{role}%"])]


def elect(duty: str, *, seconds: float) -> bool:
    """True if this process holds the duty's lease now: taken, renewed or inherited from a lapsed holder."""
    now, lease, me = sql.now_sql(), sql.now_sql(seconds), leases.node_name()
    return bool(
        sql.rows(
            f"INSERT INTO work_election (duty, holder, lease_until) VALUES (%s, %s, {lease})"
            " ON CONFLICT (duty) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until"
            f" WHERE work_election.holder = %s OR work_election.lease_until < {now} RETURNING duty",
            [duty, me, me],
        )
    )


def draining(lane: str) -> list[str]:
    """Living processes that work a lane off."""
    recent = f"seen_at > {sql.now_sql(-ALIVE_SECONDS)}"
    found = sql.rows(f"SELECT name, lanes FROM work_node WHERE {recent} AND roles LIKE %s", ["%worker%"])
    return [name for name, lanes in found if not lanes or lane in lanes.split(",")]
