"""Empties a test database between tests for the price of what it holds, not of how many tables there are.

Django empties all of them, and then writes every model's content type and rights again, as if it had just migrated:
twenty times the work of a test's few rows. Those two tables never change, so here they keep what migrating wrote.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.management import create_contenttypes
from django.db import connection
from django.db.models.signals import post_migrate

KEPT = {"django_content_type", "auth_permission"}
RIGHTS = "django.contrib.auth.management.create_permissions"


@contextmanager
def cheap_emptying() -> Iterator[None]:
    """For as long as the database lives: it must have been migrated before."""
    operations = type(connection.ops)
    every_table = operations.sql_flush

    def sql_flush(self: Any, style: Any, tables: Iterable[str], **options: Any) -> list[str]:
        emptied = [table for table in tables if table not in KEPT]
        if any(options.values()):  # sequences begin anew, or what refers to the tables goes too
            return every_table(self, style, emptied, **options)
        return [f"DELETE FROM {self.quote_name(table)}" for table in filled(emptied)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "sql_flush", sql_flush)
        assert post_migrate.disconnect(create_contenttypes)
        assert post_migrate.disconnect(dispatch_uid=RIGHTS)
        try:
            yield
        finally:
            post_migrate.connect(create_contenttypes)
            post_migrate.connect(create_permissions, dispatch_uid=RIGHTS)


def filled(tables: Iterable[str]) -> list[str]:
    """Those that hold rows."""
    quoted = connection.ops.quote_name
    asked = [f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quoted(table)})" for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return [row[0] for row in cursor.fetchall()]
