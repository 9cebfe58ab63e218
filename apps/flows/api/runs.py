"""Running a flow and what is known of its last runs."""

from typing import Any

from django.db.models import Min
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import ValidationError
from apps.executions.api.jobs import JobSerializer
from apps.executions.jobs import jobs_of, show_family
from apps.flows.models import DeltaMark
from apps.flows.pipeline.planning import PAGES
from apps.flows.services.plans import MOST_PAGES, apply_plan, plan_flow
from apps.flows.services.resources import FLOWS
from apps.flows.services.runs import run_flow
from apps.wire.fields import IdField, ListField, Part, StampField, TextField, WholeField, WordField
from apps.wire.stamps import read_stamp, stamp
from apps.wire.viewsets import WireView


class RunRangePart(Part):
    startDate = StampField()
    endDate = StampField()


class FlowRunSerializer(Part):
    export = RunRangePart()
    _exportIds = ListField(IdField())
    runKey = TextField()
    mode = WordField(["live", "plan", "test"])
    pages = WholeField(min_value=1, max_value=MOST_PAGES)
    apply = IdField()


class FlowRunAnswerSerializer(Part):
    _jobId = IdField(required=True)
    _executionId = IdField()
    mode = TextField()
    expiresAt = StampField()


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
        """Queues a run. `mode: plan` finds out what one would send instead, and `apply` sends what a plan has found.

        `mode: test` is a plan of the first page in which mockOutput and mockResponse stand for sources and targets.

        The requests of a plan stand at /v1/executions/{_executionId}/requests when it has succeeded.
        """
        flow, wanted = self.flow(), self.body()
        if "apply" in wanted:
            return self.apply(flow, wanted)
        if "pages" in wanted and wanted.get("mode") != "plan":
            raise ValidationError("pages is for mode plan: a run has all pages.", field="pages")
        dates = wanted.get("export") or {}
        chosen: dict[str, Any] = {
            "start_date": read_stamp(dates["startDate"], field="export.startDate") if dates.get("startDate") else None,
            "end_date": read_stamp(dates["endDate"], field="export.endDate") if dates.get("endDate") else None,
            "export_ids": wanted.get("_exportIds"),
            "run_key": wanted.get("runKey", ""),
        }
        mode = wanted.get("mode")
        if mode in ("plan", "test"):
            pages = 1 if mode == "test" else wanted.get("pages", PAGES)
            plan = plan_flow(actor=self.actor, flow=flow, pages=pages, mocks=mode == "test", **chosen)
            shown = {"_jobId": plan.execution.hex_id, "_executionId": plan.execution.hex_id, "mode": mode}
            return Response({**shown, "expiresAt": stamp(plan.expires_at)}, status=201)
        execution = run_flow(actor=self.actor, flow=flow, **chosen)
        return Response({"_jobId": execution.hex_id}, status=201)

    def apply(self, flow: Any, wanted: dict[str, Any]) -> Response:
        for name in wanted:
            if name != "apply":
                raise ValidationError(f"{name} cannot be changed: a plan is applied as it is.", field=name)
        execution = apply_plan(actor=self.actor, flow=flow, plan_id=wanted["apply"])
        return Response({"_jobId": execution.hex_id, "_executionId": execution.hex_id, "mode": "live"}, status=201)


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
