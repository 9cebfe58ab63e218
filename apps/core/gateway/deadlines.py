"""Ends calls that are overdue, with one timer for all: one timer per call cost a seventh of a short call's time."""

from __future__ import annotations

import asyncio


class Deadlines:
    """Belongs to one event loop. A task enters before it waits and leaves after; overdue, it is cancelled."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[asyncio.Task[object], float] = {}
        self._expired: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, task: asyncio.Task[object], deadline: float) -> None:
        """`deadline` by the loop's clock."""
        self._waiting[task] = deadline
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._look)
        elif deadline < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(deadline, self._look)

    def leave(self, task: asyncio.Task[object]) -> bool:
        """Whether it was ended by us; a cancellation from elsewhere is not ours to swallow."""
        self._waiting.pop(task, None)
        if task not in self._expired:
            return False
        self._expired.discard(task)
        return task.uncancel() == 0

    def _look(self) -> None:
        """The timer stays where the earliest deadline was when it was set: most calls are gone by then."""
        self._timer = None
        now = self._loop.time()
        for task, deadline in list(self._waiting.items()):
            if deadline <= now:
                del self._waiting[task]
                self._expired.add(task)
                task.cancel()
        if self._waiting:
            self._timer = self._loop.call_at(min(self._waiting.values()), self._look)
