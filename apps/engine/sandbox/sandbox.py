"""Runs users' JavaScript: a function found by name, JSON in, JSON out, a whole page a call.

Surprise: a script is loaded once and each call starts from a copy of that moment, so globals never carry over from
page to page. A script whose top level looks at the clock, draws a random number, logs or calls a module is loaded
anew each time instead, so that it cannot tell.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson

from apps.engine.sandbox.errors import (
    ScriptError,
    ScriptFunctionError,
    ScriptInputError,
    ScriptSyntaxError,
)
from apps.engine.sandbox.guest import Guest, GuestExceptionError
from apps.engine.sandbox.images import ImageCache, ImageKey
from apps.engine.sandbox.limits import MIB, Limits, LogSink, Modules, Port
from apps.engine.sandbox.loading import boot_image, evaluate, uncaught_error
from apps.engine.sandbox.ports import Host, fingerprint
from apps.engine.sandbox.results import call_function, read_value

IDENTIFIER = re.compile(r"[^\W\d]\w*|[$_][\w$]*|[^\W\d][\w$]*")
SOURCE_BYTES = 2 * MIB
DEPTH = 3

_nesting = threading.local()
_sandboxes: weakref.WeakSet[Sandbox] = weakref.WeakSet()


class Sandbox:
    """Shared by all threads of a process; at most `max_running` guests live at once, others wait their turn."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        max_running: int = 4,
        max_images: int = 256,
        max_image_bytes: int = 64 * MIB,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.limits = limits or Limits()
        self._max_running = max_running
        self._clock_ns = clock_ns
        self.images = ImageCache(max_images=max_images, max_bytes=max_image_bytes)
        self.reset_locks()
        _sandboxes.add(self)

    def reset_locks(self) -> None:
        self._slots = threading.BoundedSemaphore(self._max_running)
        self.images.reset_lock()

    def warm_up(self) -> None:
        """Compile the engine (about a second) now, for instance before worker processes fork."""
        self.check("")

    def run_function(
        self,
        source: str,
        function: str,
        argument: Any,
        *,
        tenant: str = "",
        limits: Limits | None = None,
        modules: Modules | None = None,
        functions: Mapping[str, Port] | None = None,
        on_log: LogSink | None = None,
    ) -> Any:
        """Value of `function(argument)`; `undefined` is None, a promise is waited for.

        `functions` are ports that an argument which is an object carries as its member `fn`.

        Numbers are JavaScript's: integers beyond 2^53 lose digits. Raises a SandboxError, or what a port raised.
        """
        if not IDENTIFIER.fullmatch(function):
            raise ScriptFunctionError(f"'{function}' is not a function name")
        bounds = limits or self.limits
        text = _to_json(argument, bounds)
        host = Host(modules or {}, limits=bounds, on_log=on_log, functions=functions)
        names = orjson.dumps(list(functions)) if functions else b""
        with self._slot(), self._guest(bounds, host) as guest:
            handles = self._load(guest, source, host=host, tenant=tenant, modules=modules or {})
            try:
                answer = call_function(guest, handles, function=function, argument=text, given=names)
            except GuestExceptionError as raised:
                raise uncaught_error(guest, handles, raised) from None
            return read_value(answer, function=function, limits=bounds)

    def check(self, source: str, *, modules: Modules | None = None) -> None:
        """Load a script without calling anything: raises what a first call would raise before its function starts."""
        host = Host(modules or {}, limits=self.limits, on_log=None)
        with self._slot(), self._guest(self.limits, host) as guest:
            self._load(guest, source, host=host, tenant="", modules=modules or {})

    @contextmanager
    def _slot(self) -> Iterator[None]:
        depth: int = getattr(_nesting, "depth", 0)
        if depth >= DEPTH:
            raise ScriptError(f"scripts call each other more than {DEPTH} deep", name="RangeError")
        _nesting.depth = depth + 1
        slots = self._slots
        if not depth:  # a script that is called by a script's port rides on that one's slot, else all could wait
            slots.acquire()
        try:
            yield
        finally:
            _nesting.depth = depth
            if not depth:
                slots.release()

    def _guest(self, bounds: Limits, host: Host) -> Guest:
        guest = Guest(bounds, clock_ns=self._clock_ns)
        guest.on_host_call = host.answer
        guest.on_module = host.module_name
        guest.on_source = host.module_source
        return guest

    def _load(self, guest: Guest, source: str, *, host: Host, tenant: str, modules: Modules) -> tuple[int, ...]:
        """Bring `guest` to the state right after the script's top level; returns the bootstrap's handles."""
        try:
            encoded = source.encode()
        except UnicodeEncodeError:
            raise ScriptSyntaxError("the script holds half of a surrogate pair") from None
        if len(encoded) > SOURCE_BYTES:
            raise ScriptSyntaxError(f"the script is larger than {SOURCE_BYTES // MIB} MiB")
        digest = hashlib.sha256(encoded).digest()
        key = ImageKey(tenant, digest, fingerprint(modules), guest.limits.memory_bytes)
        image = self.images.get(key)
        if image is not None:
            guest.restore(image)
            return image.handles
        boot = boot_image(self._clock_ns)
        guest.restore(boot)
        guest.set_heap_limit()
        guest.touched_host = False
        try:
            evaluate(guest, source, host=host, bootstrap=boot.handles)
        except GuestExceptionError as raised:
            raise uncaught_error(guest, boot.handles, raised) from None
        if not guest.touched_host:
            self.images.put(key, guest.take_image(*boot.handles))
        return boot.handles


def _to_json(argument: Any, bounds: Limits) -> bytes:
    try:
        text = orjson.dumps(argument)
    except (TypeError, ValueError) as error:
        raise ScriptInputError(f"the argument is not JSON-shaped: {error}") from None
    if len(text) > bounds.memory_bytes // 4:
        raise ScriptInputError(f"the argument is larger than {bounds.memory_bytes // 4} bytes")
    return text


def _after_fork() -> None:
    _nesting.depth = 0
    for sandbox in list(_sandboxes):
        sandbox.reset_locks()


os.register_at_fork(after_in_child=_after_fork)
