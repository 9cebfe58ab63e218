"""The console pages of this app."""

from apps.automations.approvals import console as approvals
from apps.automations.console import automations, executions

__all__ = ["approvals", "automations", "executions"]
