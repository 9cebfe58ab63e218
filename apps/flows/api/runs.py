"""Running a flow and what is known of its last runs."""

from typing import Any

from django.db.models import Min
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.ids import hex24
from apps.executions.api.jobs import JobSerializer
from apps.executions.jobs import jobs_of, show_family
from apps.flows.models import DeltaMark
from apps.flows.services.resources import FLOWS
from apps.flows.services.runs import run_flow
from apps.wire.fields import IdField, ListField, Part, StampField, TextField
from apps.wire.stamps import read_stamp, stamp
from apps.wire.viewsets import WireView


class RunRangePart(Part):
    startDate = StampField()
    endDate = StampField()


class FlowRunSerializer(Part):
    export = RunRangePart()
    _exportIds = ListField(IdField())
    runKey = TextField()


class FlowRunAnswerSerializer(Part):
    _jobId = IdField(required=True)


class LastExportSerializer(Part):
    lastExportDateTime = StampField(allow_null=True)


class FlowView(WireView):
    def flow(self) -> Any:
        return FLOWS.readable(self.actor).find(self.kwargs["_id"])


class FlowRunView(FlowView):
    serializer_class = FlowRunSerializer
    answer_serializer = FlowRunAnswerSerializer
    answer_status = 201

    def post(self, request: Request, _id: str) -> Response:
        flow, wanted = self.flow(), self.body()
        dates = wanted.get("export") or {}
        execution = run_flow(
            actor=self.actor,
            flow=flow,
            start_date=read_stamp(dates["startDate"], field="export.startDate") if dates.get("startDate") else None,
            end_date=read_stamp(dates["endDate"], field="export.endDate") if dates.get("endDate") else None,
            export_ids=wanted.get("_exportIds"),
            run_key=wanted.get("runKey", ""),
        )
        return Response({"_jobId": hex24(execution.id)}, status=201)


class FlowLatestJobsView(FlowView):
    """The most recent run, with its steps."""

    serializer_class = JobSerializer
    answers_list = True

    def get(self, request: Request, _id: str) -> Response:
        latest = jobs_of(self.actor).filter(target_id=self.flow().id).order_by("-id").first()
        return Response([show_family(latest)] if latest else [])


class FlowLastExportView(FlowView):
    """The oldest mark of its exports: up to there, all sources have been read."""

    serializer_class = LastExportSerializer

    def get(self, request: Request, _id: str) -> Response:
        oldest = DeltaMark.objects.filter(flow=self.flow()).aggregate(Min("last_export_at"))
        return Response({"lastExportDateTime": stamp(oldest["last_export_at__min"])})
