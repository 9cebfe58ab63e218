"""Brings the database up to date; a SQLite file that holds something is copied first, and the last copies are kept."""

import sqlite3
from contextlib import closing
from pathlib import Path

import structlog
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.core.clock import now
from apps.ops import creating

log = structlog.get_logger(__name__)
COPIES_KEPT = 3
NAMES = "before-migration-*.sqlite3"


def pending() -> list[str]:
    """The migrations that the database lacks, in order."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def migrate() -> None:
    if not creating.is_empty():
        missing = pending()
        if not missing:
            return
        if connection.vendor == "sqlite" and MigrationExecutor(connection).loader.applied_migrations:
            log.info("copied the database before migrating", copy=str(copy_before_migration()), migrations=missing)
    call_command("migrate", interactive=False, verbosity=0)


def copy_before_migration() -> Path:
    folder = Path(settings.DATA_DIR) / "backups"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / NAMES.replace("*", f"{now():%Y%m%dT%H%M%S%f}")
    copy_sqlite(Path(settings.DATABASES["default"]["NAME"]), target)
    for old in sorted(folder.glob(NAMES))[:-COPIES_KEPT]:
        old.unlink()
    return target


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy while others read and write; the target appears whole or not at all."""
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(part)) as new:
        old.backup(new)
    part.chmod(0o600)
    part.replace(target)
