"""`trigger=true`: a saved automation runs at once over the entities that stand there already and meet its conditions.

A worker does it, in batches that keep how far they have come; each entity is asked once for each such save.
"""

import uuid
from typing import Any

from django.db import transaction

from apps.automations.models import Automation, Backfill
from apps.automations.running import functions
from apps.automations.runs import start_runs
from apps.automations.triggers.cascading import runs_over
from apps.automations.triggers.programs import programs_of
from apps.catalog.queries import matching_entities
from apps.core.actors import Actor
from apps.core.ids import hex24
from apps.work import services as work
from apps.work.kinds import Claim, WorkKind
from apps.work.models import Lane

WORK = "automation_backfill"
BATCH = 200


@transaction.atomic
def start(*, actor: Actor, automation: Automation) -> None:
    if not automation.is_active:
        return
    by = hex24(actor.user_id) if actor.user_id else "system"
    row = Backfill.objects.create(organization_id=automation.organization_id, automation=automation, triggered_by=by)
    work.add(kind=WORK, lane=Lane.FLOWS, organization_id=automation.organization_id, target_id=row.id)


def handle(claims: list[Claim]) -> None:
    for claim in claims:
        go_on(claim)


def go_on(claim: Claim) -> None:
    while True:
        with transaction.atomic():
            row = Backfill.objects.select_related("automation").filter(pk=claim.target_id).first()
            after = next_batch(row) if row is not None and row.automation.is_active else None
            if after is None:
                Backfill.objects.filter(pk=claim.target_id).delete()
                work.finish([claim])
                return
            work.progress([claim])
            Backfill.objects.filter(pk=claim.target_id).update(after=after)
        if claim.slice_is_over:
            work.release([claim])
            return


def next_batch(row: Backfill) -> uuid.UUID | None:
    """The last entity asked, if there may be more."""
    entities = matching_entities(row.organization_id, limit=BATCH, after=row.after)
    common: dict[str, Any] = {"depth": 1, "triggered_by": row.triggered_by, "cause": f"backfill:{hex24(row.id)}"}
    env = functions.environment(row.organization_id)
    start_runs(runs_over(entities, programs_of([row.automation]), env=env, **common))
    return entities[-1].id if len(entities) == BATCH else None


WORK_KIND = WorkKind(name=WORK, handle=handle)
