"""Django's `migrate`, except that it makes an empty database's tables at once."""

from typing import Any

from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS

from apps.ops import creating

# What else it may be asked for than to bring everything up to date.
PARTIAL = ("app_label", "migration_name", "fake", "fake_initial", "plan", "check_unapplied", "prune")


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        whole = options["database"] == DEFAULT_DB_ALIAS and not any(options[name] for name in PARTIAL)
        if whole and creating.is_empty():
            creating.create_tables()
        super().handle(*args, **options)
