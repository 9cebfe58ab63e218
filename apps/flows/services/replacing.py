"""Swapping a connection: in one export or import, or in all steps of a flow."""

from typing import Any

from django.db import transaction

from apps.connections.resource import CONNECTIONS
from apps.core.actors import Actor, Verb
from apps.core.errors import NotFoundError, ValidationError
from apps.core.ids import parse_id
from apps.flows.models import Flow
from apps.flows.services.resources import EXPORTS, FLOWS, IMPORTS
from apps.integrations.references import ids_in


def replace_connection(*, actor: Actor, resource: Any, row: Any, new_id: str) -> Any:
    require_connection(actor=actor, text=new_id, field="_newConnectionId")
    return resource.replace(actor=actor, row=row, document={**resource.show(row), "_connectionId": new_id})


def replace_flow_connection(*, actor: Actor, flow: Flow, old_id: str, new_id: str) -> Flow:
    """Every export and import of the flow that stands on the old connection then stands on the new one."""
    FLOWS.require(actor=actor, verb=Verb.EDIT, row=flow)
    old = require_connection(actor=actor, text=old_id, field="_connectionId")
    require_connection(actor=actor, text=new_id, field="_newConnectionId")
    named = list(ids_in(flow.document))
    with transaction.atomic():
        for resource in (EXPORTS, IMPORTS):
            ids = {parse_id(entry.value) for entry in named if entry.kind == resource.kind}
            for row in resource.readable(actor).filter(pk__in=ids, connection=old).order_by("pk"):
                replace_connection(actor=actor, resource=resource, row=row, new_id=new_id)
    flow.refresh_from_db()
    return flow


def require_connection(*, actor: Actor, text: str, field: str) -> Any:
    try:
        return CONNECTIONS.readable(actor).find(text)
    except NotFoundError as error:
        raise ValidationError(f"{field}: {error.message}", field=field, code="invalid_ref") from None
