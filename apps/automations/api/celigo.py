"""/v1/automations and their versions, in the Celigo conventions: what the Rely API lacks.

`_id` in an address is the row's id, or the one that its writer gave it. Documents hold all members, Junction's own too.
"""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from apps.automations import services
from apps.automations.models import Automation, AutomationVersion, Type
from apps.automations.showing import OWN, document_of
from apps.core.actors import Verb
from apps.core.errors import ValidationError
from apps.core.ids import hex24
from apps.wire.fields import (
    AnyField,
    Document,
    FlagField,
    IdField,
    ListField,
    NameField,
    ObjectField,
    Part,
    TextField,
    WholeField,
    WordField,
)
from apps.wire.paging import list_page, refuse_query
from apps.wire.stamps import stamp
from apps.wire.viewsets import WireViewSet, require_object

SHORT = frozenset({"_id", "id", "title", "createdAt", "lastModified"})
TYPE = OpenApiParameter("type", enum=list(Type.values), description="Only those of one type.")


class TagPart(Part):
    key = TextField(required=True)
    value = TextField(required=True)


class AutomationDocument(Document):
    id = NameField()
    title = TextField(required=True)
    description = TextField(allow_null=True)
    icon = TextField(allow_null=True)
    isActive = FlagField()
    needsApproval = FlagField()
    order = WholeField(allow_null=True)
    type = WordField(list(Type.values), required=True)
    arguments = ObjectField(allow_null=True)
    secrets = ObjectField(allow_null=True)
    triggers = ListField(ObjectField(), allow_null=True)
    actions = ListField(ObjectField(), allow_null=True)
    outputs = ObjectField(allow_null=True)
    tags = ListField(TagPart(), allow_null=True)
    concurrencyKey = TextField(allow_null=True)
    approval = AnyField()
    _versionId = IdField(read_only=True)
    version = WholeField(read_only=True)


class VersionDocument(Document):
    _automationId = IdField(read_only=True)
    number = WholeField(read_only=True)
    document = ObjectField(read_only=True)
    isCurrent = FlagField(read_only=True)


class AutomationViewSet(WireViewSet):
    """List, read, create 201, replace 200, delete 204."""

    serializer_class = AutomationDocument
    query_parameters = [TYPE]

    def rows(self) -> Any:
        return Automation.objects.for_actor(self.actor).select_related("version")

    def row(self) -> Automation:
        text = self.kwargs["_id"]
        rows = self.rows()
        row: Automation = rows.filter(slug=text).first() or rows.find(text)
        return row

    def document(self) -> dict[str, Any]:
        require_object(self.request.data)
        body = self.body(serializer=AutomationDocument)
        known: Any = AutomationDocument().fields
        return {name: value for name, value in body.items() if name in known and not known[name].read_only}

    def list(self, request: Request) -> Response:
        self.actor.require(Verb.VIEW)
        rows, wanted = self.rows(), request.query_params.get("type")
        if wanted is not None and wanted not in Type.values:
            raise refuse_query(f"type must be one of {', '.join(Type.values)}.", field="type")
        return list_page(rows.filter(type=wanted) if wanted else rows, request=request, show=show, short=SHORT)

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        return Response(show(self.row()))

    def create(self, request: Request) -> Response:
        self.actor.require(Verb.EDIT)
        return Response(show(services.create_automation(actor=self.actor, document=self.document())), status=201)

    def replace(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.EDIT)
        row, document = self.row(), self.document()
        if document["id"] != row.slug:
            raise ValidationError(f"id: is {row.slug}, and stays", field="id")
        return Response(show(services.replace_automation(actor=self.actor, automation=row, document=document)))

    def destroy(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.DELETE)
        services.delete_automation(actor=self.actor, automation=self.row())
        return Response(status=204)


class VersionViewSet(AutomationViewSet):
    """Every save of an automation, oldest first."""

    serializer_class = VersionDocument
    query_parameters = []

    def list(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        row = self.row()
        rows = AutomationVersion.objects.for_actor(self.actor).filter(automation=row)
        return list_page(rows, request=request, show=lambda version: show_version(row, version))

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        row = self.row()
        rows = AutomationVersion.objects.for_actor(self.actor).filter(automation=row)
        return Response(show_version(row, rows.find(self.kwargs["_versionId"])))


def show(row: Automation) -> dict[str, Any]:
    version = row.version
    return {
        "_id": row.hex_id,
        **whole_document(version),
        "_versionId": hex24(version.id) if version else None,
        "version": version.number if version else None,
        "createdAt": stamp(row.created_at),
        "lastModified": stamp(row.updated_at),
    }


def whole_document(version: AutomationVersion | None) -> dict[str, Any]:
    own = {name: version.document[name] for name in OWN if name in version.document} if version else {}
    return {**document_of(version), **own}


def show_version(row: Automation, version: AutomationVersion) -> dict[str, Any]:
    return {
        "_id": version.hex_id,
        "_automationId": row.hex_id,
        "number": version.number,
        "document": whole_document(version),
        "isCurrent": version.id == row.version_id,
        "createdAt": stamp(version.created_at),
        "lastModified": stamp(version.created_at),
    }
