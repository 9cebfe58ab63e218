"""The console pages of this app."""

from apps.automations.approvals import console as approvals
from apps.automations.console import automations, executions, hooks

__all__ = ["approvals", "automations", "executions", "hooks"]
