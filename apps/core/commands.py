"""Commands over an installation that is there already: without one they end with a sentence, and make nothing."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

MAKE = "`manage.py up` makes one, or `manage.py prepare` for separate processes."


class InstalledCommand(BaseCommand):
    def execute(self, *args: Any, **options: Any) -> str | None:
        require_installation()
        return super().execute(*args, **options)


def require_installation() -> None:
    """Raises CommandError. Looks before it connects: SQLite makes the file that it is asked for."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        where = f"in {settings.DATA_DIR} (JUNCTION_DATA says where)"
        if not Path(name).exists():
            raise CommandError(f"There is no installation {where}. {MAKE}")
    else:
        where = f"in the database {name} (DATABASE_URL says which)"
    try:
        tables = connection.introspection.table_names()
    except DatabaseError as error:
        raise CommandError(f"The database cannot be reached ({error}).".replace("\n", " ")) from None
    if "work_node" not in tables:
        raise CommandError(f"There is no installation {where}. {MAKE}")
    if not settings.SECRETS.kept:
        raise CommandError(
            f"The installation's secrets are not in {settings.DATA_DIR}. Give this process the JUNCTION_DATA of the"
            " others, or JUNCTION_SECRET_KEY and JUNCTION_KEYS."
        )
