"""What is done after the migrations and before serving. Apps register their steps in AppConfig.ready."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Step:
    """`run` must be safe to repeat: it is called at each start."""

    name: str
    run: Callable[[], object]


_steps: list[Step] = []


def register(step: Step) -> None:
    _steps.append(step)


def run_steps() -> None:
    for step in _steps:
        log.debug("start-up step", step=step.name)
        step.run()
