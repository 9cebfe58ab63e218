"""One event loop in its own thread per process, started at first use. Threads do not survive a fork: so per pid."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import aiohttp

from apps.core.networks import AllowedNetwork

from .calls import Line
from .connector import open_session
from .deadlines import Deadlines

T = TypeVar("T")
_MAX_SESSIONS = 8


class Engine:
    """The loop of this process and the connection pools that live on it: one per set of address exceptions."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._deadlines = Deadlines(self.loop)
        self._sessions: dict[tuple[AllowedNetwork, ...], aiohttp.ClientSession] = {}
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, for a thread that waits."""
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("The gateway was called from its own event loop, which would wait for itself for ever.")
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def line(self, allow: tuple[AllowedNetwork, ...]) -> Line:
        """Pools are not shared between exceptions: a kept connection must not outlive the leave to make it."""
        session = self._sessions.get(allow)
        if session is None:
            session = self._sessions[allow] = open_session(allow)
            if len(self._sessions) > _MAX_SESSIONS:
                await self._sessions.pop(next(iter(self._sessions))).close()
        return Line(session, self._deadlines)

    def close(self) -> None:
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._close_sessions(), self.loop).result(timeout=5)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(timeout=5)

    async def _close_sessions(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.close()


_engine: Engine | None = None
_lock = threading.Lock()


def engine() -> Engine:
    global _engine
    if _engine is None:
        with _lock:
            if _engine is None:
                _engine = Engine()
    return _engine


def _forget() -> None:
    """In the child of a fork: the parent's loop, its thread and its sockets are not ours."""
    global _engine, _lock
    _engine, _lock = None, threading.Lock()


def _shut_down() -> None:
    if _engine is not None:
        _engine.close()


os.register_at_fork(after_in_child=_forget)
atexit.register(_shut_down)
