"""The web process of a distributed installation: `manage.py web`."""

import os
import tempfile
from argparse import ArgumentParser
from typing import Any

from apps.core.commands import InstalledCommand
from apps.ops.processes import become


class Command(InstalledCommand):
    help = "Serves the console and the APIs with gunicorn; becomes that process."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default="0.0.0.0:8000", help="host:port to listen on (default %(default)s)")
        parser.add_argument("--workers", default=2, type=int, help="processes (default %(default)s)")
        parser.add_argument("--threads", default=8, type=int, help="threads a process (default %(default)s)")

    def handle(self, *, bind: str, workers: int, threads: int, **_: Any) -> None:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="junction-metrics-")
        sizes = ["--workers", str(workers), "--threads", str(threads)]
        become("gunicorn", ["--config", "python:config.gunicorn", "--bind", bind, *sizes, "config.wsgi:application"])
