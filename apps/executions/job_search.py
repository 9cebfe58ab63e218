"""GET /jobs: which jobs a query asks for. It needs a scope, so that nobody reads an account's whole history at once."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from apps.core.actors import Actor
from apps.core.errors import BadRequestError
from apps.core.ids import parse_id
from apps.executions.jobs import CHILD_TYPES, JOB_KINDS, STATUS, STEP_STATUS, jobs_of, steps_of
from apps.executions.models import RecordError
from apps.wire.stamps import read_stamp

MOST = 1001
TYPES = (*JOB_KINDS, *CHILD_TYPES, "bulk_retry")
STATUSES = ("queued", "running", "completed", "failed", "canceled", "retrying", "canceling")
SCOPES = [
    "_integrationId",
    "_flowId",
    "_exportId",
    "_importId",
    "_flowJobId",
    "_bulkJobId",
    "_parentJobId",
    "_flowId_in",
    "createdAt_gte",
    "createdAt_lte",
]
STEP_SCOPES = ("_flowJobId", "_parentJobId", "_exportId", "_importId")
COUNTS = {"numSuccess": "success_count", "numError": "error_count", "numIgnore": "ignore_count"}


Query = Any  # a QueryDict, whose stubs say that any value may be a list


def refuse(message: str, *, field: str = "") -> BadRequestError:
    return BadRequestError(message, field=field, code="invalid_query_params")


def search_jobs(*, actor: Actor, query: Query) -> tuple[list[Any], bool]:
    """The newest MOST jobs, and whether they are children. Raises BadRequestError for a query without a scope."""
    if not any(query.get(name) for name in SCOPES):
        raise refuse(f"A search of jobs needs a scope: one of {', '.join(SCOPES)}.")
    types = types_of(query)
    children = bool(types) and types <= set(CHILD_TYPES)
    if types and not children and types & set(CHILD_TYPES):
        raise refuse("type_in asks for flow jobs and step jobs at once: ask twice.", field="type_in")
    if children and not any(query.get(name) for name in STEP_SCOPES):
        raise refuse(f"Jobs of steps need one of {', '.join(STEP_SCOPES)}.", field="type")
    if not types and any(query.get(name) for name in STEP_SCOPES):
        children = True
    rows = steps_of(actor) if children else jobs_of(actor)
    rows = by_scope(rows, query, children=children)
    rows = by_type(rows, types, children=children)
    rows = by_status(rows, query.get("status"), children=children)
    rows = by_counts(rows, query, children=children)
    return list(rows.order_by("-id")[:MOST]), children


def types_of(query: Query) -> set[str]:
    found = set(listed(query, "type")) | set(listed(query, "type_in"))
    for word in found:
        if word not in TYPES:
            raise refuse(f"type must be one of {', '.join(TYPES)}.", field="type")
    return found


def listed(query: Query, name: str) -> list[str]:
    """Values of a parameter that may be repeated, or hold a comma list."""
    return [part for text in query.getlist(name) for part in text.split(",") if part]


def by_scope(rows: QuerySet[Any], query: Query, *, children: bool) -> QuerySet[Any]:
    run = "execution__" if children else ""
    columns = {"_integrationId": f"{run}integration_id", "_flowId": f"{run}target_id"}
    if children:
        columns |= {"_flowJobId": "execution_id", "_parentJobId": "execution_id"}
    else:
        columns |= {"_flowJobId": "parent_id", "_parentJobId": "parent_id"}
    for name, column in columns.items():
        if query.get(name):
            rows = rows.filter(**{f"{column}__in": ids([query[name]])})
            rows = rows.filter(kind="retry") if column == "parent_id" else rows  # any other's parent is no job
    flows = listed(query, "_flowId_in")
    if flows:
        rows = rows.filter(**{f"{run}target_id__in": ids(flows)})
    for name, kinds in (("_exportId", ("export", "lookup")), ("_importId", ("import",))):
        if query.get(name) and children:
            rows = rows.filter(kind__in=kinds, target_id__in=ids([query[name]]))
        elif query.get(name):
            rows = rows.filter(steps__kind__in=kinds, steps__target_id__in=ids([query[name]])).distinct()
    if query.get("_bulkJobId"):
        rows = rows.none()  # there are no bulk jobs
    for name, lookup in (("createdAt_gte", "gte"), ("createdAt_lte", "lte")):
        if query.get(name):
            rows = rows.filter(**{f"created_at__{lookup}": read_stamp(query[name], field=name)})
    return rows


def ids(texts: Iterable[str]) -> list[uuid.UUID]:
    return [row_id for row_id in map(parse_id, texts) if row_id]


def by_type(rows: QuerySet[Any], types: set[str], *, children: bool) -> QuerySet[Any]:
    if not types:
        return rows
    if not children:
        return rows.filter(kind__in=types)
    kinds = [*(("export", "lookup") if "export" in types else ()), *(("import",) if "import" in types else ())]
    return rows.filter(kind__in=kinds)


def by_status(rows: QuerySet[Any], status: str | None, *, children: bool) -> QuerySet[Any]:
    if not status:
        return rows
    if status not in STATUSES:
        raise refuse(f"status must be one of {', '.join(STATUSES)}.", field="status")
    words: dict[Any, str] = STEP_STATUS if children else STATUS
    return rows.filter(state__in=[state for state, word in words.items() if word == status])


def by_counts(rows: QuerySet[Any], query: Query, *, children: bool) -> QuerySet[Any]:
    for name, column in COUNTS.items():
        for suffix in ("gte", "lte"):
            text = query.get(f"{name}_{suffix}")
            if text:
                rows = rows.filter(**{f"{column}__{suffix}": whole(text, field=f"{name}_{suffix}")})
    rows = by_exported(rows, query, children=children)
    retriable = query.get("retriable")
    if retriable:
        if retriable not in ("true", "false"):
            raise refuse("retriable must be true or false.", field="retriable")
        kept = RecordError.objects.filter(resolved_at__isnull=True, retryable=True)
        kept = (
            kept.filter(execution_id=OuterRef("execution_id"), step_id=OuterRef("target_id"))
            if children
            else kept.filter(execution_id=OuterRef("pk"))
        )
        rows = rows.filter(Exists(kept)) if retriable == "true" else rows.exclude(Exists(kept))
    return rows


def by_exported(rows: QuerySet[Any], query: Query, *, children: bool) -> QuerySet[Any]:
    """Records exported: a run's is the sum of its generators'."""
    limits = {
        s: whole(query[f"numExport_{s}"], field=f"numExport_{s}") for s in ("gte", "lte") if query.get(f"numExport_{s}")
    }
    if not limits:
        return rows
    if children:
        return rows.filter(kind="export", **{f"success_count__{suffix}": value for suffix, value in limits.items()})
    exported = Coalesce(Sum("steps__success_count", filter=Q(steps__kind="export")), 0)
    return rows.annotate(exported=exported).filter(**{f"exported__{suffix}": value for suffix, value in limits.items()})


def whole(text: str, *, field: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise refuse(f"{field} must be a whole number.", field=field)
    return int(text)
