"""What calls of the Rely API have in common: 200 everywhere, cursor pages, ids of the caller's own making, and fields
whose refusals are in the words of pydantic's first version (`contracts/rely_giosg.md`, wire details).
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.settings import api_settings

from apps.core.errors import BadRequestError, ValidationError
from apps.wire import fields
from apps.wire.cursors import DEFAULT_SIZE, MAX_SIZE
from apps.wire.dialects import Dialect
from apps.wire.query import PathValueError
from apps.wire.viewsets import WireViewSet

ID_PATTERN = r"^([a-z0-9_.-]+)$"
ID = re.compile(r"[a-z0-9_.-]+")
REQUIRED = ("value_error.missing", "field required")
CURSOR = OpenApiParameter("cursor", description="Copied from any cursor of an earlier page.")
SIZE = OpenApiParameter(
    "size",
    type={"type": "integer", "minimum": 0, "maximum": MAX_SIZE, "default": DEFAULT_SIZE},
    description="Items per page.",
)
PAGE = [CURSOR, SIZE]
NO_ANSWER: dict[str, Any] = {"type": "null"}


class Worded:
    """`words`: what a refusal is called and says, by the key that the framework knows it by."""

    words: ClassVar[Mapping[str, tuple[str, str]]] = {}

    def fail(self, key: str, **named: Any) -> Any:
        tables = (getattr(cls, "words", {}) for cls in type(self).__mro__)
        own = next((table[key] for table in tables if key in table), None)
        if own is None:
            return super().fail(key, **named)
        word, message = own
        raise serializers.ValidationError(message.format(**named), code=word)


class Common(Worded):
    words = {"required": REQUIRED, "null": ("type_error.none.not_allowed", "none is not an allowed value")}


class Text(Common, fields.TextField):
    words = {"invalid": ("type_error.str", "str type expected")}


@extend_schema_field({"type": "string", "pattern": ID_PATTERN})
class Slug(Text):
    """An id of the caller's own making."""

    words = {
        "pattern": ("value_error.str.regex", f'string does not match regex "{ID_PATTERN}"'),
        "long": ("value_error.any_str.max_length", "ensure this value has at most 255 characters"),
    }

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not ID.fullmatch(text):
            self.fail("pattern")
        if len(text) > 255:
            self.fail("long")
        return text


class Stamp(Common, fields.StampField):
    words = {"invalid": ("value_error.datetime", "invalid datetime format")}

    def to_internal_value(self, data: Any) -> str:
        try:
            return super().to_internal_value(data)
        except serializers.ValidationError:
            self.fail("invalid")
            raise


class Whole(Common, fields.WholeField):
    words = {"invalid": ("type_error.integer", "value is not a valid integer")}


class Flag(Common, fields.FlagField):
    words = {"invalid": ("type_error.bool", "value could not be parsed to a boolean")}


class Word(Common, fields.WordField):
    """One of a few words."""

    words = {"invalid_choice": ("type_error.enum", "value is not a valid enumeration member; permitted: {words}")}


class Anything(Common, fields.AnyField):
    """Any JSON value, null included."""


class Object(Common, fields.ObjectField):
    words = {"not_an_object": ("type_error.dict", "value is not a valid dict")}


class Items(Common, fields.ListField):
    words = {
        "not_a_list": ("type_error.list", "value is not a valid list"),
        "empty": ("value_error.list.min_items", "ensure this value has at least 1 items"),
    }


class Part(Common, fields.Part):
    """An object of named members; others are ignored."""

    words = {"invalid": ("type_error.dict", "value is not a valid dict")}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            word, message = self.words["invalid"]
            raise serializers.ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [message]}, code=word)
        return super().to_internal_value(data)


class Written(Part):
    """What every answer tells besides."""

    createdAt = Stamp(required=True)
    createdBy = Whole(required=True, allow_null=True)
    updatedAt = Stamp(required=True)
    updatedBy = Whole(required=True, allow_null=True)


def page_of(item: type[Part], name: str) -> type[Part]:
    """The schema of a cursor page."""
    cursors = {
        cursor: Text(allow_null=True)
        for cursor in ("current_page", "current_page_backwards", "previous_page", "next_page")
    }
    members = {"items": Items(item(), required=True), "total": Whole(allow_null=True), **cursors}
    return type(f"{name}PageSerializer", (Part,), members)


class RelyViewSet(WireViewSet):
    """`write_serializers`, `answer_serializers` and `parameters` (of the query) by action.

    The action of a list is called `page`, since what it answers is an object.
    """

    dialect = Dialect.RELY
    answer_status: ClassVar[int] = 200
    write_serializers: ClassVar[Mapping[str, Any]] = {}
    parameters: ClassVar[Mapping[str, list[OpenApiParameter]]] = {}

    @property
    def query_parameters(self) -> list[OpenApiParameter]:
        return list(self.parameters.get(self.action, []))

    def get_serializer_class(self) -> Any:
        return self.write_serializers.get(self.action, self.serializer_class)

    def body(self, *, serializer: type[serializers.Serializer[Any]] | None = None) -> dict[str, Any]:
        """The members that the serializer names, as they were written; others are ignored."""
        if not isinstance(self.request.data, Mapping):
            raise ValidationError("value is not a valid dict", code="type_error.dict")
        found = super().body(serializer=serializer)
        known: Any = (serializer or self.get_serializer_class())().fields
        return {name: value for name, value in found.items() if name in known and not known[name].read_only}

    def id_to_write(self) -> str:
        """The path's id where a PUT may create it. Raises PathValueError."""
        text = str(self.kwargs["id_"])
        if not ID.fullmatch(text) or len(text) > 255:
            message = f'string does not match regex "{ID_PATTERN}"'
            raise PathValueError(message, field="id_", code="value_error.str.regex")
        return text

    def same_id(self, body: Mapping[str, Any]) -> str:
        """The id of an upsert. Raises BadRequestError where the body names another one than the path."""
        named = self.id_to_write()
        if body.get("id") not in (None, named):
            raise BadRequestError(f"The body's id is {body['id']}, the path's is {named}", field="id")
        return named
