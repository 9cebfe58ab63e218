"""Users' JavaScript, time- and memory-limited and without reach. `Sandbox` is the door."""

from apps.engine.sandbox.errors import (
    PortError,
    SandboxError,
    ScriptError,
    ScriptFunctionError,
    ScriptImportError,
    ScriptInputError,
    ScriptMemoryError,
    ScriptOutputError,
    ScriptSyntaxError,
    ScriptTimeoutError,
)
from apps.engine.sandbox.limits import Limits, LogSink, Modules, Port
from apps.engine.sandbox.sandbox import Sandbox

__all__ = [
    "Limits",
    "LogSink",
    "Modules",
    "Port",
    "PortError",
    "Sandbox",
    "SandboxError",
    "ScriptError",
    "ScriptFunctionError",
    "ScriptImportError",
    "ScriptInputError",
    "ScriptMemoryError",
    "ScriptOutputError",
    "ScriptSyntaxError",
    "ScriptTimeoutError",
]
