"""POST /v1/test/logic and /v1/test: what stored logic would do. Nothing is written anywhere outside."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import ValidationError
from apps.executions.trials import Trial, run_trial
from apps.wire.dialects import Dialect
from apps.wire.viewsets import WireView, require_object

MAX_PATHS = 20


class TrialSerializer(serializers.Serializer[Any]):
    table = serializers.CharField(required=False)
    id = serializers.CharField(required=False)
    record_path = serializers.ListField(child=serializers.ListField(), required=False)
    data = serializers.DictField(required=False)
    source = serializers.ListField(child=serializers.ListField(), required=False)


class TrialView(WireView):
    """`?userId=` and `?userCredentialId=` choose the credential that reads go out with."""

    dialect = Dialect.INTERACTOR
    effect_in_transaction = False
    serializer_class = TrialSerializer
    answer_serializer = serializers.JSONField

    def post(self, request: Request) -> Response:
        """Tries stored logic; answers the bare value, or a list of them where several paths are named."""
        trial = read_trial(require_object(request.data))
        query = request.query_params
        done = run_trial(
            trial,
            actor=self.actor,
            user=query.get("userId"),
            credential=query.get("userCredentialId"),
            query=query.dict(),
        )
        headers = {"Junction-Execution": ", ".join(str(ran.execution_id) for ran in done)}
        outputs = [ran.output for ran in done]
        return Response(outputs[0] if len(outputs) == 1 else outputs, headers=headers)


def read_trial(body: dict[str, Any]) -> Trial:
    for name in ("table", "id"):
        if not isinstance(body.get(name), str | None):
            raise ValidationError(f"{name} must be text.", field=name)
    return Trial(
        table=body.get("table") or "",
        id=body.get("id") or "",
        paths=read_paths(body.get("record_path")),
        data=body.get("data"),
        source=read_source(body.get("source")),
    )


def read_paths(paths: Any) -> tuple[tuple[str | int, ...], ...]:
    """A list of paths; one path by itself is taken for a list of one."""
    if paths is None:
        return ()
    if not isinstance(paths, list):
        raise ValidationError("record_path must be a list of paths.", field="record_path")
    if paths and not any(isinstance(path, list) for path in paths):
        paths = [paths]
    if len(paths) > MAX_PATHS:
        raise ValidationError(f"record_path: at most {MAX_PATHS} paths at once.", field="record_path")
    for index, path in enumerate(paths):
        right = isinstance(path, list) and path and all(type(name) in (str, int) for name in path)
        if not right:
            at = f"record_path[{index}]"
            raise ValidationError(f"{at} must be a list of member names and positions.", field=at)
    return tuple(tuple(path) for path in paths)


def read_source(source: Any) -> dict[str, Any]:
    if source is None:
        return {}
    if not isinstance(source, list):
        raise ValidationError("source must be a list of [name, value].", field="source")
    found = {}
    for index, pair in enumerate(source):
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise ValidationError(f"source[{index}] must be [name, value].", field=f"source[{index}]")
        found[pair[0]] = pair[1]
    return found
