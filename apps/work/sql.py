"""The few statements that the ORM cannot say, for both databases. Every stamp is the database's own clock."""

import uuid
from typing import Any

from django.conf import settings
from django.db import connection

from apps.core.joined import run_prepared

TABLE = "work_workitem"
COLUMNS = "id, kind, lane, organization_id, target_id, group_id, fence, attempts, reason, serial_key"


def is_postgres() -> bool:
    return connection.vendor == "postgresql"


def now_sql(plus_seconds: float = 0) -> str:
    """The database's time as its DateTimeField stores it."""
    if is_postgres():
        return (
            f"statement_timestamp() + interval '{float(plus_seconds)} seconds'"
            if plus_seconds
            else ("statement_timestamp()")
        )
    return f"strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '{float(plus_seconds):+f} seconds')"


def lease_sql() -> str:
    return now_sql(settings.WORK_LEASE_SECONDS)


def skip_locked() -> str:
    return "FOR UPDATE SKIP LOCKED" if is_postgres() else ""


def param(value: Any) -> Any:
    """A value as the driver of this database takes it."""
    if isinstance(value, uuid.UUID):
        return value if connection.features.has_native_uuid_field else value.hex
    if hasattr(value, "tzinfo"):
        return connection.ops.adapt_datetimefield_value(value)
    return value


def to_uuid(value: Any) -> uuid.UUID | None:
    return value if value is None or isinstance(value, uuid.UUID) else uuid.UUID(value)


def execute(sql: str, params: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, [param(p) for p in params])
        return int(cursor.rowcount)


def prepared(sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
    """As `rows`, of a statement that is asked again and again: the server plans it once a connection."""
    return run_prepared(sql, [param(p) for p in params])


def rows(sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [param(p) for p in params])
        return list(cursor.fetchall())
