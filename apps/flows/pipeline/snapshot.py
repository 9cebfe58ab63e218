"""What a run runs: the documents of a flow, its exports, imports and scripts as they stood when it started.

An edit during a run therefore changes the next run. Connections are not pinned: a mended password helps at once.
"""

import uuid
from typing import Any

from apps.core.errors import ValidationError
from apps.core.ids import hex24, parse_id
from apps.executions.models import Execution, ExecutionData
from apps.executions.payloads import unpack
from apps.flows.models import Export, Flow, Import, Script

OF_CHILDREN = "postResponseHookToProcessOnChildRecord"


def take_snapshot(flow: Flow) -> dict[str, Any]:
    """JSON-shaped: {flow, exports: {id: document}, imports: {id: document}, scripts: {id: source}}.

    Raises ValidationError naming a step whose resource is gone.
    """
    generators, routers = flow_shape(flow.document)
    processors = [p for router in routers for branch in router["branches"] for p in branch.get("pageProcessors", [])]
    export_ids = [g["_exportId"] for g in generators] + [p["_exportId"] for p in processors if p["type"] == "export"]
    import_ids = [p["_importId"] for p in processors if p["type"] == "import"]
    exports = load(Export, export_ids, flow)
    imports = load(Import, import_ids, flow)
    documents = [*exports.values(), *imports.values(), flow.document]
    script_ids = sorted({s for document in documents for s in script_ids_in(document)})
    scripts = Script.objects.filter(
        organization_id=flow.organization_id, pk__in=filter(None, map(parse_id, script_ids))
    )
    return {
        "flow": {"_id": hex24(flow.id), "name": flow.name, "revision": flow.revision, **flow.document},
        "generators": generators,
        "routers": routers,
        "exports": exports,
        "imports": imports,
        "scripts": {hex24(s.id): s.content for s in scripts},
        "scriptsOfChildren": [hex24(s.id) for s in scripts if s.document.get(OF_CHILDREN)],
        "integration": integration_of(flow),
        "settings": settings_of(flow),
    }


def settings_of(flow: Flow) -> dict[str, Any]:
    """Those of the folder and of the flow's group in it, which templates and filters see."""
    folder = flow.integration
    if folder is None:
        return {}
    groups = folder.document.get("flowGroupings") or []
    own = [group for group in groups if group.get("_id") == flow.document.get("_flowGroupingId")]
    return {
        "integration": folder.document.get("settings") or {},
        "flowGrouping": (own[0].get("settings") if own else None) or {},
    }


def flow_shape(document: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Page generators, and routers: a flow without any has one router with one branch that takes all."""
    generators = list(document.get("pageGenerators") or [])
    processors = list(document.get("pageProcessors") or [])
    if document.get("_exportId") and not generators:  # the legacy simple flow
        generators = [{"_exportId": document["_exportId"], "skipRetries": document.get("skipRetries", False)}]
    if document.get("_importId") and not processors:
        processors = [{"type": "import", "_importId": document["_importId"]}]
    routers = list(document.get("routers") or [])
    if not routers:
        routers = [{"id": "", "branches": [{"name": "", "pageProcessors": processors}]}]
    return generators, routers


def load(model: Any, ids: list[str], flow: Flow) -> dict[str, dict[str, Any]]:
    keys = {text: parse_id(text) for text in ids}
    rows = model.objects.filter(organization_id=flow.organization_id, pk__in=[k for k in keys.values() if k])
    found = {row.id: row for row in rows}
    missing = [text for text, key in keys.items() if key not in found]
    if missing:
        raise ValidationError(
            f"{model.__name__} {missing[0]} of flow {flow.name!r} does not exist.", code="invalid_ref"
        )
    return {text: as_document(found[key]) for text, key in keys.items() if key}


def as_document(row: Export | Import) -> dict[str, Any]:
    """A resource as its API shows it, as far as a run needs it."""
    document = {
        **row.document,
        "_id": hex24(row.id),
        "name": row.name,
        "adaptorType": row.adaptor_type,
        "_connectionId": hex24(row.connection_id) if row.connection_id else None,
    }
    if isinstance(row, Export):
        document["type"] = row.type or None
    return document


def integration_of(flow: Flow) -> str | None:
    return hex24(flow.integration_id) if isinstance(flow.integration_id, uuid.UUID) else None


def script_ids_in(value: Any) -> set[str]:
    """Every `_scriptId` anywhere in a document."""
    if isinstance(value, dict):
        own = {value["_scriptId"]} if isinstance(value.get("_scriptId"), str) else set()
        return own.union(*(script_ids_in(v) for v in value.values()))
    if isinstance(value, list):
        return set().union(*(script_ids_in(v) for v in value))
    return set()


def connections_of(execution: Execution) -> list[uuid.UUID]:
    """Those that the exports and imports of a run go out through."""
    data = ExecutionData.objects.filter(execution=execution).first()
    snapshot = unpack(data.input, {}) if data else {}
    documents = [*(snapshot.get("exports") or {}).values(), *(snapshot.get("imports") or {}).values()]
    found = {parse_id(document.get("_connectionId")) for document in documents}
    return [connection_id for connection_id in found if connection_id]
