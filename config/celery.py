"""The Celery application. Messages are wake-ups that name a lane: losing one, or all, loses nothing."""

import os

from celery import Celery
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # they load every page for a worker; `manage.py check` makes them

from django.conf import settings

LANES = ("interactive", "flows", "deliveries", "housekeeping")
EMBEDDED_POLL = {"polling_interval": 0.01}
# An unreachable or frozen broker must cost its callers little: short socket timeouts and no retries of ours.
NETWORK = {"socket_timeout": 3, "socket_connect_timeout": 3, "socket_keepalive": True, "max_retries": 1}

app = Celery("junction", broker=settings.BROKER_URL)
app.conf.update(
    task_queues=[Queue(lane) for lane in LANES],
    task_default_queue="housekeeping",
    task_acks_late=False,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options=EMBEDDED_POLL if settings.BROKER_URL == "memory://" else NETWORK,
    task_publish_retry=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    timezone="UTC",
    CELERY_DB_REUSE_MAX=10**9,  # else it reconnects around every task; the task keeps connections by Django's rules
)
app.autodiscover_tasks()
