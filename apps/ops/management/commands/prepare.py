"""What a distributed installation does once per release, before its processes start: `manage.py prepare`."""

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.core import environment
from apps.ops import migrating, operators, startup
from apps.ops.demo.installing import install


class Command(BaseCommand):
    help = "Migrates the database, installs what ships with Junction and, the first time, makes an operator and a key."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--demo", action="store_true", help="with the demonstration; the web processes serve its systems"
        )

    def handle(self, *, demo: bool, **_: Any) -> None:
        os.umask(0o077)  # what it makes in the data directory is nobody else's to read
        if demo and not settings.PUBLIC_URL:
            environment.refuse("JUNCTION_PUBLIC_URL", "is needed by --demo: the demonstration's flow calls it")
        with startup.database_needed():
            migrating.migrate()
            welcome = operators.first_start()
            if welcome is not None:
                self.stdout.write(operators.describe(welcome))
                self.stdout.flush()
            startup.run_steps()
            if demo:
                install(base=settings.PUBLIC_URL)
        self.stdout.write("Ready to start.")
