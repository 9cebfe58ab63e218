"""From source text to a guest that stands right behind the script's top level.

Surprise: a script without `import` and `export` is a classic, sloppy script, as users of the documented platform write
them; with either it is an ES module, strict by the language's rules.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from apps.engine.sandbox.errors import (
    SandboxError,
    ScriptError,
    ScriptImportError,
    ScriptMemoryError,
    ScriptSyntaxError,
)
from apps.engine.sandbox.guest import Guest, GuestExceptionError, Image
from apps.engine.sandbox.limits import Limits
from apps.engine.sandbox.ports import BRIDGE, Host

BOOTSTRAP = (Path(__file__).parent / "bootstrap.js").read_text()
SCRIPT = "script.js"
# Appended to an ES module: its functions are not global, so it hands out a way to look them up.
EXPOSE = f"\n;import {{ expose as junction$expose }} from '{BRIDGE}'; junction$expose((name) => eval(name));\n"
MODULE_WORDS = re.compile(r"(?:^|;|\*/)[^\S\n]*+(?:import|export)\b", re.MULTILINE)
FRAME = re.compile(r"(?:<input>|eval_script|script\.js):(\d+)")

_boot: Image | None = None
_boot_lock = threading.Lock()


def boot_image(clock_ns: Callable[[], int]) -> Image:
    """A guest that has run the bootstrap only; the same for every script, made once a process."""
    global _boot
    if _boot is None:
        with _boot_lock:
            if _boot is None:
                _boot = _make_boot_image(clock_ns)
    return _boot


def _make_boot_image(clock_ns: Callable[[], int]) -> Image:
    with Guest(Limits(seconds=60), clock_ns=clock_ns) as guest:
        guest.set_heap_limit()
        guest.install_host("__host__")
        guest.run_module(BOOTSTRAP, name=BRIDGE)
        functions = guest.run("(() => { const b = globalThis.__bridge__; delete globalThis.__bridge__; return b; })()")
        handles = [guest.element(functions, index) for index in range(4)]
        return guest.take_image(*handles)


def evaluate(guest: Guest, source: str, *, host: Host, bootstrap: tuple[int, ...]) -> None:
    """Run the script's top level in a booted guest; raises what the author should read."""
    _, _, describe, load = bootstrap
    has_module_words = MODULE_WORDS.search(source) is not None
    answer = guest.text(guest.invoke(load, guest.string(source.encode())))
    if answer == b"v":
        return
    thrown = _within(read_thrown(answer), source)
    if not (has_module_words and thrown.name == "SyntaxError"):
        raise load_error(thrown)
    try:
        guest.run_module(source + EXPOSE, name=SCRIPT)
    except GuestExceptionError as raised:
        if host.refused is not None:
            raise ScriptImportError(host.refused, available=host.module_names) from None
        thrown = read_thrown(guest.text(guest.invoke(describe, raised.handle)))
        raise load_error(_within(thrown, source)) from None


class Thrown(NamedTuple):
    name: str
    message: str
    line: int | None


def read_thrown(answer: bytes | None) -> Thrown:
    """The bootstrap's `describe`: "e", then name, message and stack."""
    parts = (answer or b"")[1:].decode(errors="replace").split("\0", 2)
    name, message, stack = (*parts, "", "", "")[:3]
    found = FRAME.search(stack)
    return Thrown(name[:200], message, int(found[1]) if found else None)


def uncaught_error(guest: Guest, bootstrap: tuple[int, ...], raised: GuestExceptionError) -> SandboxError:
    """What passed even the bootstrap's own handlers: mostly lack of memory."""
    try:
        thrown = read_thrown(guest.text(guest.invoke(bootstrap[2], raised.handle)))
    except (GuestExceptionError, SandboxError):
        return guest.memory_error()
    return thrown_error(thrown)


def thrown_error(thrown: Thrown) -> SandboxError:
    if thrown.name == "InternalError" and thrown.message == "out of memory":
        return ScriptMemoryError("the script needed more memory than its limit")
    return ScriptError(thrown.message, name=thrown.name, line=thrown.line)


def _within(thrown: Thrown, source: str) -> Thrown:
    """What is missing at the end is found missing in the line we append."""
    return thrown._replace(line=min(thrown.line, source.count("\n") + 1)) if thrown.line else thrown


def load_error(thrown: Thrown) -> SandboxError:
    if thrown.name == "SyntaxError":
        return ScriptSyntaxError(thrown.message, line=thrown.line)
    return thrown_error(thrown)


def _after_fork() -> None:
    global _boot_lock
    _boot_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
