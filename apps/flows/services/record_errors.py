"""What people do with failed records besides retrying them: resolve, assign, tag, edit the kept record, erase."""

import uuid
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, QuerySet

from apps.accounts.models import Membership
from apps.audit import services as audit
from apps.core.actors import Actor, Verb
from apps.core.clock import now
from apps.core.errors import NotFoundError, ValidationError, ValidationErrors
from apps.core.ids import hex24, parse_id
from apps.executions.models import RecordError, RetryData
from apps.executions.payloads import pack, unpack
from apps.flows.models import Flow
from apps.integrations.references import ids_in

NAMED = 20  # of the records that an entry of the change log is about


def errors_of(*, flow: Flow, step_id: uuid.UUID, resolved: bool) -> QuerySet[RecordError]:
    rows = RecordError.objects.filter(organization_id=flow.organization_id, flow_id=flow.id, step_id=step_id)
    return rows.filter(resolved_at__isnull=not resolved)


def find_step(*, flow: Flow, text: str) -> uuid.UUID:
    """The id of an export or import that the flow names, or that it once failed at. Raises NotFoundError."""
    step_id = parse_id(text)
    if step_id is not None:
        named = {parse_id(entry.value) for entry in ids_in(flow.document) if entry.kind in ("export", "import")}
        if step_id in named or RecordError.objects.filter(flow_id=flow.id, step_id=step_id).exists():
            return step_id
    raise NotFoundError(f"Step {text} of flow {flow.hex_id} was not found.")


def count_open_errors(*, flow: Flow) -> list[dict[str, Any]]:
    rows = RecordError.objects.filter(organization_id=flow.organization_id, flow_id=flow.id, resolved_at__isnull=True)
    return list(rows.values("step_id").annotate(total=Count("id"), last=Max("created_at")).order_by("step_id"))


def find_errors(
    *, flow: Flow, step_id: uuid.UUID, ids: list[str], field: str, resolved: bool | None = None
) -> list[uuid.UUID]:
    """Raises ValidationErrors for each id that names no error of the step."""
    rows = RecordError.objects.filter(organization_id=flow.organization_id, flow_id=flow.id, step_id=step_id)
    if resolved is not None:
        rows = rows.filter(resolved_at__isnull=not resolved)
    wanted = [parse_id(text) for text in ids]
    known = set(rows.filter(pk__in=[row_id for row_id in wanted if row_id]).values_list("pk", flat=True))
    missing = [
        ValidationError(f"{text[:60]} is no error of this step.", field=f"{field}[{index}]", code="invalid_ref")
        for index, (text, row_id) in enumerate(zip(ids, wanted, strict=True))
        if row_id not in known
    ]
    if missing:
        raise ValidationErrors(missing)
    return sorted(known)


def resolve_errors(*, actor: Actor, flow: Flow, step_id: uuid.UUID, error_ids: list[str]) -> int:
    """Marks open errors as resolved; one that is resolved already stays as it is."""
    actor.require(Verb.RETRY, integration_id=flow.integration_id)
    found = find_errors(flow=flow, step_id=step_id, ids=error_ids, field="errors")
    by = hex24(actor.user_id) if actor.user_id else "system"
    with transaction.atomic():
        still_open = RecordError.objects.select_for_update().filter(pk__in=found, resolved_at__isnull=True)
        rows = list(still_open.order_by("id"))
        RecordError.objects.filter(pk__in=[row.pk for row in rows]).update(
            resolved_at=now(), resolved_by=by, updated_at=now()
        )
        note(actor, "resolve", rows, flow=flow)
    return len(rows)


def erase_resolved(*, actor: Actor, flow: Flow, step_id: uuid.UUID, error_ids: list[str]) -> int:
    actor.require(Verb.DELETE, integration_id=flow.integration_id)
    found = find_errors(flow=flow, step_id=step_id, ids=error_ids, field="errors", resolved=True)
    with transaction.atomic():
        rows = list(RecordError.objects.filter(pk__in=found).order_by("id"))
        note(actor, "erase", rows, flow=flow)
        audit.forget_values(resource_type="recorderror", resource_ids=found)
        return RecordError.objects.filter(pk__in=found).delete()[0]


def assign_errors(
    *, actor: Actor, flow: Flow, step_id: uuid.UUID, error_ids: list[str], email: str, user_id: str = ""
) -> int:
    """To whoever has the address, be they a member or not; `user_id` must be a member's whose address it is."""
    actor.require(Verb.RETRY, integration_id=flow.integration_id)
    if user_id:
        row_id = parse_id(user_id)
        members = Membership.objects.filter(organization_id=flow.organization_id, user__email__iexact=email)
        if row_id is None or not members.filter(user_id=row_id).exists():
            message = f"{user_id[:60]} is no member with the e-mail {email[:100]}."
            raise ValidationError(message, field="_userId", code="invalid_ref")
    found = find_errors(flow=flow, step_id=step_id, ids=error_ids, field="errorIds")
    return RecordError.objects.filter(pk__in=found).update(assigned_to=email)


def tag_errors(*, actor: Actor, flow: Flow, step_id: uuid.UUID, error_ids: list[str], tags: list[str]) -> int:
    actor.require(Verb.RETRY, integration_id=flow.integration_id)
    found = find_errors(flow=flow, step_id=step_id, ids=error_ids, field="errorIds")
    return RecordError.objects.filter(pk__in=found).update(tags=tags)


def find_retry_data(*, flow: Flow, step_id: uuid.UUID, key: str) -> RetryData:
    """A retryDataKey is the id of its error."""
    row_id = parse_id(key)
    rows = RetryData.objects.select_related("error").filter(
        error__organization_id=flow.organization_id, error__flow_id=flow.id, error__step_id=step_id
    )
    found = rows.filter(pk=row_id).first() if row_id else None
    if found is None:
        raise NotFoundError(f"No record is kept under {key}.")
    return found


def show_retry_data(kept: RetryData) -> dict[str, Any]:
    return {"data": unpack(kept.data), "stage": kept.stage, "traceKey": kept.error.trace_key}


@transaction.atomic
def replace_retry_data(*, actor: Actor, flow: Flow, step_id: uuid.UUID, key: str, data: Any) -> RetryData:
    """An edited record is another record: its revision, and so its idempotency key, changes."""
    actor.require(Verb.EDIT, integration_id=flow.integration_id)
    kept = find_retry_data(flow=flow, step_id=step_id, key=key)
    kept = RetryData.objects.select_for_update().get(pk=kept.pk)
    if kept.error.resolved_at:
        raise ValidationError("The error is resolved: its record cannot be edited any more.", code="invalid_state")
    before = unpack(kept.data)
    kept.data, kept.revision = pack(data), kept.revision + 1
    kept.save(update_fields=["data", "revision"])
    note(actor, "edit", [kept.error], flow=flow, changes=audit.changes_between({"data": before}, {"data": data}))
    return kept


def note(
    actor: Actor, event: str, rows: list[RecordError], *, flow: Flow, changes: list[dict[str, Any]] | None = None
) -> None:
    """One entry of the change log a call, under the first error it was about; values are cut."""
    if not rows:
        return
    names = [row.trace_key or row.hex_id for row in rows]
    what = f"record {names[0]}" if len(rows) == 1 else f"{len(rows)} records"
    if changes is None:
        changes = [{"fieldPath": "records", "newValue": len(rows)}, {"fieldPath": "of", "newValue": names[:NAMED]}]
    audit.record(
        actor=actor,
        event=event,
        resource_type="recorderror",
        resource_id=rows[0].id,
        resource_name=f"{what} of {flow.name}",
        integration_id=flow.integration_id,
        changes=[audit.shortened(change) for change in changes],
    )
