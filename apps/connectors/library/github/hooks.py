"""What triggers that GitHub notifies have in common: a webhook of the repository, made, asked for and deleted."""

from typing import Any

from apps.connectors.library.declare import JSON, Part
from apps.connectors.library.github import REPO_URL, REPOSITORY

HOOKS = f"{REPO_URL}/hooks"
ONE = f"{HOOKS}/{{{{ input.hook.id }}}}"


def notified(name: str, label: str, *, event: str, gives: JSON, more: dict[str, Any] | None = None) -> Part:
    """A trigger on `event`, as GitHub calls it. `more`: further hooks."""
    made = {
        "name": "made",
        "request": {
            "method": "POST",
            "url": HOOKS,
            "body": {
                "name": "web",
                "active": True,
                "events": [event],
                "config": {
                    "url": "{{ input.hook.url }}",
                    "content_type": "json",
                    "secret": "{{ input.hook.secret }}",
                },
            },
        },
    }
    logic = {
        "create": {"steps": [made], "output": {"id": "{{ steps.made.body.id }}"}},
        "check": {
            "steps": [{"name": "found", "request": {"url": ONE, "accept": [404]}}],
            "output": {"exists": "{{ steps.found.status != 404 }}"},
        },
        "delete": {
            "steps": [
                {"name": "gone", "request": {"method": "DELETE", "url": ONE, "accept": [404], "repeat": "natural"}}
            ],
            "output": None,
        },
    }
    return Part(
        name=name,
        label=label,
        kind="trigger",
        variables={
            "type": "object",
            "properties": REPOSITORY,
            "additionalProperties": False,
        },
        output=gives,
        logic={**logic, **(more or {})},
        extra_schema={"x-key": ["owner", "repo"]},
    )
