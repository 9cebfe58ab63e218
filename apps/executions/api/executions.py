"""/v1/executions/{id}: any execution, whatever its kind, with why it waits, its steps and what it sent."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.ids import hex24
from apps.executions import kinds
from apps.executions.explain import explain
from apps.executions.jobs import tallies_of
from apps.executions.models import Exchange, Execution, Mode, State, Step
from apps.executions.payloads import unpack
from apps.executions.replaying import Wanted, replay_execution, shown_replay
from apps.executions.services import cancel_execution
from apps.wire.fields import AnyField, FlagField, IdField, ListField, Part, StampField, TextField, WholeField, WordField
from apps.wire.paging import list_page
from apps.wire.stamps import stamp
from apps.wire.viewsets import WireView, WireViewSet

STEPS_SHOWN = 1000


class ExecutionStepSerializer(Part):
    _id = IdField(required=True)
    path = TextField(required=True)
    iteration = TextField()
    attempt = WholeField()
    kind = TextField(required=True)
    state = WordField(Step.State.values, required=True)
    effect = TextField()
    message = TextField()
    endedAt = StampField()
    numSuccess = WholeField()
    numError = WholeField()
    numIgnore = WholeField()


class ExecutionSerializer(Part):
    _id = IdField(required=True)
    kind = TextField(required=True)
    state = WordField(State.values, required=True)
    reason = TextField()
    explain = TextField(required=True)
    _targetId = IdField()
    targetName = TextField()
    _integrationId = IdField()
    _parentId = IdField()
    _rootId = IdField()
    mode = TextField(required=True)
    cause = TextField()
    triggeredBy = TextField()
    canceledBy = TextField()
    createdAt = StampField(required=True)
    startedAt = StampField()
    endedAt = StampField()
    deadline = StampField()
    numSuccess = WholeField()
    numError = WholeField()
    numIgnore = WholeField()
    numPagesGenerated = WholeField()
    numPagesProcessed = WholeField()
    doneExporting = FlagField()
    steps = ListField(ExecutionStepSerializer())
    plan = AnyField()
    replay = AnyField()


class ExchangeSerializer(Part):
    _id = IdField(required=True)
    step = TextField()
    method = TextField(required=True)
    url = TextField(required=True)
    status = WholeField()
    error = TextField()
    planned = FlagField()
    kind = TextField()
    effect = TextField()
    milliseconds = AnyField()
    at = StampField()
    request = AnyField()
    response = AnyField()


class ReplaySerializer(Part):
    version = TextField()
    actionVersion = TextField()
    document = WordField(["own", "current"])


class ReplayAnswerSerializer(Part):
    _executionId = IdField(required=True)
    _replayOf = IdField()
    against = AnyField()
    same = FlagField(required=True)
    requests = AnyField()
    reason = AnyField()
    counts = AnyField()
    failures = AnyField()
    output = AnyField()


class ReplayView(WireView):
    """No request goes out, yet those that would are asked of the gateway: it works outside of transactions."""

    effect_in_transaction = False
    serializer_class = ReplaySerializer
    answer_serializer = ReplayAnswerSerializer
    answer_status = 201

    def post(self, request: Request, _id: str) -> Response:
        """Runs it again on recorded answers, on its own version or another, and answers what differs."""
        execution = Execution.objects.for_actor(self.actor).find(_id)
        body = self.body() if request.data else {}
        wanted = Wanted(
            version=body.get("version", ""),
            action_version=body.get("actionVersion", ""),
            document="current" if body.get("document") == "current" else "",
        )
        row = replay_execution(actor=self.actor, execution=execution, wanted=wanted)
        return Response({"_executionId": row.hex_id, **shown_replay(row)["replay"]}, status=201)


class ExecutionViewSet(WireViewSet):
    serializer_class = ExecutionSerializer

    def row(self) -> Execution:
        found: Execution = Execution.objects.for_actor(self.actor).find(self.kwargs["_id"])
        return found

    def retrieve(self, request: Request, _id: str) -> Response:
        return Response(show_execution(self.row()))

    def cancel(self, request: Request, _id: str) -> Response:
        """What it has started is canceled with it. 409 where it has ended already."""
        return Response(show_execution(cancel_execution(actor=self.actor, execution=self.row())))

    def exchanges(self, request: Request, _id: str) -> Response:
        """What it sent and what came back, redacted, a page at a time."""
        return list_page(Exchange.objects.filter(execution=self.row()), request=request, show=show_exchange)

    def requests(self, request: Request, _id: str) -> Response:
        """Of a plan: the writes that a run would send, in order; of any other execution, all that is kept."""
        row = self.row()
        kept = Exchange.objects.filter(execution=row)
        return list_page(
            kept.filter(planned=True) if row.mode == Mode.PLAN else kept, request=request, show=show_exchange
        )


def show_execution(row: Execution) -> dict[str, Any]:
    steps = list(Step.objects.filter(execution=row).order_by("id")[:STEPS_SHOWN])
    for step in steps:
        step.execution = row
    tallies = tallies_of([row], steps=steps)
    tally = tallies.runs[row.id]
    return {
        "_id": row.hex_id,
        "kind": row.kind,
        "state": row.state,
        "reason": row.reason,
        "explain": explain(row),
        "_targetId": row.target_id and hex24(row.target_id),
        "targetName": row.target_name,
        "_integrationId": row.integration_id and hex24(row.integration_id),
        "_parentId": row.parent_id and hex24(row.parent_id),
        "_rootId": hex24(row.root_id),
        "mode": row.mode,
        "cause": row.cause,
        "triggeredBy": row.triggered_by,
        "canceledBy": row.canceled_by,
        "createdAt": stamp(row.created_at),
        "startedAt": stamp(row.started_at),
        "endedAt": stamp(row.ended_at),
        "deadline": stamp(row.deadline),
        "numSuccess": tally.success,
        "numError": tally.error,
        "numIgnore": tally.ignore,
        "numPagesGenerated": row.pages_generated,
        "numPagesProcessed": tally.pages,
        "doneExporting": row.done_exporting,
        "steps": [show_step(step, tallies.steps[step.id]) for step in steps],
        **shown_by_kind(row),
    }


def shown_by_kind(row: Execution) -> dict[str, Any]:
    show = kinds.get(row.kind).show
    return show(row) if show else {}


def show_step(step: Step, tally: Any) -> dict[str, Any]:
    return {
        "_id": step.hex_id,
        "path": step.path,
        "iteration": step.iteration,
        "attempt": step.attempt,
        "kind": step.kind,
        "state": step.state,
        "effect": step.effect,
        "message": step.message,
        "endedAt": stamp(step.ended_at),
        "numSuccess": tally.success,
        "numError": tally.error,
        "numIgnore": tally.ignore,
    }


def show_exchange(row: Exchange) -> dict[str, Any]:
    detail = unpack(row.detail, {})
    return {
        "_id": row.hex_id,
        "step": row.step_path,
        "method": row.method,
        "url": row.url,
        "status": row.status,
        "error": row.error,
        "planned": row.planned,
        "kind": detail.get("kind"),
        "effect": detail.get("effect"),
        "milliseconds": row.milliseconds,
        "at": stamp(row.created_at),
        "request": detail.get("request"),
        "response": detail.get("response"),
    }
