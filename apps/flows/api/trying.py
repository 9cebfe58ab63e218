"""Exports and imports outside of flows: previews, pages, records submitted with no job, and unsaved documents.

The surprise: all of it reaches outside, so nothing of it runs in a transaction.
"""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from apps.connections.resource import CONNECTIONS
from apps.core.actors import Verb
from apps.core.errors import BadRequestError
from apps.flows.api.serializers.exports import ExportSerializer
from apps.flows.api.serializers.imports import ImportSerializer
from apps.flows.pipeline.snapshot import as_document
from apps.flows.services.resources import EXPORTS, IMPORTS
from apps.flows.trying.documents import unsaved
from apps.flows.trying.exports import all_records, data_uris, first_page, next_page, preview
from apps.flows.trying.imports import MOST_RECORDS, map_only, submit
from apps.wire.fields import (
    AnyField,
    FlagField,
    ListField,
    ObjectField,
    Part,
    TextField,
    WholeField,
)
from apps.wire.viewsets import WireView


class DataSerializer(Part):
    data = ListField(AnyField(), required=True)


class StagePart(Part):
    name = TextField()
    errors = ListField(ObjectField())
    data = ListField(AnyField())


class AddressedSerializer(DataSerializer):
    dataURIs = ListField(TextField(allow_null=True))


class PreviewSerializer(AddressedSerializer):
    stages = ListField(StagePart())


class PagedStatePart(Part):
    pageIndex = WholeField()
    pageSize = WholeField()
    totalPages = WholeField()
    totalRecords = WholeField()
    done = FlagField()
    issuedAt = WholeField()
    sig = TextField(max_length=10_000_000)


class InvokeSerializer(Part):
    pagedExportState = PagedStatePart()


class VirtualExportSerializer(Part):
    export = ObjectField(required=True)
    pagedExportState = PagedStatePart()


class PagesSerializer(AddressedSerializer):
    pagedExportState = PagedStatePart(required=True)


class VirtualImportSerializer(Part):
    """`import` is no name that a class may give a member."""

    data = ListField(AnyField(), required=True, max_length=MOST_RECORDS)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "import": ObjectField(required=True)}


class StepResponseSerializer(Part):
    statusCode = WholeField(required=True)
    errors = ListField(ObjectField())
    ignored = FlagField()
    id = AnyField()
    _json = AnyField()
    dataURI = TextField()
    headers = ObjectField()


class TryingView(WireView):
    effect_in_transaction = False


class PreviewExportView(TryingView):
    serializer_class = ExportSerializer
    answer_serializer = PreviewSerializer

    def post(self, request: Request) -> Response:
        EXPORTS.require_somewhere(actor=self.actor, verb=Verb.EDIT)
        document = unsaved(actor=self.actor, resource=EXPORTS, document=self.body())
        return Response(preview(actor=self.actor, document=document))


class InvokeExportView(TryingView):
    serializer_class = InvokeSerializer
    answer_serializer = DataSerializer

    def post(self, request: Request, _id: str) -> Response:
        row = EXPORTS.readable(self.actor).find(_id)
        EXPORTS.require(actor=self.actor, verb=Verb.EDIT, row=row)
        wanted, document = self.body(), as_document(row)
        if "pagedExportState" not in wanted:
            return Response({"data": first_page(actor=self.actor, document=document)})
        data, state = next_page(actor=self.actor, document=document, state=wanted["pagedExportState"])
        return Response({"data": data, "pagedExportState": state})


class InvokeImportView(TryingView):
    """The body is a bare list of records."""

    answer_serializer = StepResponseSerializer
    answers_list = True

    def post(self, request: Request, _id: str) -> Response:
        row = IMPORTS.readable(self.actor).find(_id)
        IMPORTS.require(actor=self.actor, verb=Verb.EDIT, row=row)
        if not isinstance(request.data, list):
            raise BadRequestError("The body must be a list of records.", code="invalid_body")
        return Response(submit(actor=self.actor, document=as_document(row), records=request.data))


class VirtualView(TryingView):
    """An unsaved document through a saved connection; what the document says of its connection does not count."""

    resource: ClassVar[Any] = EXPORTS
    member: ClassVar[str] = "export"
    document_serializer: ClassVar[Any] = ExportSerializer

    def document(self) -> tuple[dict[str, Any], Any]:
        connection = CONNECTIONS.readable(self.actor).find(self.kwargs["_id"])
        CONNECTIONS.require(actor=self.actor, verb=Verb.EDIT, row=connection)
        wanted = self.body()
        given = {"name": f"Unsaved {self.member}", **wanted[self.member], "_connectionId": connection.hex_id}
        self.document_serializer(data=given).is_valid(raise_exception=True)
        return unsaved(actor=self.actor, resource=self.resource, document=given), wanted


class VirtualExportView(VirtualView):
    serializer_class = VirtualExportSerializer
    answer_serializer = DataSerializer

    def post(self, request: Request, _id: str) -> Response:
        document, _ = self.document()
        return Response({"data": all_records(actor=self.actor, document=document)})


class VirtualExportPagesView(VirtualView):
    serializer_class = VirtualExportSerializer
    answer_serializer = PagesSerializer

    def post(self, request: Request, _id: str) -> Response:
        document, wanted = self.document()
        state = wanted.get("pagedExportState") or {}
        data, following = next_page(actor=self.actor, document=document, state=state)
        return Response({"data": data, "dataURIs": data_uris(document, data), "pagedExportState": following})


class VirtualImportView(VirtualView):
    serializer_class = VirtualImportSerializer
    answer_serializer = StepResponseSerializer
    answers_list = True
    resource = IMPORTS
    member = "import"
    document_serializer = ImportSerializer

    def post(self, request: Request, _id: str) -> Response:
        document, wanted = self.document()
        return Response(submit(actor=self.actor, document=document, records=wanted["data"]))


class VirtualImportMapView(VirtualImportView):
    answer_serializer = None

    def post(self, request: Request, _id: str) -> Response:
        document, wanted = self.document()
        return Response(map_only(actor=self.actor, document=document, records=wanted["data"]))
