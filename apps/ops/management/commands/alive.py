"""A container's health check where there is no port to ask: `manage.py alive`."""

import socket
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.core.commands import InstalledCommand
from apps.work import nodes

ROLES = ("web", "worker", "scheduler")


class Command(InstalledCommand):
    help = "Succeeds if processes of this host have told the database within half a minute that they live."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--role", choices=ROLES, action="append", help="which must live; all that are given")

    def handle(self, *, role: list[str] | None, **_: Any) -> None:
        here = {}
        for name in role or ROLES:
            here[name] = [node for node in nodes.alive(name) if node.rpartition(":")[0] == socket.gethostname()[:40]]
        missing = [name for name in role or [] if not here[name]]
        if missing or not any(here.values()):
            raise CommandError(f"No {' and no '.join(missing) or 'process'} of this host is alive.")
        self.stdout.write("; ".join(f"{name}: {', '.join(sorted(found))}" for name, found in here.items() if found))
