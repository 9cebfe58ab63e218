"""Serializer fields that take JSON types at their word: `5` is no text, `"5"` no number, null only where it is said.

So a document that passes is stored as it was written, unknown members included; nothing is converted on the way.
"""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class OptionalMember:
    """Members of documents are optional unless their serializer says `required=True`."""

    def __init__(self, **options: Any) -> None:
        if not options.get("read_only"):
            options.setdefault("required", False)
        super().__init__(**options)


class TextField(OptionalMember, serializers.CharField):
    def __init__(self, **options: Any) -> None:
        options.setdefault("allow_blank", True)
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class NameField(TextField):
    """What a list shows: required, and not blank."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": True, "allow_blank": False, "max_length": 200, **options})

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.strip():
            self.fail("blank")
        return text


@extend_schema_field({"type": "string", "description": "24 hexadecimal digits; opaque to clients."})
class IdField(TextField):
    def __init__(self, **options: Any) -> None:
        super().__init__(allow_blank=False, **options)


@extend_schema_field({"type": "string", "format": "date-time", "examples": ["2017-06-19T21:27:09.945Z"]})
class StampField(TextField):
    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        serializers.DateTimeField().run_validation(text)
        return text


class WholeField(OptionalMember, serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class FlagField(OptionalMember, serializers.BooleanField):
    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class WordField(OptionalMember, serializers.ChoiceField):
    """One of a few words."""

    default_error_messages = {"invalid_choice": "Must be one of {words}."}

    def __init__(self, choices: Any, **options: Any) -> None:
        super().__init__(choices=choices, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice", words=", ".join(map(str, self.choices)))
        return data


@extend_schema_field({})
class AnyField(OptionalMember, serializers.JSONField):
    """Any JSON value, null included."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, **options)

    def to_internal_value(self, data: Any) -> Any:
        return data


@extend_schema_field({"type": "object", "additionalProperties": {}})
class ObjectField(OptionalMember, serializers.Field):
    """An object of whatever its writer likes."""

    default_error_messages = {"not_an_object": "Must be an object."}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            self.fail("not_an_object")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class ListField(OptionalMember, serializers.ListField):
    def __init__(self, child: Any, **options: Any) -> None:
        super().__init__(child=child, **options)


class TextsField(ListField):
    def __init__(self, **options: Any) -> None:
        super().__init__(TextField(), **options)


class Part(OptionalMember, serializers.Serializer[Any]):
    """An object inside a document. Members it does not name are kept."""

    default_error_messages = {"invalid": "Must be an object."}


class Document(serializers.Serializer[Any]):
    """A whole resource: checks what is written; what is shown is made by the resource itself."""

    default_error_messages = {"invalid": "The body must be an object."}

    _id = IdField(read_only=True)
    createdAt = StampField(read_only=True)
    lastModified = StampField(read_only=True)
