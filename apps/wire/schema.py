"""One OpenAPI document a dialect, generated from views and serializers. Every operation tells its failures too.

A view says more by attributes: `answer_serializer` where the answer is not what is sent, or `answer_serializers` by
action or method (a dict is a schema as it is), `answer_status`, `answers_list`, and `takes_body` False.
"""

import inspect
from typing import Any, cast

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_array_type
from rest_framework.serializers import ListSerializer

from apps.wire.dialects import Dialect
from apps.wire.routes import operation_name

ERROR_SHAPES: dict[Dialect, dict[str, Any]] = {
    Dialect.CELIGO: {
        "type": "object",
        "required": ["errors"],
        "properties": {
            "errors": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {
                        "code": {"type": "string"},
                        "message": {"type": "string"},
                        "field": {"type": "string"},
                    },
                },
            }
        },
    },
    Dialect.INTERACTOR: {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
    Dialect.RELY: {"type": "object", "required": ["detail"], "properties": {"detail": {"type": ["string", "array"]}}},
    Dialect.GIOSG: {"type": "object", "required": ["detail"], "properties": {"detail": {"type": "string"}}},
}
FAILURES = {
    "400": "The request cannot be read, or contradicts itself.",
    "401": "No key, or not a valid one.",
    "403": "The access level is too low.",
    "404": "There is no such resource.",
    "409": "An Idempotency-Key is in use.",
    "422": "The document breaks a rule; each error names its field.",
    "429": "Too many requests; Retry-After says when to come back.",
}
SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}]
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "api_key"},
}


def action_of(view: Any) -> str:
    """What a viewset calls the operation; a plain view has no word for it."""
    action = getattr(view, "action", "")
    return action if isinstance(action, str) else ""


class DialectSchema(AutoSchema):
    def get_operation_id(self) -> str:
        return operation_name(method=self.method, path=self.path, view=self.view)

    def get_description(self) -> str:
        handler = getattr(self.view, action_of(self.view) or self.method.lower(), None)
        return inspect.getdoc(handler) or ""

    def get_tags(self) -> list[str]:
        parts = [part for part in self.path.split("/") if part and not part.startswith("{")]
        return [parts[1] if parts[0] == "v1" else parts[min(2, len(parts) - 1)]]

    def get_auth(self) -> list[Any]:
        return SECURITY

    def get_override_parameters(self) -> list[Any]:
        return list(getattr(self.view, "query_parameters", []))

    def _is_list_view(self, serializer: Any = None) -> bool:
        many = isinstance(serializer, ListSerializer)
        return many or action_of(self.view) == "list" or getattr(self.view, "answers_list", False)

    def get_response_serializers(self) -> Any:
        by_action = getattr(self.view, "answer_serializers", {})
        chosen = by_action.get(action_of(self.view) or self.method) or getattr(self.view, "answer_serializer", None)
        if isinstance(chosen, dict) or not chosen or self.status() == "204":
            return chosen if isinstance(chosen, dict) else super().get_response_serializers()
        return chosen() if isinstance(chosen, type) else chosen

    def status(self) -> str:
        fixed = getattr(self.view, "answer_status", None)
        if fixed is not None:
            return str(fixed)
        if self.method == "DELETE" or action_of(self.view) in ("patch_listed", *NO_ANSWER):
            return "204"
        created = self.method == "POST" and action_of(self.view) == "create"
        return "201" if created else "200"

    def _get_request_body(self, direction: Any = "request") -> Any:
        if not getattr(self.view, "takes_body", True):
            return None
        if action_of(self.view) != "patch_listed":
            return super()._get_request_body(direction)
        operation = {
            "type": "object",
            "required": ["op", "path"],
            "properties": {
                "op": {"enum": ["add", "replace", "remove"]},
                "path": {"type": "string", "pattern": cast(Any, self.view).patchable.pattern},
                "value": {},
            },
        }
        return {
            "required": True,
            "content": {"application/json": {"schema": {**build_array_type(operation), "minItems": 1}}},
        }

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        status = self.status()
        if status == "204":
            found: dict[str, Any] = {"204": {"description": "Done."}}
        else:
            found = {status: self._get_response_for_code(self.get_response_serializers(), status, direction=direction)}
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ERROR_COMPONENT}"}}}
        for code, description in FAILURES.items():
            if self.applies(code):
                found[code] = {"description": description, "content": content}
        return found

    def applies(self, code: str) -> bool:
        if code in ("409", "422"):
            queried = code == "422" and getattr(self.view, "dialect", None) == Dialect.RELY
            return self.method != "GET" or queried
        return code != "404" or "{" in self.path


NO_ANSWER = ("resolve", "erase", "assign", "tag")
ERROR_COMPONENT = "Failure"


class DialectGenerator(SchemaGenerator):
    """Endpoints of one dialect only, as `dialect` of their views says."""

    dialect = Dialect.CELIGO

    def _get_paths_and_endpoints(self) -> list[Any]:
        return [
            entry for entry in super()._get_paths_and_endpoints() if getattr(entry[3], "dialect", None) == self.dialect
        ]

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        found = super().get_schema(request=request, public=public)
        found["info"]["title"] = f"Junction: {self.dialect} conventions"
        components = found.setdefault("components", {})
        components.setdefault("schemas", {})[ERROR_COMPONENT] = ERROR_SHAPES[self.dialect]
        components["securitySchemes"] = SECURITY_SCHEMES
        found["security"] = SECURITY
        return found


def generator_of(dialect: Dialect) -> type[DialectGenerator]:
    return type(f"{dialect.title()}Generator", (DialectGenerator,), {"dialect": dialect})
