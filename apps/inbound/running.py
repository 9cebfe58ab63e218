"""Runs the hooks of triggers and events. Outside any transaction: they may call the provider.

What they see as input: `data` is the listener's variables, or the body of a notification for `route`, `response` and
`trigger`; beside it stand `variables`, `headers`, `query`, `hook` (url, secret, id, data) and `cursor`.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from apps.accounts.models import EndUser
from apps.connections.access import OpenConnection, open_row
from apps.connections.calls import call_component
from apps.connections.credentials import find_credential, needs_credential
from apps.connections.effects import Call
from apps.connections.journal import MemoryJournal
from apps.connectors.models import ComponentVersion, Connector, ConnectorVersion
from apps.connectors.resolve import find_version
from apps.core.errors import NotFoundError
from apps.core.gateway import Mode, Recorder
from apps.inbound.addresses import hook_url
from apps.inbound.models import Hook, Listener
from apps.inbound.secrets import listener_secret

CREATE, DELETE, CHECK, POLL, TRIGGER = "create", "delete", "check", "poll", "trigger"
ROUTE, RESPONSE = "route", "response"
RELATED = ("hook__connector", "trigger__component__connector", "connector_version__connector", "connection__security",
           "connector_version__default_security", "end_user")  # fmt: skip


def trigger_of(listener: Listener) -> ComponentVersion:
    """What it is pinned to; gone, the error tells its name."""
    if listener.trigger is None:
        raise NotFoundError(f"The trigger {listener.trigger_name} no longer exists.", code="trigger_gone")
    return listener.trigger


def has_hook(listener: Listener, name: str) -> bool:
    return listener.trigger is not None and name in listener.trigger.logic


def address_of(listener: Listener) -> dict[str, Any]:
    """`hook`, as programs see it."""
    return {
        "url": hook_url(listener.hook, listener),
        "secret": listener_secret(listener),
        "id": listener.external_id or None,
        "data": listener.registered,
    }


def run_trigger(
    listener: Listener,
    name: str,
    *,
    data: Any,
    query: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> Any:
    """What the hook gives. Raises DomainErrors, WaitError among them."""
    trigger = trigger_of(listener)
    version = listener.connector_version or find_version(trigger.component.connector)
    call = _call(listener.organization_id, query=query, inputs={"variables": listener.variables, **(inputs or {})})
    connection = open_row(listener.connection) if listener.connection else None
    if listener.end_user is not None:
        call = replace(call, connection_for=partial(_connection_for, listener.end_user))
    return call_component(
        call=call, version=version, component=trigger, input=data, connection=connection, hook=name, check=False
    )


def run_event(
    hook: Hook, event: ComponentVersion, name: str, *, data: Any, query: Mapping[str, Any], headers: Mapping[str, Any],
    mode: Mode = Mode.LIVE, recorder: Recorder | None = None,
) -> Any:  # fmt: skip
    """Routing and answering know no end user, so they run without a connection."""
    version = find_version(hook.connector)
    call = _call(hook.organization_id, query=query, inputs={"headers": headers}, mode=mode, recorder=recorder)
    return call_component(
        call=call, version=version, component=event, input=data, connection=None, hook=name, check=False
    )


def _call(
    organization_id: uuid.UUID, *, query: Mapping[str, Any] | None, inputs: Mapping[str, Any],
    mode: Mode = Mode.LIVE, recorder: Recorder | None = None,
) -> Call:  # fmt: skip
    return Call(
        organization_id=organization_id,
        journal=MemoryJournal(),
        mode=mode,
        recorder=recorder,
        query=query or {},
        inputs=inputs,
    )


def _connection_for(end_user: EndUser, connector: Connector, version: ConnectorVersion) -> OpenConnection | None:
    if not needs_credential(connector):
        return None
    return open_row(find_credential(end_user=end_user, connector=connector, version=version))
