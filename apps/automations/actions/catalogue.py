"""All action kinds, in one list."""

from apps.automations.actions.registry import ActionKind, register

KINDS: list[ActionKind] = []

for kind in KINDS:
    register(kind)
