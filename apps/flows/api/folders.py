"""What stands in an integration: /v1/integrations/{_id}/flows, exports, imports, errors, jobs/latest."""

from typing import Any, ClassVar

from django.db.models import Count, Max, OuterRef, Q, Subquery
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.ids import hex24
from apps.executions.api.jobs import JobSerializer
from apps.executions.jobs import jobs_of, show_jobs
from apps.executions.models import Execution, RecordError
from apps.flows.services.resources import FLOWS
from apps.integrations.models import Reference
from apps.integrations.services import INTEGRATIONS
from apps.wire.fields import IdField, Part, StampField, WholeField
from apps.wire.paging import SHORT_FORM, list_page
from apps.wire.stamps import stamp
from apps.wire.viewsets import WireView

LATEST_RUNS = 100


class FolderErrorsSerializer(Part):
    _flowId = IdField(required=True)
    numError = WholeField(required=True)
    lastErrorAt = StampField()


class FolderView(WireView):
    answers_list = True

    def folder(self) -> Any:
        return INTEGRATIONS.readable(self.actor).find(self.kwargs["_id"])


class FolderContentsView(FolderView):
    """`as_view(resource=…)`: what names the integration as its own, and what its flows use."""

    resource: ClassVar[Any] = None

    def get(self, request: Request, _id: str) -> Response:
        folder, resource = self.folder(), self.resource
        inside = Q(integration=folder)
        if resource is not FLOWS:
            used = Reference.objects.filter(integration_id=folder.id, source_kind="flow", target_kind=resource.kind)
            inside |= Q(pk__in=used.values("target_id"))
        rows = resource.readable(self.actor).filter(inside)
        short = SHORT_FORM | {"disabled"}
        return list_page(rows, request=request, show=resource.show_listed, short=short, counted=resource.counted)


class FolderErrorsView(FolderView):
    serializer_class = FolderErrorsSerializer

    def get(self, request: Request, _id: str) -> Response:
        rows = RecordError.objects.filter(
            organization_id=self.actor.organization_id, integration_id=self.folder().id, resolved_at__isnull=True
        )
        counted = rows.values("flow_id").annotate(total=Count("id"), last=Max("created_at")).order_by("flow_id")
        return Response(
            [
                {"_flowId": hex24(row["flow_id"]), "numError": row["total"], "lastErrorAt": stamp(row["last"])}
                for row in counted
            ]
        )


class FolderLatestJobsView(FolderView):
    """The newest run of each flow, newest first."""

    serializer_class = JobSerializer

    def get(self, request: Request, _id: str) -> Response:
        newest = jobs_of(self.actor).filter(target_id=OuterRef("pk")).order_by("-id").values("pk")[:1]
        flows = FLOWS.readable(self.actor).filter(integration=self.folder()).annotate(newest=Subquery(newest))
        rows = Execution.objects.filter(pk__in=flows.values("newest")).order_by("-id")[:LATEST_RUNS]
        return Response(show_jobs(list(rows)))
