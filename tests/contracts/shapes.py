"""Documented members of Interactor answers that are null by what they mean: (schema, member). Each says why."""

EXCUSED: set[tuple[str, str]] = set()
