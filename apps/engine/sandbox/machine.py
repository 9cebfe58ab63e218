"""The compiled JavaScript engine, its clock tick and its imports: one set a process.

quickjs-rs brings QuickJS compiled to WebAssembly; only that file of it is used, on wasmtime, so that every import the
guest sees is written here: a clock, random bytes, console and ports. No WASI, hence no files, sockets or environment.
Surprise: a guest is stopped by wasmtime's epoch counter, which somebody has to advance. A thread does, only while
guests run, and each process of a fork starts its own since threads do not survive a fork.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from importlib.resources import files
from typing import Any, Protocol, cast

import quickjs_rs
import wasmtime

TICK_SECONDS = 0.01
# About 1,200 JavaScript frames. Scripts that call scripts nest on one thread's stack (8 MiB on Linux with glibc).
NATIVE_STACK_BYTES = 1024 * 1024
BAD_DESCRIPTOR = 8


class Caller(Protocol):
    """What the imports need of the guest that runs on this thread."""

    store: wasmtime.Store
    memory: wasmtime.Memory

    def now_ns(self) -> int: ...
    def host_call(self, argument_count: int, arguments: int) -> int: ...
    def module_name(self, base: str, specifier: str) -> str | None: ...
    def module_source(self, name: str) -> str | None: ...
    def read(self, pointer: int, length: int) -> bytes: ...
    def put(self, data: bytes) -> int: ...
    def abort(self, error: BaseException) -> None: ...


_running = threading.local()


def enter(guest: Caller) -> Caller | None:
    """Make `guest` the one that imports answer on this thread; returns the one before, for `leave`."""
    before: Caller | None = getattr(_running, "guest", None)
    _running.guest = guest
    return before


def leave(before: Caller | None) -> None:
    _running.guest = before


class Ticker:
    """Advances the epoch every 10 ms while somebody runs. Late wake-ups are made up for, so limits do not drift."""

    def __init__(self, engine: wasmtime.Engine) -> None:
        self._engine = engine
        self.reset()

    def reset(self) -> None:
        self._wanted = threading.Condition()
        self._active = 0
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        with self._wanted:
            self._active += 1
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="sandbox-ticker", daemon=True)
                self._thread.start()
            self._wanted.notify()

    def __exit__(self, *_: object) -> None:
        with self._wanted:
            self._active -= 1

    def _run(self) -> None:
        while True:
            with self._wanted:
                while not self._active:
                    self._wanted.wait()
            ticked = time.monotonic()
            while self._active:
                time.sleep(TICK_SECONDS)
                due = int((time.monotonic() - ticked) / TICK_SECONDS)
                for _ in range(due):
                    self._engine.increment_epoch()
                ticked += due * TICK_SECONDS


class Machine:
    """Engine, module and linker; safe to share between threads, and with children of a fork."""

    def __init__(self) -> None:
        config = wasmtime.Config()
        config.epoch_interruption = True
        config.max_wasm_stack = NATIVE_STACK_BYTES
        self.engine = wasmtime.Engine(config)
        self.module = wasmtime.Module(self.engine, (files(quickjs_rs) / "_guest.wasm").read_bytes())
        self.linker = wasmtime.Linker(self.engine)
        self.ticker = Ticker(self.engine)
        for imported in self.module.imports:
            name = imported.name or ""
            answer = IMPORTS.get(name)
            if answer is None:
                raise RuntimeError(f"the JavaScript guest wants an unknown import: {imported.module}.{name}")
            if not isinstance(imported.type, wasmtime.FuncType):
                raise RuntimeError(f"the JavaScript guest wants something other than a function: {name}")
            self.linker.define_func(imported.module, name, imported.type, _guarded(answer, imported.type))
        self.fresh_memory = self._read_fresh_memory()

    def _read_fresh_memory(self) -> bytes:
        """Memory as the module's data segments leave it: what an image is a difference to."""
        store = wasmtime.Store(self.engine)
        store.set_epoch_deadline(1)
        memory = cast(wasmtime.Memory, self.instantiate(store).exports(store)["memory"])
        data = bytes(memory.read(store, 0, memory.data_len(store)))
        store.close()
        return data

    def instantiate(self, store: wasmtime.Store) -> wasmtime.Instance:
        return self.linker.instantiate(store, self.module)


def _guarded(answer: Any, kind: wasmtime.FuncType) -> Any:
    """wasmtime keeps an exception of a callback in one variable of the process, where another thread may raise it:
    so nothing leaves a callback; the guest remembers the error and is stopped."""
    failed = (-1 if answer is _host_call else 0) if kind.results else None

    def call(*arguments: int) -> int | None:
        guest: Caller = _running.guest
        try:
            result: int | None = answer(guest, *arguments)
            return result
        except BaseException as error:
            guest.abort(error)
            return failed

    return call


def _host_call(guest: Caller, *pointers: int) -> int:
    _name, _length, _this, count, arguments = pointers
    return guest.host_call(count, arguments)


def _interrupt(_guest: Caller) -> int:
    return 0  # the epoch stops a guest; this poll of QuickJS is not needed


def _module_normalize(guest: Caller, *pointers: int) -> int:
    base, base_length, name, length, out = pointers
    found = guest.module_name(guest.read(base, base_length).decode(), guest.read(name, length).decode())
    return _give_text(guest, found, out)


def _module_load(guest: Caller, name: int, length: int, out: int) -> int:
    return _give_text(guest, guest.module_source(guest.read(name, length).decode()), out)


def _give_text(guest: Caller, text: str | None, out: int) -> int:
    if text is None:
        return 0
    data = text.encode()
    pointer = guest.put(data)
    guest.memory.write(guest.store, struct.pack("<I", len(data)), out)
    return pointer


def _random(guest: Caller, pointer: int, length: int) -> int:
    guest.memory.write(guest.store, os.urandom(min(length, 4096)), pointer)
    return 0


def _clock(guest: Caller, _clock_id: int, _precision: int, out: int) -> int:
    guest.memory.write(guest.store, struct.pack("<Q", guest.now_ns()), out)
    return 0


def _environment_sizes(guest: Caller, count: int, size: int) -> int:
    guest.memory.write(guest.store, bytes(4), count)
    guest.memory.write(guest.store, bytes(4), size)
    return 0


def _no_environment(_guest: Caller, _pointers: int, _buffer: int) -> int:
    return 0


def _no_descriptor(_guest: Caller, *_: int) -> int:
    return BAD_DESCRIPTOR


def _exit(guest: Caller, code: int) -> None:
    guest.abort(RuntimeError(f"the JavaScript guest exited with {code}"))


IMPORTS: dict[str, Any] = {
    "host_call": _host_call,
    "host_interrupt": _interrupt,
    "host_module_normalize": _module_normalize,
    "host_module_load": _module_load,
    "random_get": _random,
    "clock_time_get": _clock,
    "environ_get": _no_environment,
    "environ_sizes_get": _environment_sizes,
    "fd_close": _no_descriptor,
    "fd_fdstat_get": _no_descriptor,
    "fd_seek": _no_descriptor,
    "fd_write": _no_descriptor,
    "proc_exit": _exit,
}

_machine: Machine | None = None
_machine_lock = threading.Lock()


def machine() -> Machine:
    """The process's machine; the first call compiles for about a second, so call it before forking workers."""
    global _machine
    if _machine is None:
        with _machine_lock:
            if _machine is None:
                _machine = Machine()
    return _machine


def _after_fork() -> None:
    global _machine_lock
    _machine_lock = threading.Lock()
    _running.guest = None
    if _machine is not None:
        _machine.ticker.reset()


os.register_at_fork(after_in_child=_after_fork)
