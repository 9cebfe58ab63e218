"""Becoming another program: the commands for production end as gunicorn or Celery, which get the signals themselves."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn


def become(module: str, arguments: Sequence[str]) -> NoReturn:
    command = [sys.executable, "-m", module, *arguments]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606  (no shell is wanted)
