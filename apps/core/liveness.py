"""Spares each request the round trip by which Django asks whether its kept database connection still lives.

A server that went away has closed the socket, and a closed socket is readable. An idle one that is not readable is as
good as asked; only when there is something to read does Django's own check decide.
"""

import select
from typing import Any

from django.db import connections


def trust_quiet_sockets(**_: Any) -> None:
    """For the signal `request_started`, after Django's own receiver, which wants every connection checked."""
    for connection in connections.all(initialized_only=True):
        raw: Any = connection
        if connection.vendor == "postgresql" and connection.connection is not None and is_quiet(connection.connection):
            raw.health_check_done = True


def is_quiet(raw: Any) -> bool:
    if raw.closed:
        return False
    poll = select.poll()
    poll.register(raw.fileno(), select.POLLIN)
    return not poll.poll(0)
