"""Structured logs: one JSON line an event (or a readable one), carrying the organization's and execution's ids.

Whoever takes up a request, a claim or a step binds its ids (structlog.contextvars); every line below carries them.
"""

import logging.config
from typing import Any

import structlog

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def as_dict(options: dict[str, Any]) -> dict[str, Any]:
    renderer: Any = structlog.processors.JSONRenderer() if options["json"] else structlog.dev.ConsoleRenderer()
    exceptions = [structlog.processors.format_exc_info] if options["json"] else []  # the readable one prints its own
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [structlog.stdlib.ExtraAdder(), *SHARED],
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *exceptions, renderer],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": options["level"]},
        "loggers": {
            "django_structlog": {"level": "ERROR"},  # apps.ops.middleware writes the line of a request
            "django.request": {"level": "ERROR"},  # what clients get wrong is told to them, and in the request's line
            "celery": {"level": "WARNING"},
            "kombu.connection": {"level": "ERROR"},  # the embedded broker has no host, and says so each time
            "gunicorn.error": {"handlers": [], "propagate": True},
            "gunicorn.access": {"handlers": [], "propagate": False},
        },
    }


def configure(options: dict[str, Any]) -> None:
    logging.config.dictConfig(as_dict(options))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
