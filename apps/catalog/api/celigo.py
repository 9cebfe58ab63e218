"""/v1/blueprints and /v1/entities, in the Celigo conventions: what the Rely API lacks of writing the catalogue.

`_id` in an address is the row's id, or the one that its writer gave it.
"""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from apps.catalog import blueprints, services
from apps.catalog.api.members import entity_members
from apps.catalog.documents import blueprint_document, entity_document
from apps.catalog.drafting import sources_of_fields
from apps.catalog.models import Blueprint, CatalogRow, Entity
from apps.core.actors import Verb
from apps.wire.fields import Document, FlagField, NameField, ObjectField, TextField, TextsField
from apps.wire.paging import list_page
from apps.wire.stamps import stamp
from apps.wire.viewsets import WireViewSet, require_object

SHORT = frozenset({"_id", "id", "title", "createdAt", "lastModified"})


class BlueprintDocument(Document):
    id = NameField(max_length=255)
    title = NameField(max_length=500)
    description = TextField(allow_null=True)
    icon = TextField(allow_null=True, max_length=200)
    schemaProperties = ObjectField()
    isActive = FlagField()
    options = ObjectField()
    relations = ObjectField()


class EntityDocument(Document):
    id = NameField(max_length=255)
    blueprintId = NameField(max_length=255)
    title = NameField(max_length=500)
    description = TextField(allow_null=True)
    isActive = FlagField()
    isHidden = FlagField()
    properties = ObjectField(allow_null=True)
    relations = ObjectField(allow_null=True)
    sources = TextsField(allow_null=True)
    fieldSources = ObjectField()


class CatalogViewSet(WireViewSet):
    """List, read, create 201, replace 200, delete 204."""

    model: ClassVar[Any]

    def rows(self) -> Any:
        return self.model.objects.for_actor(self.actor)

    def row(self) -> Any:
        text = self.kwargs["_id"]
        rows = self.rows()
        return rows.filter(natural_id=text).first() or rows.find(text)

    def show(self, row: Any) -> dict[str, Any]:
        raise NotImplementedError

    def body(self, **options: Any) -> Any:
        require_object(self.request.data)
        return super().body(**options)

    def list(self, request: Request) -> Response:
        self.actor.require(Verb.VIEW)
        return list_page(self.listed(), request=request, show=self.show, short=SHORT)

    def listed(self) -> Any:
        return self.rows()

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        return Response(self.show(self.row()))


class BlueprintViewSet(CatalogViewSet):
    model = Blueprint
    serializer_class = BlueprintDocument

    def show(self, row: Blueprint) -> dict[str, Any]:
        return {"_id": row.hex_id, **blueprint_document(row), **stamps(row)}

    def create(self, request: Request) -> Response:
        self.actor.require(Verb.EDIT)
        return Response(self.show(self.save(None)), status=201)

    def replace(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.EDIT)
        return Response(self.show(self.save(self.row())))

    def save(self, row: Blueprint | None) -> Blueprint:
        body = self.body()
        fields = {FIELDS[name]: value for name, value in body.items() if name in FIELDS}
        return blueprints.save_blueprint(actor=self.actor, id=body["id"], fields=fields, blueprint=row)

    def destroy(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.DELETE)
        blueprints.delete_blueprint(actor=self.actor, blueprint=self.row())
        return Response(status=204)


FIELDS = {
    "title": "title", "description": "description", "icon": "icon", "isActive": "is_active",
    "schemaProperties": "schema", "options": "options", "relations": "relations",
}  # fmt: skip


class EntityViewSet(CatalogViewSet):
    """`fieldSources` names where each field comes from: an automation, or "Manual", which alone is edited here. To take
    a field over from a rule, write "Manual" there.
    """

    model = Entity
    serializer_class = EntityDocument

    def rows(self) -> Any:
        return super().rows().shown()

    def listed(self) -> Any:
        """Of one `blueprintId`, or all."""
        query = self.request.query_params
        rows = self.rows()
        return rows.filter(blueprint__natural_id=query["blueprintId"]) if "blueprintId" in query else rows

    def show(self, row: Entity) -> dict[str, Any]:
        shown = entity_document(row)
        for name in ("createdAt", "createdBy", "updatedAt", "updatedBy"):
            del shown[name]
        return {"_id": row.hex_id, **shown, "fieldSources": sources_of_fields(row), **stamps(row)}

    def create(self, request: Request) -> Response:
        self.actor.require(Verb.EDIT)
        body = self.body()
        saved = services.save_entity(
            organization_id=self.actor.organization_id, actor=self.actor, id=body["id"], must_be_new=True,
            **entity_members(body),
        )  # fmt: skip
        return Response(self.show(saved.entity), status=201)

    def replace(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.EDIT)
        row, body = self.row(), self.body()
        saved = services.edit_entity(
            actor=self.actor, entity=row, id=body["id"], field_sources=body.get("fieldSources") or {},
            **entity_members(body),
        )  # fmt: skip
        return Response(self.show(saved.entity))

    def destroy(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.DELETE)
        services.delete_entity(organization_id=self.actor.organization_id, actor=self.actor, id=self.row().natural_id)
        return Response(status=204)


def stamps(row: CatalogRow) -> dict[str, Any]:
    return {"createdAt": stamp(row.created_at), "lastModified": stamp(row.updated_at)}
