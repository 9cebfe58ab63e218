"""Runs `manage.py` as a process of its own, as an operator would, and reads what it says."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

MANAGE = Path(__file__).resolve().parent.parent / "manage.py"
DEADLINE_SECONDS = 180.0


def surroundings(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process of its own: never the tests' own database or broker, unless it is given them."""
    ours = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "BROKER_URL")}
    return {**ours, "PYTHONUNBUFFERED": "1", **variables}


class Process:
    def __init__(self, arguments: list[str], environment: Mapping[str, str]) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, str(MANAGE), *arguments],
            env=surroundings(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that `kill` reaches its children too
        )
        self.lines: list[str] = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, text: str, *, seconds: float = DEADLINE_SECONDS) -> str:
        """The first line that holds the text. Fails with the whole output when the process ends or time is over."""
        ends = time.monotonic() + seconds
        with self.changed:
            while True:
                found = next((line for line in self.lines if text in line), None)
                if found is not None:
                    return found
                left = ends - time.monotonic()
                if left <= 0 or not self.reader.is_alive():
                    raise AssertionError(f"{text!r} was not said within {seconds} s:\n{self.output}")
                self.changed.wait(min(left, 0.5))

    def end(self, number: int = signal.SIGTERM, *, seconds: float = DEADLINE_SECONDS) -> int:
        """Sends a signal to the process and returns its exit code."""
        self.popen.send_signal(number)
        return self.result(seconds=seconds)

    def result(self, *, seconds: float = DEADLINE_SECONDS) -> int:
        code = self.popen.wait(seconds)
        self.reader.join(seconds)
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        return code

    def kill(self) -> None:
        """The whole family at once, as a lost machine would. One that was waited for already may be somebody else."""
        if self.popen.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.result()


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[Process]:
    process = Process(list(arguments), environment)
    try:
        yield process
    finally:
        process.kill()


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    """The exit code and everything said."""
    with running(*arguments, **environment) as process:
        return process.result(), process.output
