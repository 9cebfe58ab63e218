"""What a script may reach: its modules' functions and its console, both counted. JSON text crosses, nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterator, Mapping

import orjson

from apps.engine.json_values import load_json, why_unkeepable
from apps.engine.sandbox.errors import PortError, ScriptError
from apps.engine.sandbox.limits import Limits, LogSink, Modules, Port

BRIDGE = "junction:bridge"
GIVEN = ""  # the module name of the functions that came with the argument
LEVELS = frozenset({"log", "info", "warn", "error", "debug"})


class Host:
    """Answers the calls of one guest."""

    def __init__(
        self,
        modules: Modules,
        *,
        limits: Limits,
        on_log: LogSink | None,
        functions: Mapping[str, Port] | None = None,
    ) -> None:
        self._modules: Modules = modules
        self._functions = functions or {}
        self._limits = limits
        self._on_log = on_log
        self._calls = 0
        self._lines = 0
        self._log_bytes = 0
        self.refused: str | None = None
        self.module_names = tuple(sorted(modules))

    def answer(self, texts: tuple[str, ...]) -> str:
        match texts:
            case ("log", level, line):
                self._log(level, line)
                return ""
            case ("seed",):
                return json.dumps(struct.unpack("<4i", os.urandom(16)))
            case ("call", module, name, arguments):
                return self._call(module, name, arguments)
        raise ScriptError("the script called its host in an unknown way", name="TypeError")

    def _log(self, level: str, line: str) -> None:
        if self._on_log is None or self._lines > self._limits.log_lines:
            return
        self._lines += 1
        self._log_bytes += len(line.encode(errors="replace"))
        if self._lines > self._limits.log_lines or self._log_bytes > self._limits.log_bytes:
            self._lines = self._limits.log_lines + 1
            self._on_log("warn", "further console output of this call was dropped")
            return
        self._on_log(level if level in LEVELS else "log", line)

    def _call(self, module: str, name: str, arguments: str) -> str:
        exports = self._functions if module == GIVEN else self._modules.get(module)
        port = exports.get(name) if isinstance(exports, Mapping) else None
        if port is None:
            return f"e{module or 'fn'} has no function '{name}'"
        self._calls += 1
        if self._calls > self._limits.port_calls:
            raise ScriptError(
                f"the script made more than {self._limits.port_calls} calls to its modules", name="RangeError"
            )
        try:
            given = load_json(arguments)
        except orjson.JSONDecodeError:
            return f"e{name}: the arguments are not JSON"
        try:
            result = port(*given)
        except PortError as error:
            return f"e{error}"
        try:
            return "v" + orjson.dumps(result).decode()
        except orjson.JSONEncodeError:
            return f"e{name}: the result {why_unkeepable(result) or 'is no JSON'}"

    # -- modules ---------------------------------------------------------------------------------------------------

    def module_name(self, _base: str, specifier: str) -> str | None:
        if specifier == BRIDGE or specifier in self._modules:
            return specifier
        if self.refused is None:
            self.refused = specifier
        return None

    def module_source(self, name: str) -> str | None:
        module = self._modules.get(name)
        if module is None or isinstance(module, str):
            return module
        return "\n".join(_module_lines(name, tuple(module)))


def _module_lines(module: str, names: tuple[str, ...]) -> Iterator[str]:
    """Source of a module whose exports are ports; `a.b` becomes function b of the exported object a."""
    groups: dict[str, list[str]] = {}
    for name in names:
        group, _, member = name.partition(".")
        groups.setdefault(group, []).append(member)
    yield f"import {{ port }} from {json.dumps(BRIDGE)};"
    for group, members in groups.items():
        if members == [""]:
            value = f"port({json.dumps(module)}, {json.dumps(group)})"
        else:
            pairs = (f"{json.dumps(m)}: port({json.dumps(module)}, {json.dumps(f'{group}.{m}')})" for m in members if m)
            value = f"Object.freeze({{{', '.join(pairs)}}})"
        yield f"export const {group} = {value};"
    yield f"export default Object.freeze({{ {', '.join(groups)} }});"


def fingerprint(modules: Modules) -> bytes:
    """What of the modules a loaded script depends on: names and source texts, not the callables."""
    digest = hashlib.sha256()
    for name in sorted(modules):
        module = modules[name]
        shape = [name, module if isinstance(module, str) else sorted(module)]
        digest.update(orjson.dumps(shape) + b"\n")
    return digest.digest()
