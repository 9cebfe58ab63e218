"""`onTrigger`: something happened in a connector's system: one of its triggers fires, told or polled.

The automation is a subscriber of its own: saving it registers with the provider (a worker does, and keeps it true),
switching it off or deleting it takes that back. A save that asks for the same keeps what is registered. The run sees
what the trigger makes of it as `data`, and `event`: connector, trigger, item, polled.
"""

import hashlib
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson

from apps.accounts.end_users import find_end_user
from apps.accounts.models import EndUser
from apps.automations.errors import fault
from apps.automations.models import Automation, TriggerListener, Type
from apps.automations.triggers.registry import Document, TriggerKind
from apps.connections.calls import check_input
from apps.connectors.models import ComponentVersion, ConnectorVersion
from apps.connectors.resolve import find_component, find_connector, find_version
from apps.core.errors import BadRequestError, ConflictError, DomainError
from apps.inbound import listeners

ASKED = ("connector", "connectorVersion", "trigger", "variables", "userId", "userCredentialId")
NAME: dict[str, Any] = {"type": "string", "minLength": 1}
OPTIONAL: dict[str, Any] = {"type": ["string", "null"], "minLength": 1}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["connector", "trigger"],
    "properties": {
        "connector": NAME,
        "connectorVersion": OPTIONAL,
        "trigger": NAME,
        "variables": {"type": ["object", "null"]},
        "userId": OPTIONAL,
        "userCredentialId": OPTIONAL,
    },
}


def check(document: Document, at: str, organization_id: uuid.UUID) -> None:
    """Raises ValidationError naming what is not there, or what the trigger does not take."""
    name = "connector"
    try:
        _, trigger = resolved(document, organization_id)
        name = "userId"
        find_user(document, organization_id)
        name = "variables"
        check_input(trigger, document.get("variables") or {})
    except DomainError as error:
        field = error.field if error.field in ASKED else name
        raise fault(f"{at}.{field}", error.message, code="invalid_ref") from None


def resolved(document: Document, organization_id: uuid.UUID) -> tuple[ConnectorVersion, ComponentVersion]:
    connector = find_connector(document["connector"], organization_id=organization_id)
    if not connector.enabled:
        raise ConflictError(f"The connector {connector.name} is disabled.", field="connector")
    version = find_version(connector, document.get("connectorVersion"))
    return version, find_component(connector, document["trigger"], kind="trigger", field="trigger")


def find_user(document: Document, organization_id: uuid.UUID) -> EndUser | None:
    named = document.get("userId")
    return find_end_user(named, organization_id=organization_id) if named else None


def sync(automation: Automation, documents: Sequence[Document]) -> None:
    wanted = {key_of(document): document for document in documents}
    known = {row.key: row for row in TriggerListener.objects.filter(automation=automation).select_related("listener")}
    for key, row in known.items():
        if key not in wanted:
            listener = row.listener
            row.delete()
            listeners.end_listener(listener)
    for key, document in wanted.items():
        if key not in known:
            register(automation, document, key)


def key_of(document: Document) -> str:
    asked = {name: document.get(name) for name in ASKED if document.get(name) not in (None, {})}
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()


def register(automation: Automation, document: Document, key: str) -> None:
    """In the save's transaction: the row, and work for a worker that tells the provider."""
    version, trigger = resolved(document, automation.organization_id)
    end_user, connection = find_user(document, automation.organization_id), None
    if end_user is not None:
        connection = listeners.credential_for(
            end_user, connector=version.connector, version=version, trigger=trigger,
            credential_id=document.get("userCredentialId"),
        )  # fmt: skip
    elif document.get("userCredentialId"):
        raise BadRequestError("userCredentialId needs the userId that it belongs to.", field="userId")
    listener = listeners.add_listener(
        organization_id=automation.organization_id, version=version, trigger=trigger,
        variables=document.get("variables") or {}, end_user=end_user, connection=connection, grace=timedelta(),
    )  # fmt: skip
    TriggerListener.objects.create(automation=automation, listener=listener, key=key)


KIND = TriggerKind(name="onTrigger", schema=SCHEMA, types=frozenset({Type.AUTOMATION}), sync=sync, check=check)
