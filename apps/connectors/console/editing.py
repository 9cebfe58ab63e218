"""What the connectors' editors share: documents have the API's members and go through its serializers and services."""

from typing import Any

from django.http import HttpRequest

from apps.accounts.console import require_actor
from apps.accounts.console.display import badge
from apps.connectors.authoring.author import Author
from apps.connectors.models import Connector
from apps.connectors.resolve import find_connector
from apps.core.actors import Actor, Verb
from apps.core.errors import NotFoundError, ValidationError, ValidationErrors
from apps.integrations.console import EditorAdmin


def published(row: Any) -> str:
    return badge("published" if row.published else "draft")


def is_draft(row: Any) -> bool:
    return not row.published


def checked(document: dict[str, Any], serializer: type[Any]) -> dict[str, Any]:
    """Raises what the serializer refuses with, or ValidationErrors for members that nothing would come of."""
    reader = serializer(data=document)
    unknown = [name for name in document if name not in reader.fields]
    if unknown:
        raise ValidationErrors([ValidationError(f"{name} is no member of this.", field=name) for name in unknown])
    for name, field in reader.fields.items():
        if field.required and name not in document:
            raise ValidationError(f"{name} is required.", field=name)
    reader.is_valid(raise_exception=True)
    return document


class ConnectorPartAdmin(EditorAdmin):
    """Rows that belong to a connector, which a new one's document names. The library's are not edited."""

    add_label = "New"

    def may(self, actor: Actor, verb: Verb, row: Any) -> bool:
        own = row.organization_id == actor.organization_id
        return actor.may(verb) and (own or verb is Verb.VIEW)

    def revision_of(self, row: Any) -> str:
        return str(row.updated_at.isoformat())

    def starter_of(self, request: HttpRequest) -> dict[str, Any]:
        """`?connector=` is where the person comes from."""
        text = request.GET.get("connector", "")
        try:
            name = find_connector(text, organization_id=require_actor(request).organization_id).name
        except NotFoundError:
            name = ""
        return {"connector": name, **self.starter}

    def taken_out(self, document: dict[str, Any], *, author: Author) -> Connector:
        """The connector that a new document names."""
        text = document.pop("connector", None)
        try:
            return find_connector(text, organization_id=author.actor.organization_id)
        except NotFoundError as error:
            raise ValidationError(f"connector: {error.message}", field="connector") from None
