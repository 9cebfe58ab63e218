"""What Django's admin discovers of this app; the failed records are here, as their services are."""

from apps.flows.console import blobs, documents, errors, flows, plans, runs, schedules

__all__ = ["blobs", "documents", "errors", "flows", "plans", "runs", "schedules"]
