"""What calls in the Interactor conventions have in common: 200 everywhere, and `userId`, the end user on whose behalf.

An unknown `userId` is 404 wherever one is sent; where it is required, a missing one is 400.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from apps.accounts.api.fields import UuidField
from apps.accounts.end_users import find_end_user
from apps.accounts.models import EndUser
from apps.core.errors import BadRequestError
from apps.wire.dialects import Dialect
from apps.wire.fields import Part
from apps.wire.viewsets import WireView, WireViewSet, require_object

EMPTY_TEXT = {"type": "string", "const": ""}
EMPTY_OBJECT = {"type": "object", "maxProperties": 0}
USER = OpenApiParameter("userId", required=True, description="Acting user: external id, or internal UUID.")
USER_OPTIONAL = OpenApiParameter("userId", description="Acting user, optional here.")
NOTHING_TO_SAY = ""  # most calls without an answer of their own acknowledge so, as a JSON string


class IdSerializer(Part):
    id = UuidField(required=True)


class InteractorView(WireView):
    """`write_serializers` and `parameters` (of the query) by action; of a view without actions, by method."""

    dialect = Dialect.INTERACTOR
    answer_status: ClassVar[int] = 200
    write_serializers: ClassVar[Mapping[str, Any]] = {}
    parameters: ClassVar[Mapping[str, list[OpenApiParameter]]] = {}

    @property
    def query_parameters(self) -> list[OpenApiParameter]:
        return list(self.parameters.get(self.operation, []))

    @property
    def operation(self) -> str:
        return getattr(self, "action", None) or self.request.method or ""

    def get_serializer_class(self) -> Any:
        return self.write_serializers.get(self.operation, self.serializer_class)

    def end_user(self) -> EndUser | None:
        """Of a call that need not name one."""
        text = self.request.query_params.get("userId", "")
        return find_end_user(text, organization_id=self.actor.organization_id) if text else None

    def acting_user(self) -> EndUser:
        return find_end_user(self.required_query("userId"), organization_id=self.actor.organization_id)

    def required_query(self, name: str) -> str:
        text = self.request.query_params.get(name, "")
        if not text:
            raise BadRequestError(f"{name} is required.", field=name)
        return text

    def query_text(self, name: str) -> str:
        """A required parameter of the query; blank is for the caller to judge."""
        if name not in self.request.query_params:
            raise BadRequestError(f"{name} is required.", field=name)
        return self.request.query_params[name]

    def body(self, *, serializer: type[serializers.Serializer[Any]] | None = None) -> Any:
        """The members that the serializer names and the caller may write, as they were written; others are ignored.

        A required one that is missing is 400, a wrong one 422.
        """
        found = require_object(self.request.data)
        chosen: Any = serializer or self.get_serializer_class()
        reader = chosen(data=found)
        writable = {name: field for name, field in reader.fields.items() if not field.read_only}
        for name, field in writable.items():
            if field.required and (name not in found or (found[name] is None and not field.allow_null)):
                raise BadRequestError(f"{name} is required.", field=name, code="missing_required_field")
        reader.is_valid(raise_exception=True)
        return {name: found[name] for name in found if name in writable}


class InteractorViewSet(WireViewSet, InteractorView):
    """Several operations at one address."""
