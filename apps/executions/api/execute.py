"""The four ways to run a component now. Each answers in an envelope of its own; see the contract's notes.

`POST /v1/execute` names all in the body and answers the bare output; the calls by path answer `{input, output}`.
"""

import hashlib
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.connectors.models import Component
from apps.core.actors import Verb
from apps.core.errors import BadRequestError, ValidationError
from apps.executions.actions import Action, run_action, start_action
from apps.executions.refreshing import refresh, values_of_steps
from apps.executions.resolution import resolve_action
from apps.wire import idempotency
from apps.wire.dialects import Dialect
from apps.wire.viewsets import WireView, require_object


class ExecuteActionSerializer(serializers.Serializer[Any]):
    connector = serializers.CharField()
    connectorVersion = serializers.CharField()
    action = serializers.CharField()
    actionVersion = serializers.CharField(required=False, allow_null=True, allow_blank=True)
    input = serializers.JSONField(required=False)
    userCredentialId = serializers.CharField(required=False, allow_null=True, allow_blank=True)


class DatatypeExecuteSerializer(serializers.Serializer[Any]):
    input = serializers.DictField(required=False)


class RefreshSerializer(serializers.Serializer[Any]):
    step = serializers.ListField(child=serializers.DictField())
    targetField = serializers.CharField()


class ResultSerializer(serializers.Serializer[Any]):
    input = serializers.JSONField()
    output = serializers.JSONField()


class ExecuteView(WireView):
    """`?userId=` is the acting user, `?userCredentialId=` one of their tokens. `Prefer: respond-async` answers 202."""

    dialect = Dialect.INTERACTOR
    effect_in_transaction = False

    @property
    def by(self) -> str:
        return str(self.actor.user_id or "")

    def resolve(self, **named: Any) -> Action:
        self.actor.require(Verb.RUN)
        query = self.request.query_params
        named.setdefault("user", query.get("userId"))
        named["credential"] = named.get("credential") or query.get("userCredentialId")
        return resolve_action(organization_id=self.actor.organization_id, query=query.dict(), **named)

    def answer(self, action: Action, *, wrapped: bool) -> Response:
        cause = self.cause()
        if "respond-async" in self.request.headers.get("Prefer", "").lower():
            execution = start_action(action, triggered_by=self.by, cause=cause)
            headers = {"Preference-Applied": "respond-async"}
            return Response({"id": str(execution.id), "state": execution.state}, status=202, headers=headers)
        ran = run_action(action, triggered_by=self.by, cause=cause)
        output = {"input": action.input, "output": ran.output} if wrapped else ran.output
        return Response(output, headers={"Junction-Execution": str(ran.execution_id)})

    def cause(self) -> str | None:
        """The same Idempotency-Key is the same execution, also after a crash that has lost its answer."""
        request = self.request._request
        key = self.request.headers.get(idempotency.HEADER)
        if not key:
            return None
        asked = hashlib.sha256(f"{key}\0{request.get_full_path()}\0".encode() + request.body).hexdigest()
        return f"key:{self.actor.organization_id.hex}:{asked}"


class ExecuteActionView(ExecuteView):
    serializer_class = ExecuteActionSerializer

    def post(self, request: Request) -> Response:
        """Runs an action by names; answers its output as it is."""
        body = require_object(request.data)
        for name in ("@type", "connector", "connectorVersion", "action"):
            if body.get(name) in (None, ""):
                raise BadRequestError(f"{name} is required.", field=name)
        if body["@type"] != "action":
            raise ValidationError("@type must be action.", field="@type")
        action = self.resolve(
            connector=body["connector"],
            connector_version=body["connectorVersion"],
            component=body["action"],
            component_version=body.get("actionVersion"),
            user=request.query_params.get("userId") or body.get("userId"),
            credential=body.get("userCredentialId"),
            input={} if body.get("input") is None else body["input"],
        )
        return self.answer(action, wrapped=False)


class ActionExecuteView(ExecuteView):
    answer_serializer = ResultSerializer

    def post(self, request: Request, connectorId: str, actionId: str) -> Response:
        """Runs an action; the body is its input."""
        body = require_object(request.data)
        return self.answer(self.resolve(connector=connectorId, component=actionId, input=body), wrapped=True)


class DatatypeExecuteView(ExecuteView):
    serializer_class = DatatypeExecuteSerializer
    answer_serializer = ResultSerializer

    def post(self, request: Request, connectorId: str, datatypeId: str) -> Response:
        """Runs a datatype, whose output are the values that it allows."""
        given = require_object(request.data).get("input")
        if not isinstance(given, dict | None):
            raise ValidationError("input must be an object.", field="input")
        kind = Component.Kind.DATATYPE
        action = self.resolve(connector=connectorId, component=datatypeId, kind=kind, input=given or {})
        return self.answer(action, wrapped=True)


class RefreshVariablesView(ExecuteView):
    serializer_class = RefreshSerializer
    answer_serializer = ResultSerializer

    def post(self, request: Request, connectorId: str, actionId: str) -> Response:
        """The values that one input of an action may have, now that others are filled in."""
        body = require_object(request.data)
        values = values_of_steps(body.get("step"))
        action = self.resolve(connector=connectorId, component=actionId, input=values)
        output = refresh(action, target=body.get("targetField"), triggered_by=self.by, cause=self.cause())
        return Response({"input": values, "output": output})
