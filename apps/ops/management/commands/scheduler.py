"""The scheduler process of a distributed installation: `manage.py scheduler`. Several may run: the database elects."""

from typing import Any

from apps.core.commands import InstalledCommand
from apps.ops.processes import become


class Command(InstalledCommand):
    help = "Does what the clock asks for, as Celery beat; becomes that process."
    requires_system_checks = ()

    def handle(self, **_: Any) -> None:
        command = ["--quiet", "--app", "config.celery", "beat", "--pidfile", "", "--loglevel", "WARNING"]
        become("celery", [*command, "--scheduler", "apps.ops.beat:DutyScheduler"])
