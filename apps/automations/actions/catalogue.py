"""All action kinds, in one list: those of the Rely documents, then Junction's own."""

from apps.automations.actions import (
    approval,
    branch,
    call_webhook,
    delay,
    execute_action,
    fetch_by_source,
    fetch_fields,
    fetch_resource,
    for_each,
    run_flow,
    send_email,
    trigger_automations,
    upsert_resource,
)
from apps.automations.actions.registry import ActionKind, register

KINDS: list[ActionKind] = [
    upsert_resource.KIND,
    fetch_resource.KIND,
    fetch_fields.KIND,
    fetch_by_source.KIND,
    trigger_automations.KIND,
    approval.KIND,
    execute_action.KIND,
    run_flow.KIND,
    call_webhook.KIND,
    send_email.KIND,
    delay.KIND,
    for_each.KIND,
    branch.KIND,
]

for kind in KINDS:
    register(kind)
