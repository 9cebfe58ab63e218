"""What is done after the migrations and before serving. Apps register their steps in AppConfig.ready."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, connection

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Step:
    """`run` must be safe to repeat: it is called at each start."""

    name: str
    run: Callable[[], object]


_steps: list[Step] = []


def register(step: Step) -> None:
    _steps.append(step)


def run_steps() -> None:
    for step in _steps:
        log.debug("start-up step", step=step.name)
        step.run()


@contextmanager
def database_needed() -> Iterator[None]:
    """What fails for want of a database ends the command with a sentence that names the variable."""
    try:
        yield
    except DatabaseError as error:
        own = connection.vendor == "sqlite" and str(connection.settings_dict["NAME"]).startswith(str(settings.DATA_DIR))
        where = f"JUNCTION_DATA: the database in {settings.DATA_DIR}" if own else "DATABASE_URL: the database"
        raise CommandError(f"{where} cannot be used ({' '.join(str(error).split())}).") from None
