"""`executeAction`: runs a connector's action, through the same door as `POST /v1/execute`.

It runs on the credential of a person, `userId` (and `userCredentialId` where they have several), or on one of the
organization's connections, `connectionId`. The output is the action's own.
"""

import uuid
from typing import Any

from apps.automations.actions.registry import ActionKind, Args
from apps.automations.errors import fault
from apps.automations.running.turn import Turn
from apps.connectors.models import Component
from apps.connectors.resolve import find_component, find_connector, find_version
from apps.core.errors import DomainError, ValidationErrors
from apps.engine import templates
from apps.executions.actions import Action, perform
from apps.executions.resolution import resolve_action, resolve_through

NAME: dict[str, Any] = {"type": "string", "minLength": 1}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["connector", "action"],
    "properties": {
        "connector": NAME,
        "connectorVersion": NAME,
        "action": NAME,
        "actionVersion": NAME,
        "input": {"type": "object"},
        "query": {"type": "object"},
        "userId": NAME,
        "userCredentialId": NAME,
        "connectionId": NAME,
    },
    "not": {"required": ["userId", "connectionId"]},
}


def run(turn: Turn, args: Args) -> Any:
    action = resolved(turn, args)
    iteration = f"{turn.iteration}/" if turn.iteration else ""
    return perform(action, journal=turn.journal, mode=turn.mode, path=f"{turn.path}/", iteration=iteration)


def resolved(turn: Turn, args: Args) -> Action:
    named: dict[str, Any] = {
        "organization_id": turn.organization_id,
        "connector": args["connector"],
        "connector_version": args.get("connectorVersion"),
        "component": args["action"],
        "component_version": args.get("actionVersion"),
        "input": args.get("input") or {},
        "query": args.get("query") or {},
    }
    if args.get("connectionId"):
        return resolve_through(args["connectionId"], **named)
    return resolve_action(user=args.get("userId"), credential=args.get("userCredentialId"), **named)


def check(args: Args, at: str, organization_id: uuid.UUID) -> None:
    """What is named by no template must be there, and its input fit, as far as that holds no template either."""
    plain = {name: value for name, value in args.items() if isinstance(value, str) and not templates.is_template(value)}
    if "connector" not in plain:
        return
    name = "connector"
    try:
        connector = find_connector(plain["connector"], organization_id=organization_id)
        if "connectorVersion" in plain:
            name = "connectorVersion"
            find_version(connector, plain["connectorVersion"])
        if "action" in plain:
            name = "action"
            find_component(connector, plain["action"], kind=Component.Kind.ACTION, version=plain.get("actionVersion"))
    except ValidationErrors:
        raise
    except DomainError as error:
        raise fault(f"{at}.{name}", error.message, code="invalid_ref") from None


KIND = ActionKind(name="executeAction", run=run, schema=SCHEMA, outside=True, check=check)
