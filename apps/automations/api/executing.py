"""POST /v1/automation/{id}/version/{id}/execute: runs exactly that version; `{input}` in, `{input, output}` out.

Automations have no other call in the Interactor API: ids come from `/v1/automations` and their versions.
"""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.automations.executing import execute_version, find_version, start_version
from apps.core.actors import Verb
from apps.core.errors import ValidationError
from apps.executions.api.execute import ExecuteView, ResultSerializer
from apps.executions.models import State
from apps.wire.viewsets import require_object


class AutomationExecuteSerializer(serializers.Serializer[Any]):
    input = serializers.DictField(required=False)


class AutomationExecuteView(ExecuteView):
    serializer_class = AutomationExecuteSerializer
    answer_serializer = ResultSerializer

    def post(self, request: Request, automationId: str, automationVersionId: str) -> Response:
        """Runs it in this call. `Prefer: respond-async`, and a run that has to wait, answer 202 with its execution."""
        self.actor.require(Verb.RUN)
        version = find_version(actor=self.actor, automation=automationId, version=automationVersionId)
        given = require_object(request.data).get("input")
        if not isinstance(given, dict | None):
            raise ValidationError("input must be an object.", field="input")
        asked: dict[str, Any] = {
            "actor": self.actor, "version": version, "input": given or {}, "cause": self.cause(),
        }  # fmt: skip
        if "respond-async" in request.headers.get("Prefer", "").lower():
            execution = start_version(**asked)
            headers = {"Preference-Applied": "respond-async"}
            return Response({"id": str(execution.id), "state": execution.state}, status=202, headers=headers)
        ended = execute_version(**asked)
        headers = {"Junction-Execution": str(ended.execution_id)}
        if ended.state != State.SUCCEEDED:
            return Response({"id": str(ended.execution_id), "state": ended.state}, status=202, headers=headers)
        return Response({"input": given or {}, "output": ended.outputs}, headers=headers)
