"""Reading the change log, newest first. What became of connections and keys is for those who may see them."""

from typing import Any

from apps.audit.models import AuditEntry
from apps.core.actors import Actor, Verb

SECRET_KINDS = ("connection", "apikey")


def entries(actor: Actor) -> Any:
    rows = AuditEntry.objects.for_actor(actor).select_related("user").order_by("-id")
    return rows if actor.may(Verb.SECRETS) else rows.exclude(resource_type__in=SECRET_KINDS)


def entries_of(actor: Actor, *, kind: str, row: Any) -> Any:
    """One resource's own: whoever may read the resource may read what became of it."""
    rows = AuditEntry.objects.filter(organization_id=actor.organization_id)
    return rows.filter(resource_type=kind, resource_id=row.pk).select_related("user").order_by("-id")
