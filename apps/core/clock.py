"""The process's one clock for everything that is not a lease (leases use the database's)."""

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)
