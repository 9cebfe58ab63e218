"""What Django's admin discovers of this app; the failed records are here, as their services are."""

from apps.flows.console import documents, errors, flows, plans, runs, schedules

__all__ = ["documents", "errors", "flows", "plans", "runs", "schedules"]
