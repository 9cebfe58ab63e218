"""/v1/jobs."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import ConflictError, ValidationError
from apps.executions.job_search import MOST, STATUSES, TYPES, ids, search_jobs
from apps.executions.jobs import find_job, jobs_of, show_family, show_jobs, show_steps
from apps.executions.models import TERMINAL, Execution, Step
from apps.executions.services import cancel_execution
from apps.wire.fields import FlagField, IdField, ListField, Part, StampField, TextField, WholeField, WordField
from apps.wire.viewsets import WireViewSet


class JobSerializer(Part):
    _id = IdField(required=True)
    type = WordField(TYPES, required=True)
    status = WordField(STATUSES, required=True)
    _integrationId = IdField()
    _flowId = IdField()
    _exportId = IdField()
    _importId = IdField()
    _expOrImpId = IdField()
    _flowJobId = IdField()
    _parentJobId = IdField()
    createdAt = StampField(required=True)
    startedAt = StampField()
    endedAt = StampField()
    lastExecutedAt = StampField()
    lastModified = StampField()
    numSuccess = WholeField()
    numError = WholeField()
    numIgnore = WholeField()
    numOpenError = WholeField()
    numResolved = WholeField()
    numExport = WholeField()
    numPagesGenerated = WholeField()
    numPagesProcessed = WholeField()
    doneExporting = FlagField()
    oIndex = WholeField()
    retriable = FlagField()
    triggeredBy = TextField()
    canceledBy = TextField()

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["children"] = ListField(JobSerializer())
        return fields


class CurrentJobsSerializer(Part):
    _integrationId = IdField()
    _flowId = IdField()


def show_job(job: Execution | Step) -> dict[str, Any]:
    return (show_jobs([job]) if isinstance(job, Execution) else show_steps([job]))[0]


class JobViewSet(WireViewSet):
    serializer_class = JobSerializer

    def list(self, request: Request) -> Response:
        found, children = search_jobs(actor=self.actor, query=request.query_params)
        return Response(show_steps(found) if children else show_jobs(found))

    def current(self, request: Request) -> Response:
        """Jobs in progress; a body may name an integration or a flow by `_integrationId` and `_flowId`."""
        wanted = self.body(serializer=CurrentJobsSerializer) if request.data else {}
        rows = jobs_of(self.actor).exclude(state__in=TERMINAL)
        for name, column in (("_integrationId", "integration_id"), ("_flowId", "target_id")):
            if wanted.get(name):
                rows = rows.filter(**{f"{column}__in": ids([wanted[name]])})
        return Response(show_jobs(list(rows.order_by("-id")[:MOST])))

    def retrieve(self, request: Request, _id: str) -> Response:
        return Response(show_job(find_job(self.actor, _id)))

    def family(self, request: Request, _id: str) -> Response:
        job = find_job(self.actor, _id)
        return Response(show_family(job if isinstance(job, Execution) else job.execution))

    def cancel(self, request: Request, _id: str) -> Response:
        job = find_job(self.actor, _id)
        if isinstance(job, Step):
            raise ValidationError(
                f"Job {_id} is a step of job {job.execution.hex_id}: cancel that.", code="invalid_job"
            )
        try:
            cancel_execution(actor=self.actor, execution=job)
        except ConflictError as error:
            raise ValidationError(error.message, code="invalid_job") from None
        job.refresh_from_db()
        return Response(show_job(job))
