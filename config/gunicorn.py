"""How gunicorn serves in production; `manage.py web` passes address, workers and threads.

The surprise: clients send their key as `api_key`, and gunicorn drops names with an underscore, because
`X_Forwarded_For` would pass for `X-Forwarded-For`. So all are let in, and all others are taken out again.
"""

import os
import shutil
from typing import Any

from django.conf import settings
from prometheus_client import multiprocess

from config import logs

worker_class = "gthread"
preload_app = True
keepalive = 30
timeout = 120
graceful_timeout = 25
limit_request_field_size = 16_384
control_socket_disable = True
header_map = "dangerous"
logconfig_dict = logs.as_dict(settings.LOGGING)


def pre_request(worker: Any, request: Any) -> None:
    request.headers[:] = [(name, value) for name, value in request.headers if "_" not in name or name == "API_KEY"]


def when_ready(server: Any) -> None:
    from apps.ops import processes  # the server has loaded the application, and with it Django

    address = ",".join(map(str, server.LISTENERS))
    processes.announce("web", address=address, workers=server.cfg.workers, threads=server.cfg.threads)


def post_worker_init(worker: Any) -> None:
    from apps.ops import heartbeat  # a worker has Django ready, this file's first reader has not

    heartbeat.start(roles="web")


def child_exit(server: Any, worker: Any) -> None:
    multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
