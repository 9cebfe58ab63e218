"""The sentence of a run that waits for a person."""

from apps.automations.approvals import people
from apps.automations.approvals.models import Approval
from apps.executions.explain import shown
from apps.executions.models import Execution

WHAT_THEN = {"approve": "it goes on by itself", "reject": "it is rejected", "fail": "it fails"}


def why_it_waits(execution: Execution) -> str:
    """Empty for a run that waits for nobody."""
    row = Approval.objects.filter(execution=execution, closed=False).select_related("execution").order_by("id").first()
    if row is None:
        return ""
    names = people.names_of(people.approvers(row))
    who = f"by {names}" if names else f"by {people.asked_words(row)}, and no member may give it"
    then = f"; without an answer by {shown(row.timeout_at)} {WHAT_THEN[row.on_timeout]}" if row.timeout_at else ""
    return f"It waits for approval {who}, asked at {shown(row.created_at)}{then}."
