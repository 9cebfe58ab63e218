"""`branch`: the first branch whose conditions hold runs its actions; `otherwise`, where none does.

Once taken, a branch is taken: a run that is resumed does not ask again. Its output tells which it was, and what its
actions gave; where no branch was taken there is none.
"""

from collections.abc import Iterator
from typing import Any

from apps.automations.actions.registry import NOTHING, ActionKind, Args
from apps.automations.running.compiled import Test, compile_test
from apps.automations.running.turn import Turn

OTHERWISE = "otherwise"
ACTIONS: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["branches"],
    "properties": {
        "branches": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["conditions", "actions"],
                "properties": {
                    "name": {"type": "string", "maxLength": 100},
                    "conditions": {"type": "array"},
                    "actions": ACTIONS,
                },
            },
        },
        OTHERWISE: ACTIONS,
    },
}


def nested(args: Args) -> Iterator[tuple[str, Any]]:
    branches = args.get("branches")
    for index, one in enumerate(branches if isinstance(branches, list) else []):
        if isinstance(one, dict) and "actions" in one:
            yield f"branches[{index}].actions", one["actions"]
    if OTHERWISE in args:
        yield OTHERWISE, args[OTHERWISE]


def prepare(args: Args, at: str) -> dict[str, Test | None]:
    """Each branch's conditions, by its list of actions. Raises DocumentError."""
    branches = args.get("branches")
    return {
        f"branches[{index}].actions": compile_test(one.get("conditions"), f"{at}.branches[{index}].conditions")
        for index, one in enumerate(branches if isinstance(branches, list) else [])
        if isinstance(one, dict)
    }


def run(turn: Turn, args: Args) -> Any:
    taken = turn.state["branch"] if turn.state else choose(turn)
    if taken is None:
        return NOTHING
    if not turn.state and turn.action.lists[taken]:
        turn.keep_state({"branch": taken})
    name = name_of(args, taken)
    turn.say(f"Took {name}.")
    return {"branch": name, "actions": turn.run_list(taken)}


def choose(turn: Turn) -> str | None:
    """The list to run, by its place in args."""
    tests: dict[str, Test | None] = turn.action.prepared
    for path, test in tests.items():
        if test is None or test(turn.scope, turn.env):
            return path
    return OTHERWISE if OTHERWISE in turn.action.lists else None


def name_of(args: Args, taken: str) -> str:
    if taken == OTHERWISE:
        return OTHERWISE
    index = int(taken.removeprefix("branches[").partition("]")[0])
    return str(args["branches"][index].get("name") or f"branch {index + 1}")


KIND = ActionKind(
    name="branch", run=run, schema=SCHEMA, outside=True, raw=frozenset({"branches", OTHERWISE}), nested=nested,
    prepare=prepare,
)  # fmt: skip
