"""A lone export or import as what a run is compiled from. An unsaved one passes the checks of a save first."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.core.actors import Actor
from apps.core.clock import now
from apps.core.ids import hex24, new_id, parse_id
from apps.executions.models import Execution
from apps.flows.models import Script
from apps.flows.pipeline.compiling.documents import RunDocuments
from apps.flows.pipeline.mocks import mock_records
from apps.flows.pipeline.refusals import refuse_alone
from apps.flows.pipeline.snapshot import as_document, script_ids_in
from apps.flows.pipeline.sources import GIVEN_TYPES
from apps.flows.services.listeners import split_payload
from apps.flows.services.uploads import read_upload
from apps.integrations.references import resolve
from apps.integrations.resources import Draft


def unsaved(*, actor: Actor, resource: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as a run sees it. Raises ValidationErrors for what a save would refuse."""
    row = resource.model(organization_id=actor.organization_id, id=new_id())
    draft: Draft[Any] = Draft(actor, row, True, {"name": "Unsaved", **document})
    with transaction.atomic():  # the rows it names are locked while they are looked at
        draft.ids, draft.targets, draft.errors = resolve(actor=actor, document=draft.document, self_id=row.id)
        resource.check(draft)
        draft.settle()
        resource.fill(draft)
        draft.settle()
    row.document = {key: value for key, value in draft.document.items() if key not in resource.columns}
    return as_document(row)


def run_of(*, actor: Actor, document: dict[str, Any], kind: str) -> RunDocuments:
    """A run of nothing but this document, of which no row stands anywhere. Raises ValidationErrors."""
    refuse_alone(document, kind=kind)
    moment, run_id = now(), new_id()
    execution = Execution(
        id=run_id, root_id=run_id, organization_id=actor.organization_id, kind="trial",
        target_name=document["name"], created_at=moment, started_at=moment,
    )  # fmt: skip
    return RunDocuments(
        execution,
        {
            "flow": {"_id": hex24(run_id), "name": document["name"]},
            "generators": [{"_exportId": document["_id"]}],
            "routers": [],
            "exports": {document["_id"]: document},
            "imports": {document["_id"]: document},
            "scripts": scripts_of(actor, document),
            "integration": None,
            "settings": {},
            "options": {"records": samples_of(document)},
            "marks": {},
        },
    )


def scripts_of(actor: Actor, document: dict[str, Any]) -> dict[str, str]:
    ids = [row_id for text in script_ids_in(document) if (row_id := parse_id(text))]
    rows = Script.objects.filter(organization_id=actor.organization_id, pk__in=ids)
    return {row.hex_id: row.content for row in rows}


def samples_of(document: dict[str, Any]) -> dict[str, list[Any]]:
    """What stands in for the records of an export that is told them: its sample data, parsed or as it came."""
    if document.get("type") not in GIVEN_TYPES:
        return {}
    records = mock_records(document)
    if "sampleData" in document:
        records = split_payload(document, document["sampleData"])
    elif records is None and document.get("rawData"):
        records = split_payload(document, read_upload(document, document["rawData"].encode()))
    return {} if records is None else {document["_id"]: records}
