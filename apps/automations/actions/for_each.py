"""`forEach`: runs its actions once for each item of a list, one after another, and gives a list of what came of each.

Each round's actions are steps of their own. Nested actions see `item` (or the name that `as` gives it) and `index`,
from 0, beside all that the action itself sees. The list is kept with the first round, so a resumed run goes through
the same items.
"""

from collections.abc import Iterator
from typing import Any

from apps.automations.actions.registry import ActionKind, Args
from apps.automations.errors import fault
from apps.automations.running.rendering import Render, compile_value, rendered
from apps.automations.running.turn import Turn

MOST = 10_000
TAKEN = ("data", "event", "args", "arguments", "secrets", "actions", "index")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["items", "actions"],
    "properties": {
        "items": {"type": "array", "maxItems": MOST},
        "as": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,49}$", "not": {"enum": list(TAKEN)}},
        "actions": {"type": "array", "items": {"type": "object"}},
        "output": {},
    },
}


def nested(args: Args) -> Iterator[tuple[str, Any]]:
    if "actions" in args:
        yield "actions", args["actions"]


def prepare(args: Args, at: str) -> Render | None:
    """What `output` is made by. Raises DocumentError."""
    return compile_value(args.get("output"), f"{at}.output")


def run(turn: Turn, args: Args) -> list[Any]:
    items = turn.state["items"] if turn.state else list(args["items"])
    if not turn.state and items and turn.action.lists["actions"]:
        turn.keep_state({"items": items})
    name, results = args.get("as") or "item", []
    for index, item in enumerate(items):
        values = {name: item, "index": index}
        added = turn.run_list("actions", iteration=str(index), **values)
        results.append(result_of(turn, args, values, added))
    return results


def result_of(turn: Turn, args: Args, values: dict[str, Any], added: dict[str, Any]) -> Any:
    """What `output` makes of a round; without it, what the round's actions gave."""
    if "output" not in args:
        return added
    scope = {**turn.scope, **values, "actions": {**turn.scope["actions"], **added}}
    return rendered(args["output"], turn.action.prepared, scope, turn.env)


def check(args: Args, at: str, organization_id: Any) -> None:
    items = args.get("items")
    if isinstance(items, str) and "{{" not in items and "{%" not in items:
        raise fault(f"{at}.items", "must be a list, or a template that gives one")


KIND = ActionKind(
    name="forEach", run=run, schema=SCHEMA, outside=True, raw=frozenset({"actions", "output"}), nested=nested,
    prepare=prepare, check=check,
)  # fmt: skip
