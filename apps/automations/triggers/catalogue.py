"""All trigger kinds, in one list."""

from apps.automations.triggers import manual, on_event
from apps.automations.triggers.registry import register

KINDS = [on_event.KIND, manual.KIND]

for kind in KINDS:
    register(kind)
