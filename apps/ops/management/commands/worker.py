"""A worker process of a distributed installation: `manage.py worker`."""

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.core.commands import require_installation
from apps.ops.processes import become
from apps.work.models import Lane


class Command(BaseCommand):
    help = "Works off lanes with Celery's prefork pool; becomes that process."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        every = ",".join(Lane.values)
        parser.add_argument("--lanes", default=every, help="comma-separated lanes (default %(default)s)")
        parser.add_argument("--concurrency", default=os.cpu_count() or 2, type=int, help="child processes")

    def handle(self, *, lanes: str, concurrency: int, **_: Any) -> None:
        chosen = [lane.strip() for lane in lanes.split(",") if lane.strip()]
        unknown = sorted(set(chosen) - set(Lane.values))
        if unknown or not chosen:
            raise CommandError(f"--lanes: {', '.join(unknown) or 'nothing'} is no lane of {', '.join(Lane.values)}.")
        if concurrency < 1:
            raise CommandError("--concurrency: must be at least 1.")
        if settings.BROKER_URL.startswith("memory:"):
            raise CommandError("BROKER_URL: a worker of its own needs a broker, such as redis://localhost:6379/0.")
        require_installation()
        os.environ["JUNCTION_LANES"] = ",".join(chosen)
        command = ["--quiet", "--app", "config.celery", "worker", "--pool", "prefork", "--loglevel", "WARNING"]
        command += ["--queues", ",".join(chosen), "--concurrency", str(concurrency)]
        become("celery", [*command, "--without-gossip", "--without-mingle"])
