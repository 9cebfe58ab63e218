"""Registers the console's pages."""

from apps.executions.console import exchanges, executions

__all__ = ["exchanges", "executions"]
