"""All action kinds, in one list."""

from apps.automations.actions import (
    approval,
    fetch_by_source,
    fetch_fields,
    fetch_resource,
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
]

for kind in KINDS:
    register(kind)
