"""What documents may say and this deployment cannot do yet. A run that would ignore it is refused before it starts.

The surprise: such documents can be saved, cloned and shown. Only running them is refused, by the member's name.
"""

from typing import Any

from apps.core.errors import ValidationError, ValidationErrors
from apps.flows.pipeline.refusals.exports import RUNNABLE_TYPES, of_export
from apps.flows.pipeline.refusals.imports import of_import
from apps.flows.pipeline.refusals.parts import NOT_YET

__all__ = ["RUNNABLE_TYPES", "refuse_alone", "refuse_unsupported"]

FLOW_MEMBERS = ("isAbstract", "_abstractFlowId", "overrides")


def refuse_unsupported(snapshot: dict[str, Any]) -> None:
    """Raises ValidationErrors: all at once, each names the resource and the member."""
    lookups = {p["_exportId"] for p in processors_of(snapshot) if p["type"] == "export"}
    flow = snapshot["flow"]
    found = [
        ValidationError(f"Flow {flow['name']!r}: {member} {NOT_YET}.", field=member, code="unsupported")
        for member in FLOW_MEMBERS
        if flow.get(member)
    ]
    for kind, documents in (("Export", snapshot["exports"]), ("Import", snapshot["imports"])):
        for resource_id, document in documents.items():
            found += faults_of(document, kind=kind, is_lookup=resource_id in lookups)
    if found:
        raise ValidationErrors(found)


def refuse_alone(document: dict[str, Any], *, kind: str) -> None:
    """As `refuse_unsupported`, of an export or import outside of any flow."""
    found = faults_of(document, kind=kind.capitalize())
    if document.get("oneToMany") and kind == "import":
        wrong = "oneToMany is for steps of flows: submit the children themselves."
        found.append(ValidationError(wrong, field="oneToMany", code="unsupported"))
    if found:
        raise ValidationErrors(found)


def faults_of(document: dict[str, Any], *, kind: str, is_lookup: bool = False) -> list[ValidationError]:
    found = of_import(document) if kind == "Import" else of_export(document, is_lookup=is_lookup)
    return [
        ValidationError(f"{kind} {document['name']!r}: {member} {wrong}.", field=member, code="unsupported")
        for member, wrong in found
    ]


def processors_of(snapshot: dict[str, Any]) -> list[dict[str, Any]]:
    branches = [branch for router in snapshot["routers"] for branch in router["branches"]]
    return [processor for branch in branches for processor in branch.get("pageProcessors") or []]
