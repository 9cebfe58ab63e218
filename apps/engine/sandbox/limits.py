"""How much one call of a script may take. Time is that of JavaScript alone: a port's own waiting is not counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MIB = 1024 * 1024

Port = Callable[..., Any]
# Module name → source text of an ES module, or its exports: "run" or "exports.run" → a callable, JSON in and out.
Modules = Mapping[str, str | Mapping[str, Port]]
LogSink = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Limits:
    seconds: float = 1.0
    memory_bytes: int = 64 * MIB
    output_bytes: int = 16 * MIB
    port_calls: int = 1_000
    log_lines: int = 200
    log_bytes: int = 64 * 1024

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 600:
            raise ValueError("limits.seconds must be above 0 and at most 600")
        if not 4 * MIB <= self.memory_bytes <= 512 * MIB:
            raise ValueError("limits.memory_bytes must be between 4 MiB and 512 MiB")
        if self.output_bytes < 1:
            raise ValueError("limits.output_bytes must be positive")
        if min(self.port_calls, self.log_lines, self.log_bytes) < 0:
            raise ValueError("limits.port_calls, log_lines and log_bytes must not be negative")
