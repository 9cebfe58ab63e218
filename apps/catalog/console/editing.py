"""What the catalogue's editors share: documents have the API's members and pass its serializers and services."""

from typing import Any

from apps.accounts.console.display import moment
from apps.core.errors import ValidationError, ValidationErrors
from apps.integrations.console import EditorAdmin


def checked(document: dict[str, Any], serializer: type[Any]) -> dict[str, Any]:
    """Raises what the serializer refuses with, or ValidationErrors for members that nothing would come of."""
    reader = serializer(data=document)
    writable = {name for name, field in reader.fields.items() if not field.read_only}
    unknown = [name for name in document if name not in writable]
    if unknown:
        raise ValidationErrors([ValidationError(f"{name} is no member of this.", field=name) for name in unknown])
    reader.is_valid(raise_exception=True)
    return document


class CatalogAdmin(EditorAdmin):
    search_fields = ("title", "natural_id")
    search_help_text = "Search by title or id"

    def revision_of(self, row: Any) -> str:
        return str(row.updated_at.isoformat())

    def changed(self, row: Any) -> str:
        return moment(row.updated_at)
