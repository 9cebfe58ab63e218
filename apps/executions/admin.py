"""Registers the console's pages."""

from apps.executions.console import exchanges, executions, replays

__all__ = ["exchanges", "executions", "replays"]
