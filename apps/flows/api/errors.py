"""The error desk of a flow: what failed at each step, and what people do about it."""

import uuid
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.ids import hex24, parse_id
from apps.executions.api.job_files import errors_link
from apps.executions.api.jobs import JobSerializer
from apps.executions.jobs import show_jobs
from apps.executions.models import RecordError
from apps.executions.retention import kept_until
from apps.flows.services import record_errors
from apps.flows.services.resources import FLOWS
from apps.flows.services.runs import retry_errors
from apps.wire.fields import AnyField, IdField, ListField, Part, StampField, TextField, TextsField, WholeField
from apps.wire.links import SignedURLSerializer
from apps.wire.paging import next_address, read_limit, refuse_query
from apps.wire.stamps import read_stamp, stamp
from apps.wire.viewsets import WireView, WireViewSet

MOST = 1000
CLASSIFIER = "autopilot"  # the convention's word for what no person has done


class AssigneePart(Part):
    email = TextField()


class FlowErrorPart(Part):
    errorId = TextField(required=True)
    occurredAt = StampField(required=True)
    source = TextField(required=True)
    code = TextField(required=True)
    message = TextField(required=True)
    traceKey = TextField()
    exportDataURI = TextField()
    importDataURI = TextField()
    oIndex = TextField()
    retryDataKey = TextField()
    _flowJobId = IdField()
    classification = TextField()
    classifiedBy = TextField()
    reqAndResKey = TextField()
    tagIds = TextsField()
    assignedTo = AssigneePart()
    resolvedAt = StampField()
    resolvedBy = TextField()
    purgeAt = StampField()


class OpenErrorsSerializer(Part):
    errors = ListField(FlowErrorPart(), required=True)
    nextPageURL = TextField()


class ResolvedErrorsSerializer(Part):
    resolved = ListField(FlowErrorPart(), required=True)
    nextPageURL = TextField()


class ErrorIdsSerializer(Part):
    errors = ListField(TextField(), required=True, min_length=1, max_length=MOST)


class RetrySerializer(Part):
    retryDataKeys = ListField(TextField(), max_length=MOST)
    errorIds = ListField(TextField(), max_length=MOST)
    errorFileId = TextField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("errorFileId"):
            message = "Error files are made when they are fetched, and not kept: name retryDataKeys or errorIds."
            raise serializers.ValidationError({"errorFileId": message})
        if not attrs.get("retryDataKeys") and not attrs.get("errorIds"):
            raise serializers.ValidationError({"retryDataKeys": "Name at least one record to retry."})
        return attrs


class RetryDataSerializer(Part):
    data = AnyField(required=True)
    stage = TextField()
    traceKey = TextField()


class EmailField(TextField):
    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        serializers.EmailField().run_validation(text)
        return text


class AssignSerializer(Part):
    errorIds = ListField(TextField(), required=True, min_length=1, max_length=MOST)
    email = EmailField(required=True)
    _userId = IdField()


class TagSerializer(Part):
    errorIds = ListField(TextField(), required=True, min_length=1, max_length=MOST)
    tagIds = ListField(TextField(max_length=100), required=True, max_length=50)


class StepErrorCountPart(Part):
    _expOrImpId = IdField(required=True)
    numError = WholeField(required=True)
    lastErrorAt = StampField()


class FlowErrorCountsSerializer(Part):
    flowErrors = ListField(StepErrorCountPart(), required=True)


def show_error(row: RecordError) -> dict[str, Any]:
    shown = {
        "errorId": row.hex_id,
        "occurredAt": stamp(row.created_at),
        "source": row.source,
        "code": row.code,
        "message": row.message,
        "traceKey": row.trace_key,
        "oIndex": str(row.source_index),
        "_flowJobId": hex24(row.execution_id),
        "classification": row.classification,
        "classifiedBy": "" if row.classification == "none" else CLASSIFIER,
        "retryDataKey": row.hex_id if row.retryable else "",
        "exportDataURI": row.export_data_uri,
        "importDataURI": row.import_data_uri,
        "reqAndResKey": row.request_key,
        "resolvedAt": stamp(row.resolved_at),
        "resolvedBy": row.resolved_by,
        "tagIds": row.tags,
        "assignedTo": {"email": row.assigned_to} if row.assigned_to else None,
        "purgeAt": stamp(kept_until(row.execution_id)),
    }
    return {key: value for key, value in shown.items() if value not in ("", None, []) or key in ("code", "message")}


class StepView(WireViewSet):
    def flow(self) -> Any:
        return FLOWS.readable(self.actor).find(self.kwargs["_flowId"])

    def step(self, flow: Any) -> uuid.UUID:
        return record_errors.find_step(flow=flow, text=self.kwargs["_stepId"])

    def chosen(self, *, resolved: bool, moment: str) -> Any:
        """The step's errors that the query asks for."""
        flow = self.flow()
        rows = record_errors.errors_of(flow=flow, step_id=self.step(flow), resolved=resolved)
        query = self.request.query_params
        column = {"occurredAt": "created_at", "resolvedAt": "resolved_at"}[moment]
        for suffix in ("gte", "lte"):
            text = query.get(f"{moment}_{suffix}")
            if text:
                rows = rows.filter(**{f"{column}__{suffix}": read_stamp(text, field=f"{moment}_{suffix}")})
        for parameter in ("source", "classification"):
            if query.get(parameter):
                rows = rows.filter(**{parameter: query[parameter]})
        if query.get("_flowJobId"):
            rows = rows.filter(execution_id__in=[job for job in [parse_id(query["_flowJobId"])] if job])
        return rows

    def page(self, *, resolved: bool, moment: str, name: str) -> Response:
        rows, query = self.chosen(resolved=resolved, moment=moment), self.request.query_params
        if query.get("before"):
            before = parse_id(query["before"])
            if before is None:
                raise refuse_query("before must be the id that nextPageURL named.", field="before")
            rows = rows.filter(pk__lt=before)
        limit = read_limit(query)
        found = list(rows.order_by("-pk")[: limit + 1])
        answer: dict[str, Any] = {name: [show_error(row) for row in found[:limit]]}
        if len(found) > limit:
            answer["nextPageURL"] = next_address(self.request, before=found[limit - 1].hex_id)
        return Response(answer)


class OpenErrorsView(StepView):
    serializer_class = OpenErrorsSerializer

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        return self.page(resolved=False, moment="occurredAt", name="errors")


class ErrorFileView(StepView):
    """A link to the open errors as CSV, with the records that were kept. It is made as it is fetched."""

    answer_serializer = SignedURLSerializer

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        self.chosen(resolved=False, moment="occurredAt")  # what is wrong with the query is said now
        flow = self.flow()
        names = ("occurredAt_gte", "occurredAt_lte", "source", "classification", "_flowJobId")
        chosen = {name: request.query_params[name] for name in names if request.query_params.get(name)}
        about = {"flow": flow.hex_id, "step": hex24(self.step(flow)), "open": True, **chosen}
        return Response({"signedURL": errors_link(request, organization_id=flow.organization_id, about=about)})


class ResolvedErrorsView(StepView):
    serializer_class = ErrorIdsSerializer
    answer_serializer = ResolvedErrorsSerializer

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        return self.page(resolved=True, moment="resolvedAt", name="resolved")

    def resolve(self, request: Request, **kwargs: str) -> Response:
        flow = self.flow()
        step_id, wanted = self.step(flow), self.body()
        record_errors.resolve_errors(actor=self.actor, flow=flow, step_id=step_id, error_ids=wanted["errors"])
        return Response(status=204)

    def erase(self, request: Request, **kwargs: str) -> Response:
        flow = self.flow()
        step_id, wanted = self.step(flow), self.body()
        record_errors.erase_resolved(actor=self.actor, flow=flow, step_id=step_id, error_ids=wanted["errors"])
        return Response(status=204)


class RetryView(StepView):
    serializer_class = RetrySerializer
    answer_serializer = JobSerializer

    def create(self, request: Request, **kwargs: str) -> Response:
        flow = self.flow()
        step_id, wanted = self.step(flow), self.body()
        execution = retry_errors(
            actor=self.actor,
            flow=flow,
            step_id=step_id,
            retry_data_keys=wanted.get("retryDataKeys"),
            error_ids=wanted.get("errorIds"),
        )
        return Response(show_jobs([execution])[0], status=201)


class RetryDataView(StepView):
    serializer_class = RetryDataSerializer

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        flow = self.flow()
        kept = record_errors.find_retry_data(flow=flow, step_id=self.step(flow), key=kwargs["retryDataKey"])
        return Response(record_errors.show_retry_data(kept))

    def replace(self, request: Request, **kwargs: str) -> Response:
        flow = self.flow()
        step_id = self.step(flow)
        record_errors.find_retry_data(flow=flow, step_id=step_id, key=kwargs["retryDataKey"])
        kept = record_errors.replace_retry_data(
            actor=self.actor, flow=flow, step_id=step_id, key=kwargs["retryDataKey"], data=self.body()["data"]
        )
        return Response(record_errors.show_retry_data(kept))


class AssignErrorsView(StepView):
    serializer_class = AssignSerializer

    def assign(self, request: Request, **kwargs: str) -> Response:
        flow = self.flow()
        step_id, wanted = self.step(flow), self.body()
        record_errors.assign_errors(
            actor=self.actor,
            flow=flow,
            step_id=step_id,
            error_ids=wanted["errorIds"],
            email=wanted["email"],
            user_id=wanted.get("_userId", ""),
        )
        return Response(status=204)


class TagErrorsView(StepView):
    serializer_class = TagSerializer

    def tag(self, request: Request, **kwargs: str) -> Response:
        flow = self.flow()
        step_id, wanted = self.step(flow), self.body()
        record_errors.tag_errors(
            actor=self.actor, flow=flow, step_id=step_id, error_ids=wanted["errorIds"], tags=wanted["tagIds"]
        )
        return Response(status=204)


class FlowErrorCountsView(WireView):
    serializer_class = FlowErrorCountsSerializer

    def get(self, request: Request, _id: str) -> Response:
        flow = FLOWS.readable(self.actor).find(_id)
        counted = record_errors.count_open_errors(flow=flow)
        return Response(
            {
                "flowErrors": [
                    {"_expOrImpId": hex24(row["step_id"]), "numError": row["total"], "lastErrorAt": stamp(row["last"])}
                    for row in counted
                ]
            }
        )
