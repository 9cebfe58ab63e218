"""Idle connections of this process, by target: few each, few in all, looked at before they are used again."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from ..errors import RetryLater
from .drivers import Driver

IDLE_PER_TARGET = 4
IDLE_IN_ALL = 32
BUSY_PER_TARGET = 25
IDLE_SECONDS = 60.0
TRUSTED_SECONDS = 2.0


class Pool:
    """`take` gives an idle connection that answers, or opens one; `give` keeps it unless there are enough."""

    def __init__(self, later: Callable[[str], RetryLater]) -> None:
        self._idle: OrderedDict[str, list[tuple[Driver, float]]] = OrderedDict()
        self._busy: dict[str, int] = {}
        self._later = later
        self._lock = threading.Lock()

    def take(self, key: str, connect: Callable[[], Driver]) -> Driver:
        """RetryLater when this process has `BUSY_PER_TARGET` connections to the target at work."""
        with self._lock:
            if self._busy.get(key, 0) >= BUSY_PER_TARGET:
                raise self._later(f"{BUSY_PER_TARGET} connections to this database are in use")
            self._busy[key] = self._busy.get(key, 0) + 1
        try:
            while (found := self._pop(key)) is not None:
                driver, since = found
                rested = time.monotonic() - since
                if rested < TRUSTED_SECONDS or (rested < IDLE_SECONDS and driver.is_alive()):
                    return driver
                driver.close()
            return connect()
        except BaseException:
            self._free(key)
            raise

    def give(self, key: str, driver: Driver, *, reusable: bool) -> None:
        self._free(key)
        surplus = [] if reusable else [driver]
        with self._lock:
            if reusable:
                kept = self._idle.setdefault(key, [])
                self._idle.move_to_end(key)
                kept.append((driver, time.monotonic()))
                surplus += [old for old, _ in kept[:-IDLE_PER_TARGET]]
                del kept[:-IDLE_PER_TARGET]
                while sum(map(len, self._idle.values())) > IDLE_IN_ALL:
                    surplus += [old for old, _ in self._idle.popitem(last=False)[1]]
        for old in surplus:
            old.close()

    def close(self) -> None:
        with self._lock:
            drivers = [driver for kept in self._idle.values() for driver, _ in kept]
            self._idle.clear()
        for driver in drivers:
            driver.close()

    def _pop(self, key: str) -> tuple[Driver, float] | None:
        with self._lock:
            kept = self._idle.get(key)
            return kept.pop() if kept else None

    def _free(self, key: str) -> None:
        with self._lock:
            left = self._busy[key] - 1
            if left:
                self._busy[key] = left
            else:
                del self._busy[key]


_pools: dict[int, Pool] = {}


def pool_of_process(later: Callable[[str], RetryLater]) -> Pool:
    """A fork must not use its parent's connections, nor close them: it leaves that pool be."""
    pool = _pools.get(os.getpid())
    if pool is None:
        pool = _pools.setdefault(os.getpid(), Pool(later))
    return pool
