"""What the doctor asks of connections: who waits for one that is back, and who pings one that is away."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from apps.connections import limits, marks
from apps.connections.access import parked_on
from apps.connections.models import Connection, PermitBlock
from apps.work.doctor import SHOWN_PER_PROBE, Finding
from apps.work.models import WorkItem


def parked_for_nothing() -> Iterable[Finding]:
    offline = {
        parked_on(pk) for pk in Connection.objects.filter(offline_since__isnull=False).values_list("pk", flat=True)
    }
    parked = WorkItem.objects.exclude(parked_on="").filter(parked_on__startswith="connection:")
    for item in parked.exclude(parked_on__in=offline).order_by("id")[:SHOWN_PER_PROBE]:
        what = f"it is parked on {item.parked_on}, which is not offline"
        yield Finding(item.kind, item.target_id, what, "Ping the connection: what it brings back goes on.")


def offline_without_ping() -> Iterable[Finding]:
    pings = WorkItem.objects.filter(kind=marks.PING, target_id=OuterRef("pk"))
    for row in Connection.objects.filter(~Exists(pings), offline_since__isnull=False).order_by("id")[:SHOWN_PER_PROBE]:
        what = "it is offline, and nothing tries whether it is back"
        yield Finding("connection", row.id, what, "Ping it by hand.")


def permits_held_too_long() -> Iterable[Finding]:
    """A vanished node's permits lapse within seconds; a lease that ends later was stamped by a wrong clock."""
    longest = timedelta(seconds=limits.BLOCK_SECONDS * 2)
    for block in PermitBlock.objects.filter(lease_until__gt=Now() + longest)[:SHOWN_PER_PROBE]:
        what = f"{block.permits} permits are held until {block.lease_until.isoformat(timespec='seconds')}"
        yield Finding("connection", block.limit_id, what, "Check the database's clock, then delete the block.")


PROBES = {
    "parked for nothing": parked_for_nothing,
    "offline without a ping": offline_without_ping,
    "permits held too long": permits_held_too_long,
}
