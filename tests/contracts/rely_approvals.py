"""Runs that wait for a person: approved, or rejected, by their own address."""

import re
from typing import Any

from apps.accounts.models import User
from apps.accounts.services import actor_of, add_member, create_user
from apps.automations.services import run_by_hand, upsert_automation
from apps.executions.models import Execution
from apps.work import drain
from apps.work.models import Lane
from tests.contracts.rely_parts import Part, World

APPROVE, REJECT = "/api/v1/flow-runs/{}/approve", "/api/v1/flow-runs/{}/reject"
ASKS = {
    "id": "asks", "title": "Asks", "type": "selfServiceAction", "needsApproval": True,
    "triggers": [{"type": "manual", "inputSchema": {"type": "object"}}],
}  # fmt: skip


def furnish(world: World) -> None:
    """One that somebody else has asked for, and that waits."""
    automation = upsert_automation(actor=world.actor, document=ASKS)
    execution = run_by_hand(actor=asker(world), automation=automation, args={"size": 3})
    while Execution.objects.filter(pk=execution.pk).exclude(state="waiting").exists():
        assert drain.drain(Lane.FLOWS), "the run does not wait"
    world.ids["waiting-runs"] = execution.hex_id


def asker(world: World) -> Any:
    email = f"asker@{world.organization.hex_id}.example"
    user = User.objects.filter(email=email).first()
    if user is None:
        user = create_user(email=email, password=None)
        add_member(organization=world.organization, user=user, role="monitor")
    return actor_of(user=user, organization=world.organization)


PART = Part(
    furnish=furnish,
    paths=re.compile(r"/api/v1/flow-runs/{}/(approve|reject)"),
    ids={("POST", APPROVE): "waiting-runs", ("POST", REJECT): "waiting-runs"},
    reads_back={
        ("POST", APPROVE): lambda world, answer: f"/api/v1/flow-runs/{answer['id']}",
        ("POST", REJECT): lambda world, answer: f"/api/v1/flow-runs/{answer['id']}",
    },
)
