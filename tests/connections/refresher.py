"""A process of its own whose threads all need one connection's token at once; prints what each has got."""

import sys
import threading
import uuid

import django

django.setup()

from django.db import connections  # noqa: E402

from apps.connections import tokens  # noqa: E402
from apps.connections.access import open_connection  # noqa: E402


def main(connection_id: str, organization_id: str, threads: int) -> None:
    opened = open_connection(connection_id=uuid.UUID(connection_id), organization_id=uuid.UUID(organization_id))
    together, got = threading.Barrier(threads), []

    def work() -> None:
        together.wait()
        try:
            got.append(tokens.token_of(tokens.fresh(opened)))
        finally:
            connections.close_all()

    print("ready", flush=True)
    sys.stdin.readline()
    running = [threading.Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    print(" ".join(got))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
