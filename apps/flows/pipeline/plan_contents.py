"""What a plan keeps for the run that applies it, into the vault and out of it."""

from typing import Any

from apps.core import vault
from apps.executions.payloads import pack, unpack
from apps.flows.models import Plan, PlanContent

PURPOSE = "plan"


def seal_content(plan: Plan, content: dict[str, Any]) -> bytes:
    return vault.encrypt(pack(content, what="The plan"), purpose=PURPOSE, row=plan.id)


def open_content(plan: Plan) -> dict[str, Any] | None:
    """None once it is gone."""
    found = PlanContent.objects.filter(plan=plan).first()
    if found is None:
        return None
    content: dict[str, Any] = unpack(vault.decrypt(bytes(found.sealed), purpose=PURPOSE, row=plan.id))
    return content
