"""How fast one key may call: a bucket of 1,000 that refills at 300 a second.

The surprise: each web process counts for itself, so N processes allow up to N times that. It keeps one runaway client
from starving the others at no cost per call; it is not accounting.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle


class Buckets:
    """Token buckets by name; the least recently used are forgotten, which only ever gives back tokens."""

    def __init__(
        self,
        *,
        size: float = 1000,
        refill: float = 300,
        remembered: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.size, self.refill, self.remembered, self.clock = size, refill, remembered, clock
        self._levels: OrderedDict[object, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: object) -> float:
        """0 when a token was there, else the seconds until one is."""
        with self._lock:
            now = self.clock()
            level, since = self._levels.pop(name, (self.size, now))
            level = min(self.size, level + (now - since) * self.refill)
            wait = 0.0 if level >= 1 else (1 - level) / self.refill
            self._levels[name] = (level if wait else level - 1, now)
            if len(self._levels) > self.remembered:
                self._levels.popitem(last=False)
            return wait


buckets = Buckets()


class KeyThrottle(BaseThrottle):
    def __init__(self) -> None:
        self._wait = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        actor = getattr(request, "actor", None)
        if actor is not None:
            self._wait = buckets.take(actor.key_id or actor.user_id)
        return not self._wait

    def wait(self) -> float | None:
        return max(1.0, self._wait)
