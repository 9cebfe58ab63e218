"""Ends waits on libraries that block without an end of their own: one thread a process, woken by the earliest deadline.

A server may take a statement and never answer, or answer a byte a minute: what a library calls its timeout starts anew
with each byte. The surprise: `end` runs in the watching thread, and must make the wait in the other one fail.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count


class Watch:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[int, tuple[float, Callable[[], None]]] = {}
        self._wakes_at = float("inf")
        self._numbers = count()
        self._thread: threading.Thread | None = None

    @contextmanager
    def limit(self, seconds: float, end: Callable[[], None]) -> Iterator[None]:
        """Calls `end` once if the block takes longer; never after it."""
        number, deadline = next(self._numbers), time.monotonic() + seconds
        with self._changed:
            self._waiting[number] = (deadline, end)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="overdue calls", daemon=True)
                self._thread.start()
            elif deadline < self._wakes_at:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._waiting.pop(number, None)

    def _look(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for number, (deadline, end) in list(self._waiting.items()):
                    if deadline <= now:
                        del self._waiting[number]
                        end()
                self._wakes_at = min((deadline for deadline, _ in self._waiting.values()), default=float("inf"))
                self._changed.wait(None if not self._waiting else max(0.0, self._wakes_at - now))


_watches: dict[int, Watch] = {}


def watch() -> Watch:
    """This process's: threads do not survive a fork."""
    found = _watches.get(os.getpid())
    return found if found is not None else _watches.setdefault(os.getpid(), Watch())
