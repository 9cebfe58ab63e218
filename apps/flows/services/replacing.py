"""Swapping a connection: in one export or import, or in all steps of a flow. Jobs in progress on it are canceled."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from apps.connections.resource import CONNECTIONS
from apps.core.actors import Actor, Verb, system_actor
from apps.core.errors import NotFoundError, ValidationError
from apps.core.ids import parse_id
from apps.executions.models import TERMINAL, Execution
from apps.executions.services import cancel_execution
from apps.flows.models import Flow
from apps.flows.services.resources import EXPORTS, FLOWS, IMPORTS
from apps.integrations.models import Reference
from apps.integrations.references import ids_in


def replace_connection(*, actor: Actor, resource: Any, row: Any, new_id: str) -> Any:
    require_connection(actor=actor, text=new_id, field="_newConnectionId")
    with transaction.atomic():
        using = Reference.objects.filter(source_kind="flow", target_kind=resource.kind, target_id=row.id)
        cancel_runs(actor=actor, flow_ids=using.values_list("source_id", flat=True))
        return resource.replace(actor=actor, row=row, document={**resource.show(row), "_connectionId": new_id})


def replace_flow_connection(*, actor: Actor, flow: Flow, old_id: str, new_id: str) -> Flow:
    """Every export and import of the flow that stands on the old connection then stands on the new one."""
    FLOWS.require(actor=actor, verb=Verb.EDIT, row=flow)
    old = require_connection(actor=actor, text=old_id, field="_connectionId")
    require_connection(actor=actor, text=new_id, field="_newConnectionId")
    named = list(ids_in(flow.document))
    with transaction.atomic():
        cancel_runs(actor=actor, flow_ids=[flow.id])
        for resource in (EXPORTS, IMPORTS):
            ids = {parse_id(entry.value) for entry in named if entry.kind == resource.kind}
            for row in resource.readable(actor).filter(pk__in=ids, connection=old).order_by("pk"):
                replace_connection(actor=actor, resource=resource, row=row, new_id=new_id)
    flow.refresh_from_db()
    return flow


def cancel_runs(*, actor: Actor, flow_ids: Iterable[uuid.UUID]) -> None:
    """Half of such a run would go to one system and half to another. In a transaction; those of the caller's alone."""
    rows = Execution.objects.filter(
        organization_id=actor.organization_id, kind__in=("flow", "retry"), target_id__in=list(flow_ids)
    )
    for execution in rows.exclude(state__in=TERMINAL).order_by("id"):
        cancel_execution(actor=system_actor(actor.organization_id), execution=execution)


def require_connection(*, actor: Actor, text: str, field: str) -> Any:
    try:
        return CONNECTIONS.readable(actor).find(text)
    except NotFoundError as error:
        raise ValidationError(f"{field}: {error.message}", field=field, code="invalid_ref") from None
