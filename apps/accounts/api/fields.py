"""Fields of the Interactor conventions: ids, naive stamps, names of actors, texts by language."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.wire.fields import ObjectField, TextField


@extend_schema_field({"type": "string", "format": "uuid"})
class UuidField(TextField):
    """Written, it may be any text: what is no id of ours is refused where it is used."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=255, **options)


@extend_schema_field({"type": "string", "format": "uuid"})
class UuidOrNullField(UuidField):
    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, **options)


@extend_schema_field({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"})
class NaiveStampField(TextField):
    """UTC, without saying so."""


@extend_schema_field({"type": "string", "description": "Who did it: a name or a UUID, as the kind has it."})
class PersonField(TextField):
    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, **options)


@extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
class LabelField(ObjectField):
    """Texts by language."""

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        wrong = {key: ["Must be a text."] for key, text in found.items() if not isinstance(text, str)}
        if wrong:
            raise serializers.ValidationError(wrong)
        return found
