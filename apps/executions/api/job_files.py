"""What is to be had of a job as a file: its errors, its diagnostics. Links are signed and live a quarter of an hour."""

import uuid
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.ids import hex24
from apps.executions.files import DIAGNOSTICS, ERRORS
from apps.executions.jobs import find_job
from apps.executions.models import Execution, RecordError, Step
from apps.wire.fields import FlagField, IdField, Part, StampField, TextField
from apps.wire.links import SignedURLSerializer, signed_link
from apps.wire.stamps import stamp
from apps.wire.viewsets import WireView

MOST = 1000


class JobErrorSerializer(Part):
    _jobId = IdField()
    _retryId = IdField()
    createdAt = StampField()
    code = TextField()
    message = TextField()
    source = TextField()
    generate = TextField()
    exportDataURI = TextField()
    importDataURI = TextField()
    resolve = FlagField()
    retry = FlagField()


class JobView(WireView):
    def about(self) -> dict[str, str]:
        """The run, and the step for a child job."""
        job = find_job(self.actor, self.kwargs["_id"])
        if isinstance(job, Step):
            step = hex24(job.target_id) if job.target_id else ""
            return {"job": job.execution.hex_id, "step": step}
        return {"job": job.hex_id}


class JobErrorsView(JobView):
    """The newest thousand, resolved ones too: the file has all of them."""

    serializer_class = JobErrorSerializer
    answers_list = True

    def get(self, request: Request, _id: str) -> Response:
        job = find_job(self.actor, _id)
        if isinstance(job, Execution):
            rows = RecordError.objects.filter(execution=job)
        else:
            rows = RecordError.objects.filter(execution_id=job.execution_id, step_id=job.target_id)
        return Response([show_job_error(row, job_id=job.hex_id) for row in rows.order_by("-pk")[:MOST]])


def show_job_error(row: RecordError, *, job_id: str) -> dict[str, Any]:
    shown = {
        "_jobId": job_id,
        "_retryId": row.hex_id if row.retryable else None,
        "createdAt": stamp(row.created_at),
        "code": row.code,
        "message": row.message,
        "source": row.source,
        "generate": row.field or None,
        "exportDataURI": row.export_data_uri or None,
        "importDataURI": row.import_data_uri or None,
        "resolve": row.resolved_at is not None,
        "retry": row.retrying_in is not None or row.resolved_by == "retry",
    }
    return {name: value for name, value in shown.items() if value is not None}


class JobErrorFileView(JobView):
    answer_serializer = SignedURLSerializer

    def get(self, request: Request, _id: str) -> Response:
        about = self.about()
        link = errors_link(request, organization_id=self.actor.organization_id, about=about)
        return Response({"signedURL": link})


class JobDiagnosticsView(JobView):
    answer_serializer = SignedURLSerializer

    def get(self, request: Request, _id: str) -> Response:
        job = self.about()["job"]
        about = {"organization": str(self.actor.organization_id), "job": job}
        return Response({"signedURL": signed_link(request, kind=DIAGNOSTICS, name=f"{job}.zip", about=about)})


def errors_link(request: Request, *, organization_id: uuid.UUID, about: dict[str, Any]) -> str:
    whole = {"organization": str(organization_id), **about}
    return signed_link(request, kind=ERRORS, name="errors.csv", about=whole)
