"""/api/v1/entities, /api/v1/suggestions and /api/v1/blueprints, in the Rely conventions."""

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from apps.catalog import services, suggestions
from apps.catalog.api.members import entity_members, suggestion_fields
from apps.catalog.api.shapes import (
    AppliedSerializer,
    ApplySerializer,
    BlueprintSerializer,
    EntityPageSerializer,
    EntitySerializer,
    EntityWriteSerializer,
    SuggestionPageSerializer,
    SuggestionSerializer,
    SuggestionWriteSerializer,
)
from apps.catalog.documents import blueprint_document, entity_document, suggestion_document
from apps.catalog.models import Blueprint, Entity, Suggestion
from apps.core.actors import Verb
from apps.wire.cursors import cursor_page
from apps.wire.query import read_flag
from apps.wire.rely import NO_ANSWER, PAGE, RelyViewSet

PATCH = OpenApiParameter("patch", type=bool, description="Merge properties and relations instead of replacing them.")
DRY_RUN = OpenApiParameter("dry_run", type=bool, description="Compute both states, write nothing.")
IGNORED = OpenApiParameter("ignored", type=bool, description="Keep only (not) ignored ones.")
ORIGIN = OpenApiParameter("origin_id", description="Keep suggestions of one flow.")


class EntityViewSet(RelyViewSet):
    serializer_class = EntityWriteSerializer
    answer_serializers = {
        "page": EntityPageSerializer,
        "create": EntitySerializer,
        "retrieve": EntitySerializer,
        "upsert": EntitySerializer,
        "destroy": NO_ANSWER,
    }
    parameters = {"page": PAGE, "upsert": [PATCH]}

    def page(self, request: Request) -> Response:
        self.actor.require(Verb.VIEW)
        return cursor_page(Entity.objects.for_actor(self.actor).shown(), request=request, show=entity_document)

    def create(self, request: Request) -> Response:
        self.actor.require(Verb.EDIT)
        body = self.body()
        saved = services.save_entity(
            organization_id=self.actor.organization_id, actor=self.actor, id=body["id"], must_be_new=True,
            **entity_members(body),
        )  # fmt: skip
        return Response(entity_document(saved.entity))

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        return Response(entity_document(Entity.objects.for_actor(self.actor).shown().named(self.kwargs["id_"])))

    def upsert(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.EDIT)
        body = self.body()
        saved = services.save_entity(
            organization_id=self.actor.organization_id, actor=self.actor, id=self.same_id(body),
            merge=read_flag(request.query_params, "patch") or False, **entity_members(body),
        )  # fmt: skip
        return Response(entity_document(saved.entity))

    def destroy(self, request: Request, **kwargs: str) -> Response:
        services.delete_entity(organization_id=self.actor.organization_id, actor=self.actor, id=self.kwargs["id_"])
        return Response(None)


class SuggestionViewSet(RelyViewSet):
    serializer_class = SuggestionWriteSerializer
    write_serializers = {"apply": ApplySerializer}
    answer_serializers = {
        "page": SuggestionPageSerializer,
        "create": SuggestionSerializer,
        "retrieve": SuggestionSerializer,
        "upsert": SuggestionSerializer,
        "destroy": NO_ANSWER,
        "apply": AppliedSerializer,
    }
    parameters = {"page": [*PAGE, IGNORED, ORIGIN], "apply": [DRY_RUN]}

    def found(self) -> Suggestion:
        row: Suggestion = Suggestion.objects.for_actor(self.actor).named(self.kwargs["id_"])
        return row

    def page(self, request: Request) -> Response:
        self.actor.require(Verb.VIEW)
        rows, query = Suggestion.objects.for_actor(self.actor), request.query_params
        ignored = read_flag(query, "ignored")
        if ignored is not None:
            rows = rows.filter(ignored=ignored)
        if "origin_id" in query:
            rows = rows.filter(origin_id=query["origin_id"])
        return cursor_page(rows, request=request, show=suggestion_document)

    def create(self, request: Request) -> Response:
        self.actor.require(Verb.EDIT)
        body = self.body()
        row, _ = suggestions.save_suggestion(
            actor=self.actor, id=body.get("id"), fields=suggestion_fields(body), must_be_new=True
        )
        return Response(suggestion_document(row))

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        return Response(suggestion_document(self.found()))

    def upsert(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.EDIT)
        body = self.body()
        row, _ = suggestions.save_suggestion(actor=self.actor, id=self.same_id(body), fields=suggestion_fields(body))
        return Response(suggestion_document(row))

    def destroy(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.DELETE)
        suggestions.delete_suggestion(actor=self.actor, suggestion=self.found())
        return Response(None)

    def apply(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.EDIT)
        row = self.found()
        body = self.body()
        done = suggestions.apply_suggestion(
            actor=self.actor,
            suggestion=row,
            target_id_override=body.get("targetIdOverride"),
            dry_run=read_flag(request.query_params, "dry_run") or False,
        )
        return Response(
            {
                "dryRun": done.dry_run,
                "ignored": done.ignored,
                "previousState": done.previous_state,
                "newState": done.new_state,
            }
        )


class BlueprintViewSet(RelyViewSet):
    serializer_class = BlueprintSerializer

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        return Response(blueprint_document(Blueprint.objects.for_actor(self.actor).named(self.kwargs["id_"])))
