"""The base of every API view: authentication, rate limit, idempotency, and a resource's viewset in a few lines."""

from functools import partial
from re import Pattern
from typing import Any, ClassVar

from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from apps.core.actors import Actor, Verb
from apps.core.errors import BadRequestError, NotFoundError
from apps.wire import gaps, idempotency
from apps.wire.dialects import Dialect
from apps.wire.errors import NotBuiltError
from apps.wire.fields import Document
from apps.wire.limits import KeyThrottle
from apps.wire.paging import SHORT_FORM, list_page
from apps.wire.patching import apply_patch

MUTATING = ("POST", "PUT", "PATCH", "DELETE")


class WireView(GenericAPIView[Any]):
    """`effect_in_transaction` is False where the call itself reaches outside: the gateway refuses to in one."""

    dialect: ClassVar[Dialect] = Dialect.CELIGO
    effect_in_transaction: ClassVar[bool] = True
    throttle_classes = [KeyThrottle]
    serializer_class = serializers.Serializer
    pagination_class = None
    metadata_class = None
    filter_backends: ClassVar[list[Any]] = []

    @property
    def actor(self) -> Actor:
        return self.request.actor  # type: ignore[attr-defined]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_nul(request, kwargs)
        key = request.headers.get(idempotency.HEADER)
        name = (request.method or "").lower()
        if key is not None and request.method in MUTATING and hasattr(self, name):
            setattr(self, name, partial(self.serve_once, getattr(self, name), key))

    def serve_once(self, serve: Any, key: str, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return idempotency.answer_once(
            request=request,
            key=key,
            atomic=self.effect_in_transaction,
            serve=partial(serve, request, *args, **kwargs),
        )

    def http_method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if gaps.is_gap(method=request.method or "", path=request.path):
            raise NotBuiltError(gaps.MESSAGE)
        return super().http_method_not_allowed(request, *args, **kwargs)

    def body(self, *, serializer: type[serializers.Serializer[Any]] | None = None) -> Any:
        """The body as it was written, once its types are right."""
        found = self.request.data
        chosen = serializer or self.get_serializer_class()
        chosen(data=found).is_valid(raise_exception=True)
        return found


class WireViewSet(ViewSetMixin, WireView):
    """Several operations at one address."""


class ResourceViewSet(WireViewSet):
    """List, read, create 201, replace 200, patch 204, delete 204 of one resource.

    `resource` holds the rules (apps.integrations.resources); `patchable` the paths that a patch may reach.
    """

    resource: ClassVar[Any]
    serializer_class: ClassVar[type[Document]]
    patchable: ClassVar[Pattern[str]]
    short_form: ClassVar[frozenset[str]] = SHORT_FORM
    lookup_field = "_id"

    def row(self, verb: Verb) -> Any:
        row = self.resource.readable(self.actor).find(self.kwargs["_id"])
        self.resource.require(actor=self.actor, verb=verb, row=row)
        return row

    def list(self, request: Request) -> Response:
        rows = self.resource.listed(self.actor)
        resource = self.resource
        return list_page(
            rows, request=request, show=resource.show_listed, short=self.short_form, counted=resource.counted
        )

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        return Response(self.shown(self.row(self.resource.read_verb)))

    def shown(self, row: Any) -> dict[str, Any]:
        return {**self.resource.show(row), **self.resource.counted([row], alone=True)[row.pk]}

    def create(self, request: Request) -> Response:
        self.resource.require_somewhere(actor=self.actor, verb=Verb.EDIT)
        row = self.resource.create(actor=self.actor, document=self.body())
        return Response(self.shown(row), status=201)

    def replace(self, request: Request, **kwargs: str) -> Response:
        row = self.row(Verb.EDIT)
        row = self.resource.replace(actor=self.actor, row=row, document=self.body())
        return Response(self.shown(row))

    def patch_listed(self, request: Request, **kwargs: str) -> Response:
        row = self.row(Verb.EDIT)
        document = apply_patch(self.resource.show(row), request.data, allowed=self.patchable)
        self.get_serializer_class()(data=document).is_valid(raise_exception=True)
        self.resource.replace(actor=self.actor, row=row, document=document)
        return Response(status=204)

    def destroy(self, request: Request, **kwargs: str) -> Response:
        self.resource.delete(actor=self.actor, row=self.row(Verb.DELETE))
        return Response(status=204)


def require_object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise BadRequestError("The body must be an object.", code="invalid_body")
    return body


def refuse_nul(request: Request, named: dict[str, Any]) -> None:
    """No database text holds NUL: an address with one leads nowhere, a query with one cannot be asked."""
    if any("\0" in str(text) for text in named.values()):
        raise NotFoundError("There is nothing at this address.")
    for name, text in request.query_params.items():
        if "\0" in name or "\0" in text:
            raise BadRequestError(f"{name} holds a NUL character.".replace("\0", ""), field=name.replace("\0", ""))
