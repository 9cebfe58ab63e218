"""What would run after a yes, as far as it can be told before: actions with the arguments that are known by now."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from apps.automations.running.rendering import RenderError, compile_value, rendered
from apps.core.errors import DomainError
from apps.engine import templates
from apps.engine.errors import DocumentError
from apps.engine.json_values import why_unkeepable
from apps.engine.templates import RenderEnv

MASK = "******"
MAX_ACTIONS = 50
LATER = re.compile(r"\bactions\b")  # texts that depend on what earlier actions will have found
PLACE = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def plan(
    document: Mapping[str, Any], actions: Sequence[Any], scope: Mapping[str, Any], env: RenderEnv
) -> dict[str, Any]:
    """`actions` are those that a yes lets run. Secrets are masked; what is not known yet stays a template."""
    secrets = scope.get("secrets")
    shown = {**scope, "secrets": dict.fromkeys(secrets, MASK) if isinstance(secrets, Mapping) else {}}
    found: dict[str, Any] = {
        "description": document.get("description") or "",
        "arguments": document.get("arguments") or {},
        "actions": [action_of(action, shown, env) for action in actions[:MAX_ACTIONS] if isinstance(action, Mapping)],
        "numActions": len(actions),
    }
    if scope.get("args") is not None:
        found["args"] = scope["args"]
    if scope.get("event") is not None:
        found["event"], found["data"] = scope["event"], scope.get("data")
    return found


def action_of(action: Mapping[str, Any], scope: Mapping[str, Any], env: RenderEnv) -> dict[str, Any]:
    kept = {name: action[name] for name in ("id", "type", "title", "description") if action.get(name)}
    if action.get("args"):
        kept["args"] = preview(action["args"], scope, env)
    return kept


def preview(value: Any, scope: Mapping[str, Any], env: RenderEnv) -> Any:
    if isinstance(value, Mapping):
        return {name: preview(inner, scope, env) for name, inner in value.items()}
    if isinstance(value, list):
        return [preview(inner, scope, env) for inner in value]
    if not isinstance(value, str) or not templates.is_template(value) or LATER.search(value):
        return value
    try:
        found = rendered(value, compile_value(value, "args"), scope, env)
    except (RenderError, DocumentError, DomainError):
        return value
    return value if why_unkeepable(found) else found


def following(document: Mapping[str, Any], path: str) -> list[Any]:
    """The actions after the one at a path such as `actions[2].args.actions[0]`, in its own list."""
    places = [int(index) if index else name for name, index in PLACE.findall(path)]
    found: Any = document
    for place in places[:-1]:
        found = found[place]
    last = places[-1]
    return list(found[last + 1 :]) if isinstance(last, int) else []
