"""Everything in one process: `manage.py up`."""

import errno
import os
import signal
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.wsgi import get_wsgi_application

from apps.ops import directory, embedded, migrating, operators, startup
from apps.ops.demo.installing import start_embedded
from apps.ops.servers import EmbeddedServer, embedded_server

WHY = {
    errno.EADDRINUSE: "the port is taken; choose another with --port",
    errno.EACCES: "ports below 1024 need more rights; choose another with --port",
}


class Command(BaseCommand):
    help = "Starts the whole of Junction in this process: migrates, then runs web, worker and scheduler."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
        parser.add_argument("--port", default=8000, type=int, help="port to listen on (default %(default)s)")
        parser.add_argument("--no-demo", action="store_true", help="without the demonstration")

    def handle(self, *, host: str, port: int, no_demo: bool, **_: Any) -> None:
        os.umask(0o077)  # the database holds sessions and hashes, the folders hold tenants' files
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the worker takes the signals over
        try:
            self.start(host=host, port=port, demo=not no_demo)
        except KeyboardInterrupt:
            sys.exit(130)

    def start(self, *, host: str, port: int, demo: bool) -> None:
        address = settings.PUBLIC_URL or f"http://{shown(host)}:{port}"
        try:
            held = directory.lock(settings.DATA_DIR, address=address)
        except directory.DirectoryInUseError as error:
            raise CommandError(f"JUNCTION_DATA: {error}.") from None
        except OSError as error:
            raise CommandError(f"JUNCTION_DATA: the directory cannot be used ({error}).") from None
        with held:
            directory.close_to_others(settings.DATA_DIR)
            server = listen(host=host, port=port)
            with startup.database_needed():
                migrating.migrate()
                welcome = operators.first_start()
                if welcome is not None:  # before anything else can fail: these lines come once
                    self.stdout.write(operators.describe(welcome))
                    self.stdout.flush()
                embedded.take_over()
                startup.run_steps()
                is_new_demo = demo and start_embedded(host=host, port=port)
            embedded.run(server, on_ready=lambda: self.tell(address, is_new_demo=is_new_demo))

    def tell(self, address: str, *, is_new_demo: bool) -> None:
        self.stdout.write(f"Junction is up. Stop it with Ctrl-C.\n  Console  {address}/console/")
        if is_new_demo:
            self.stdout.write(f"  Demo     runs now: {address}/console/executions/execution/")
        self.stdout.flush()


def listen(*, host: str, port: int) -> EmbeddedServer:
    if not 0 < port < 65536:
        raise CommandError(f"Cannot listen on {host}:{port}: a port is a number from 1 to 65535.")
    try:
        return embedded_server(get_wsgi_application(), host=host, port=port)
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        why = WHY.get(number or 0, os.strerror(number) if number and number > 0 else str(error))
        raise CommandError(f"Cannot listen on {host}:{port}: {why}.") from None


def shown(host: str) -> str:
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104  (told apart, not bound)
        return "localhost"
    return f"[{host}]" if ":" in host else host
