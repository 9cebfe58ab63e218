"""/v1/lookupcaches and what stands in them. The documents know no PATCH of a cache."""

from typing import Any

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.actors import Verb
from apps.flows.api.serializers.flows import LookupCacheSerializer
from apps.flows.services import lookup_data
from apps.flows.services.lookup_data import KEYS_PER_CALL, MAX_KEY
from apps.flows.services.resources import LOOKUP_CACHES
from apps.wire.fields import AnyField, ListField, Part, TextField
from apps.wire.viewsets import ResourceViewSet, WireView


class LookupCacheViewSet(ResourceViewSet):
    resource = LOOKUP_CACHES
    serializer_class = LookupCacheSerializer


class EntryPart(Part):
    key = TextField(required=True, allow_blank=False, max_length=MAX_KEY)
    value = AnyField(required=True)


class EntriesSerializer(Part):
    data = ListField(EntryPart(), required=True, max_length=KEYS_PER_CALL)


class KeysSerializer(Part):
    keys = ListField(TextField(), required=True, max_length=KEYS_PER_CALL)


class QuerySerializer(Part):
    keys = ListField(TextField(), max_length=KEYS_PER_CALL)
    startsWith = TextField(max_length=MAX_KEY)
    startAfterKey = TextField(max_length=MAX_KEY)


class CacheView(WireView):
    def cache(self) -> Any:
        return LOOKUP_CACHES.readable(self.actor).find(self.kwargs["_id"])


class LookupDataView(CacheView):
    serializer_class = EntriesSerializer

    def post(self, request: Request, _id: str) -> Response:
        lookup_data.upsert_data(actor=self.actor, cache=self.cache(), entries=self.allowed_body()["data"])
        return Response({})

    def delete(self, request: Request, _id: str) -> Response:
        wanted = self.allowed_body(serializer=KeysSerializer)
        lookup_data.delete_data(actor=self.actor, cache=self.cache(), keys=wanted["keys"])
        return Response(status=204)

    def allowed_body(self, **options: Any) -> Any:
        """Who may not write learns that first, not what is wrong with the body."""
        LOOKUP_CACHES.require(actor=self.actor, verb=Verb.EDIT, row=self.cache())
        return self.body(**options)


class ReadLookupDataView(CacheView):
    serializer_class = QuerySerializer
    answer_serializer = EntriesSerializer

    def post(self, request: Request, _id: str) -> Response:
        cache, wanted = self.cache(), self.body()
        found = lookup_data.read_data(
            cache=cache,
            keys=wanted.get("keys"),
            starts_with=wanted.get("startsWith", ""),
            after=wanted.get("startAfterKey", ""),
        )
        return Response({"data": found})


class PurgeLookupDataView(CacheView):
    def delete(self, request: Request, _id: str) -> Response:
        lookup_data.purge_data(actor=self.actor, cache=self.cache())
        return Response(status=204)


paths = [
    path("lookupcaches", LookupCacheViewSet.as_view({"get": "list", "post": "create"}, detail=False)),
    path(
        "lookupcaches/<str:_id>",
        LookupCacheViewSet.as_view({"get": "retrieve", "put": "replace", "delete": "destroy"}, detail=True),
    ),
    path("lookupcaches/<str:_id>/data", LookupDataView.as_view()),
    path("lookupcaches/<str:_id>/getData", ReadLookupDataView.as_view()),
    path("lookupcaches/<str:_id>/data/purge", PurgeLookupDataView.as_view()),
]
