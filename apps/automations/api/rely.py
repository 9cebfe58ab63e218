"""/api/v1/flows and /api/v1/flow-runs, in the Rely conventions."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from apps.automations import backfilling, services
from apps.automations.api.shapes import (
    FlowPageSerializer,
    FlowSerializer,
    FlowWriteSerializer,
    RunCreateSerializer,
    RunPageSerializer,
    RunSerializer,
)
from apps.automations.approvals.reviews import answer_run
from apps.automations.errors import AutomationError
from apps.automations.models import Automation, Run, Type
from apps.automations.showing import OWN, flow_document, run_documents
from apps.core.actors import Verb
from apps.wire.cursors import cursor_page
from apps.wire.query import QueryValueError, read_flag
from apps.wire.rely import NO_ANSWER, PAGE, RelyViewSet

TYPE = OpenApiParameter("type", enum=list(Type.values), description="Keep one flow type.")
TRIGGER = OpenApiParameter(
    "trigger", type=bool, description="Run the saved flow straight away over entities that already match."
)


class FlowViewSet(RelyViewSet):
    serializer_class = FlowWriteSerializer
    answer_serializers = {
        "page": FlowPageSerializer,
        "create": FlowSerializer,
        "retrieve": FlowSerializer,
        "upsert": FlowSerializer,
        "destroy": NO_ANSWER,
    }
    parameters = {"page": [*PAGE, TYPE], "create": [TRIGGER], "upsert": [TRIGGER]}

    def rows(self) -> Any:
        return Automation.objects.for_actor(self.actor).select_related("version")

    def page(self, request: Request) -> Response:
        self.actor.require(Verb.VIEW)
        rows, wanted = self.rows(), request.query_params.get("type")
        if wanted is not None:
            if wanted not in Type.values:
                message = f"value is not a valid enumeration member; permitted: {', '.join(Type.values)}"
                raise QueryValueError(message, field="type", code="type_error.enum")
            rows = rows.filter(type=wanted)
        return cursor_page(rows, request=request, show=flow_document)

    def create(self, request: Request) -> Response:
        self.actor.require(Verb.EDIT)
        body, trigger = self.body(), self.trigger()
        return self.saved(services.create_automation(actor=self.actor, document=body), trigger)

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        return Response(flow_document(self.rows().named(self.kwargs["id_"])))

    def upsert(self, request: Request, **kwargs: str) -> Response:
        """What Junction adds to the documents is not this API's to drop."""
        self.actor.require(Verb.EDIT)
        body, trigger = self.body(), self.trigger()
        body["id"] = self.same_id(body)
        return self.saved(services.upsert_automation(actor=self.actor, document=body, keep=OWN), trigger)

    def destroy(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.DELETE)
        services.delete_automation(actor=self.actor, automation=self.rows().named(self.kwargs["id_"]))
        return Response(None)

    def trigger(self) -> bool:
        return read_flag(self.request.query_params, "trigger") or False

    def saved(self, row: Automation, trigger: bool) -> Response:
        if trigger:
            backfilling.start(actor=self.actor, automation=row)
        return Response(flow_document(row))


class FlowRunViewSet(RelyViewSet):
    serializer_class = RunCreateSerializer
    answer_serializers = {
        "page": RunPageSerializer,
        "create": RunSerializer,
        "retrieve": RunSerializer,
        "approve": RunSerializer,
        "reject": RunSerializer,
    }
    parameters = {"page": PAGE}

    def rows(self) -> Any:
        return Run.objects.for_actor(self.actor).select_related("execution__data")

    def page(self, request: Request) -> Response:
        self.actor.require(Verb.VIEW)
        return cursor_page(self.rows(), request=request, show_all=run_documents)

    def create(self, request: Request) -> Response:
        self.actor.require(Verb.RUN)
        body = self.body()
        flow = Automation.objects.for_actor(self.actor).select_related("version").named(body["flowId"])
        if flow.type != Type.SELF_SERVICE:
            raise AutomationError(f"Flow {flow.slug} is no self-service action", field="flowId")
        execution = services.run_by_hand(
            actor=self.actor, automation=flow, args=body.get("args"), slug=body.get("id") or "", tags=body.get("tags")
        )
        return self.shown(self.rows().get(execution=execution))

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        return self.shown(self.found())

    def approve(self, request: Request, **kwargs: str) -> Response:
        return self.answer(approve=True)

    def reject(self, request: Request, **kwargs: str) -> Response:
        return self.answer(approve=False)

    def answer(self, *, approve: bool) -> Response:
        reason = self.request.data.get("reason") if isinstance(self.request.data, dict) else None
        run = self.found()
        answer_run(
            actor=self.actor, execution=run.execution, approve=approve, reason=reason if isinstance(reason, str) else ""
        )
        return self.shown(self.found())

    def found(self) -> Run:
        row: Run = self.rows().named(self.kwargs["id_"])
        return row

    def shown(self, row: Run) -> Response:
        return Response(run_documents([row])[0])
