"""The console pages of this app."""

from apps.automations.approvals import console as approvals

__all__ = ["approvals"]
