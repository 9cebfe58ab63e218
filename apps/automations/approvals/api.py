"""/v1/approvals: questions to people, read and answered; what the documents lack, in the Celigo conventions."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from apps.automations.approvals import people, showing
from apps.automations.approvals.models import Approval
from apps.automations.approvals.services import answer_approval
from apps.automations.models import Automation
from apps.core.actors import Verb
from apps.core.ids import hex24, parse_id
from apps.wire.fields import (
    Document,
    FlagField,
    IdField,
    ObjectField,
    Part,
    StampField,
    TextField,
    TextsField,
    WordField,
)
from apps.wire.paging import list_page, refuse_query
from apps.wire.stamps import stamp
from apps.wire.viewsets import WireViewSet, require_object

SHORT = frozenset({"_id", "createdAt"})
STATES = Approval.State.values
FILTERS = [
    OpenApiParameter("state", enum=STATES, description="Only those in this state."),
    OpenApiParameter("_automationId", description="Only those of one automation, by its `_id` or its own `id`."),
    OpenApiParameter("_executionId", description="Only those of one run."),
]
SHOWN = ("execution", "requester", "answered_by")


class ApprovalSerializer(Document):
    _executionId = IdField(read_only=True)
    _automationId = IdField(read_only=True)
    name = TextField(read_only=True)
    message = TextField(read_only=True)
    state = WordField(STATES, read_only=True)
    roles = TextsField(read_only=True)
    members = TextsField(read_only=True)
    requestedBy = TextField(read_only=True, allow_null=True)
    timeoutAt = StampField(read_only=True, allow_null=True)
    onTimeout = WordField(Approval.OnTimeout.values, read_only=True)
    timedOut = FlagField(read_only=True)
    remindAt = StampField(read_only=True, allow_null=True)
    remindedAt = StampField(read_only=True, allow_null=True)
    answeredBy = TextField(read_only=True, allow_null=True)
    answeredAt = StampField(read_only=True, allow_null=True)
    reason = TextField(read_only=True)
    plan = ObjectField(read_only=True)
    mayAnswer = FlagField(read_only=True)


class AnswerSerializer(Part):
    """`reason` is required to reject."""

    reason = TextField()


class ApprovalViewSet(WireViewSet):
    serializer_class = ApprovalSerializer
    answer_serializer = ApprovalSerializer

    @property
    def query_parameters(self) -> "list[OpenApiParameter]":
        return FILTERS if self.action == "list" else []

    def row(self) -> Approval:
        found: Approval = Approval.objects.for_actor(self.actor).select_related(*SHOWN).find(self.kwargs["_id"])
        self.actor.require(Verb.VIEW, integration_id=found.execution.integration_id)
        return found

    def list(self, request: Request) -> Response:
        rows, query = Approval.objects.for_actor(self.actor).select_related(*SHOWN).defer("plan"), request.query_params
        if "state" in query:
            if query["state"] not in STATES:
                raise refuse_query(f"state must be one of {', '.join(STATES)}.", field="state")
            rows = rows.filter(state=query["state"])
        if "_executionId" in query:
            row_id = parse_id(query["_executionId"])
            rows = rows.filter(execution_id=row_id) if row_id else rows.none()
        if "_automationId" in query:
            rows = rows.filter(automation_id=self.automation_id(query["_automationId"]))
        return list_page(rows, request=request, show=show, short=SHORT)

    def automation_id(self, text: str) -> uuid.UUID:
        """By the row's id, or by the one that its writer gave it; what is neither has no approvals."""
        named = Automation.objects.for_actor(self.actor).filter(slug=text).values_list("pk", flat=True).first()
        return named or parse_id(text) or uuid.UUID(int=0)

    def retrieve(self, request: Request, _id: str) -> Response:
        return Response(self.whole(self.row()))

    def approve(self, request: Request, _id: str) -> Response:
        return self.answer(request, approve=True)

    def reject(self, request: Request, _id: str) -> Response:
        return self.answer(request, approve=False)

    def answer(self, request: Request, *, approve: bool) -> Response:
        row = self.row()
        body = require_object(request.data if request.data is not None else {})
        self.body(serializer=AnswerSerializer)
        done = answer_approval(actor=self.actor, approval=row, approve=approve, reason=body.get("reason", ""))
        return Response(self.whole(done))

    def whole(self, row: Approval) -> dict[str, Any]:
        may = not row.closed and people.may_answer(row, actor=self.actor, email=people.email_of(self.actor))
        return {**show(row), "plan": showing.plan_of(row), "mayAnswer": may}


def show(row: Approval) -> dict[str, Any]:
    return {
        "_id": row.hex_id,
        "_executionId": hex24(row.execution_id),
        "_automationId": hex24(row.automation_id) if row.automation_id else None,
        "name": row.automation_name,
        "message": row.message,
        "state": row.state,
        "roles": row.roles,
        "members": row.members,
        "requestedBy": row.requester.email if row.requester else None,
        "timeoutAt": stamp(row.timeout_at),
        "onTimeout": row.on_timeout,
        "timedOut": row.timed_out,
        "remindAt": stamp(row.remind_at),
        "remindedAt": stamp(row.reminded_at),
        "answeredBy": row.answered_by.email if row.answered_by else None,
        "answeredAt": stamp(row.answered_at),
        "reason": row.reason,
        "createdAt": stamp(row.created_at),
        "lastModified": stamp(row.updated_at),
    }
