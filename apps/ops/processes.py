"""Becoming another program: the commands for production end as gunicorn or Celery, which get the signals themselves.

The surprise: it happens within the process, so that what Django has loaded is not loaded a second time. Each says one
line when it has started: what it is, and what it works with, without what opens that.
"""

import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import connections

log = structlog.get_logger(__name__)


def become(module: str, arguments: Sequence[str]) -> NoReturn:
    """As `python -m module` would; never returns. It forks, and no connection may be shared over a fork."""
    connections.close_all()
    sys.stdout.flush()
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()


def announce(role: str, **more: Any) -> None:
    log.info("started", role=role, process=os.getpid(), **places(), **more)


def places() -> dict[str, str]:
    return {"database": shown_database(settings.DATABASES["default"]), "broker": shown_broker(settings.BROKER_URL)}


def shown_database(found: Mapping[str, Any]) -> str:
    if found["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{found['NAME']}"
    port = f":{found['PORT']}" if found.get("PORT") else ""
    return f"postgresql://{found.get('HOST') or 'localhost'}{port}/{found['NAME']}"


def shown_broker(url: str) -> str:
    """Where it is: neither user nor password, nor what stands in a query."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
