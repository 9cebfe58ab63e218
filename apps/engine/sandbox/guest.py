"""One JavaScript engine in its own linear memory, for one call: made, filled from an image, used, dropped.

Surprise: nothing is reused after a call, not even after a good one. The memory of a guest that has just loaded a
script is kept as an `Image` (some hundred kilobytes of changed pages) and copied into the next guest, so every call
starts from the same state, a trap needs no clean-up, and images cross threads and forks as plain bytes.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, cast

import wasmtime

from apps.engine.sandbox import machine as machines
from apps.engine.sandbox.errors import SandboxError, ScriptError, ScriptMemoryError, ScriptTimeoutError
from apps.engine.sandbox.limits import MIB, Limits

OK, JS_ERROR = 0, 1
PAGE = 4096
WASM_PAGE = 65_536
# QuickJS counts its own allocations against the limit; fragmentation and its stack come on top.
OVERHEAD_BYTES = 32 * MIB


class GuestExceptionError(Exception):
    """JavaScript threw and nobody caught it; `handle` is the thrown value."""

    def __init__(self, handle: int) -> None:
        super().__init__("uncaught JavaScript exception")
        self.handle = handle


@dataclass(frozen=True, slots=True)
class Image:
    """Memory of a guest at rest: pages that differ from a fresh guest's, and the handles worth keeping."""

    pages: tuple[tuple[int, bytes], ...]
    memory_bytes: int
    stack_pointer: int
    handles: tuple[int, ...]

    @property
    def cost(self) -> int:
        return sum(len(data) + 64 for _, data in self.pages) + 256


class Guest:
    """A running engine. Use as a context manager, on one thread."""

    def __init__(self, limits: Limits, *, clock_ns: Callable[[], int]) -> None:
        self._machine = machines.machine()
        self.limits = limits
        self._clock_ns = clock_ns
        self._left = limits.seconds
        self.on_host_call: Callable[[tuple[str, ...]], str] | None = None
        self.on_module: Callable[[str, str], str | None] | None = None
        self.on_source: Callable[[str], str | None] | None = None
        self.failure: BaseException | None = None
        self.touched_host = False

    def __enter__(self) -> Self:
        self._before = machines.enter(self)
        self.store = wasmtime.Store(self._machine.engine)
        self._machine.ticker.__enter__()
        try:
            self.store.set_limits(
                memory_size=self.limits.memory_bytes + OVERHEAD_BYTES, instances=1, tables=1, memories=1
            )
            self._resume_clock()
            instance = self._machine.instantiate(self.store)
            self._exports = instance.exports(self.store)
            self.memory = cast(wasmtime.Memory, self._exports["memory"])
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._machine.ticker.__exit__()
        machines.leave(self._before)
        self.store.close()

    # -- time ------------------------------------------------------------------------------------------------------

    def _resume_clock(self) -> None:
        self._resumed = time.monotonic()
        if self.failure is not None:  # a script that caught what ended it gets no more time
            self.store.set_epoch_deadline(0)
            return
        self.store.set_epoch_deadline(max(0, int(self._left / machines.TICK_SECONDS)) + 1)

    def _stop_clock(self) -> None:
        self._left -= time.monotonic() - self._resumed

    def now_ns(self) -> int:
        self.touched_host = True
        return self._clock_ns()

    # -- memory ----------------------------------------------------------------------------------------------------

    def call(self, name: str, *arguments: int) -> int:
        """Call an export. A trap ends the guest and is told as the limit it stands for."""
        try:
            result = cast(wasmtime.Func, self._exports[name])(self.store, *arguments)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as trap:
            raise self.failure or self._explain(trap) from None
        if self.failure is not None:
            raise self.failure
        return cast(int, result)

    def _explain(self, trap: Exception) -> SandboxError:
        code = trap.trap_code if isinstance(trap, wasmtime.Trap) else None
        if code == wasmtime.TrapCode.INTERRUPT:
            return ScriptTimeoutError(f"the script ran longer than {self.limits.seconds:g} s")
        if code == wasmtime.TrapCode.STACK_OVERFLOW:
            return ScriptError("too much recursion", name="InternalError")
        if self.memory.data_len(self.store) >= self.limits.memory_bytes:
            return self.memory_error()
        return ScriptError("the script stopped its engine", name="InternalError")

    def memory_error(self) -> ScriptMemoryError:
        return ScriptMemoryError(f"the script needed more than {self.limits.memory_bytes // MIB} MiB of memory")

    def read(self, pointer: int, length: int) -> bytes:
        if pointer < 0 or length < 0 or pointer + length > self.memory.data_len(self.store):
            raise ScriptError("the script damaged its engine", name="InternalError")
        return bytes(self.memory.read(self.store, pointer, pointer + length))

    def put(self, data: bytes) -> int:
        """Copy `data` into the guest; the caller frees it or lets it go with the guest."""
        if len(data) > self.limits.memory_bytes:
            raise self.memory_error()
        pointer = self.call("qjs_alloc", len(data))
        if not data:
            return pointer
        if pointer <= 0 or pointer + len(data) > self.memory.data_len(self.store):
            raise self.memory_error()
        self.memory.write(self.store, data, pointer)
        return pointer

    def _with_out(self, name: str, *arguments: int) -> tuple[int, int]:
        """Call an export that writes a handle behind its last parameter."""
        out = self.call("qjs_alloc", 4)
        status = self.call(name, *arguments, out)
        handle = struct.unpack("<i", self.read(out, 4))[0]
        self.call("qjs_free", out, 4)
        return status, handle

    # -- values ----------------------------------------------------------------------------------------------------

    def string(self, data: bytes) -> int:
        pointer = self.put(data)
        handle = self.call("new_string", pointer, len(data))
        self.call("qjs_free", pointer, len(data))
        if not handle:
            raise self.memory_error()
        return handle

    def number(self, value: float) -> int:
        return self.call("new_number", struct.unpack("<q", struct.pack("<d", value))[0])

    def text(self, handle: int) -> bytes | None:
        """UTF-8 of a string handle; None for any other value."""
        if self.call("get_string", handle) != OK:
            return None
        length = self.call("qjs_last_len")
        data = self.read(self.call("qjs_last_ptr"), length) if length else b""
        self.call("qjs_result_free")
        return data

    def element(self, handle: int, index: int) -> int:
        return self._checked(*self._with_out("get_index", handle, index))

    def run(self, source: str) -> int:
        """Evaluate a script; returns the handle of its value."""
        data = source.encode()
        return self._checked(*self._with_out("eval_code", self.put(data), len(data)))

    def run_module(self, source: str, *, name: str) -> int:
        data, label = source.encode(), name.encode()
        return self._checked(*self._with_out("eval_module", self.put(data), len(data), self.put(label), len(label)))

    def invoke(self, function: int, *arguments: int) -> int:
        this = self.call("new_undefined")
        packed = struct.pack(f"<{len(arguments)}i", *arguments)
        pointer = self.put(packed) if packed else 0
        return self._checked(*self._with_out("call_function", function, this, pointer, len(arguments)))

    def run_jobs(self) -> int:
        """Run a batch of promise jobs; returns how many ran."""
        return self.call("execute_pending_jobs")

    def install_host(self, name: str) -> None:
        data = name.encode()
        pointer = self.put(data)
        function = self.call("new_function", pointer, len(data))
        if self.call("set_prop", self.call("global_object"), pointer, len(data), function) != OK:
            raise RuntimeError("the JavaScript guest refused its host function")

    def set_heap_limit(self) -> None:
        self.call("set_memory_limit", self.limits.memory_bytes)

    def _checked(self, status: int, handle: int) -> int:
        if status == OK:
            return handle
        if status == JS_ERROR:
            raise GuestExceptionError(self._with_out("last_exception")[1])
        if self.memory.data_len(self.store) >= self.limits.memory_bytes:
            raise self.memory_error()
        raise ScriptError(f"the script stopped its engine (status {status})", name="InternalError")

    # -- what the guest asks ---------------------------------------------------------------------------------------

    def abort(self, error: BaseException) -> None:
        """Remember the first error and let the guest trap at its next step; `call` raises it."""
        if self.failure is None:
            self.failure = error
        self.store.set_epoch_deadline(0)

    def host_call(self, argument_count: int, arguments: int) -> int:
        self.touched_host = True
        handles = struct.unpack(f"<{argument_count}i", self.read(arguments, 4 * argument_count))
        texts = tuple((self.text(handle) or b"").decode(errors="replace") for handle in handles[:4])
        self._stop_clock()
        try:
            answer = self.on_host_call(texts) if self.on_host_call else ""
        finally:
            self._resume_clock()
        return self.string(answer.encode(errors="replace"))

    def module_name(self, base: str, specifier: str) -> str | None:
        return self.on_module(base, specifier) if self.on_module else None

    def module_source(self, name: str) -> str | None:
        return self.on_source(name) if self.on_source else None

    # -- images ----------------------------------------------------------------------------------------------------

    def take_image(self, *handles: int) -> Image:
        size = self.memory.data_len(self.store)
        now = bytes(self.memory.read(self.store, 0, size))
        fresh = self._machine.fresh_memory
        pages = []
        for start in range(0, size, PAGE):
            page = now[start : start + PAGE]
            if page != (fresh[start : start + PAGE] or bytes(PAGE)):
                pages.append((start, page))
        pointer = cast(wasmtime.Global, self._exports["__stack_pointer"]).value(self.store)
        return Image(pages=_joined(pages), memory_bytes=size, stack_pointer=pointer, handles=handles)

    def restore(self, image: Image) -> None:
        missing = image.memory_bytes - self.memory.data_len(self.store)
        if missing > 0:
            self.memory.grow(self.store, missing // WASM_PAGE)
        for start, data in image.pages:
            self.memory.write(self.store, data, start)
        cast(wasmtime.Global, self._exports["__stack_pointer"]).set_value(self.store, image.stack_pointer)


def _joined(pages: list[tuple[int, bytes]]) -> tuple[tuple[int, bytes], ...]:
    runs: list[tuple[int, list[bytes]]] = []
    for start, data in pages:
        if runs and runs[-1][0] + PAGE * len(runs[-1][1]) == start:
            runs[-1][1].append(data)
        else:
            runs.append((start, [data]))
    return tuple((start, b"".join(parts)) for start, parts in runs)
