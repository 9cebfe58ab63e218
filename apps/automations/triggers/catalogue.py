"""All trigger kinds, in one list: those of the Rely documents, then Junction's own."""

from apps.automations.triggers import (
    manual,
    on_event,
    on_execution,
    on_hook,
    on_interaction,
    on_schedule,
    on_trigger,
)
from apps.automations.triggers.registry import register

KINDS = [
    on_event.KIND,
    manual.KIND,
    on_trigger.KIND,
    on_hook.KIND,
    on_schedule.KIND,
    on_execution.KIND,
    on_interaction.KIND,
]

for kind in KINDS:
    register(kind)
