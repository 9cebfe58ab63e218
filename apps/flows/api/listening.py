"""POST /v1/exports/{_id}/data and /{token}/data: where records are sent to. The listener's own check is the key.

An export of type simple is called with an API key, and with `?runKey=` keeps the records for a later run.
"""

from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.authentication import ApiKeyAuthentication
from apps.core.actors import Actor, Verb
from apps.core.errors import BadRequestError, NotFoundError, RateLimitedError
from apps.engine.formats import CsvRules, FormatError, read_xml
from apps.engine.formats.csv_files import read_text
from apps.flows.models import Export
from apps.flows.services import listeners
from apps.flows.services.uploads import is_file, read_upload
from apps.inbound.reading import plain, read_content
from apps.inbound.verification import Incoming
from apps.wire.fields import AnyField
from apps.wire.limits import Buckets
from apps.wire.viewsets import WireView

MEDIA = {
    "json": "application/json",
    "urlencoded": "application/x-www-form-urlencoded",
    "plaintext": "text/plain",
}
buckets = Buckets(size=4000, refill=2000)


class AnyBody(BaseParser):
    """The body as it was sent: a signature is of that."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> bytes:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        body: bytes = stream.read(most + 1)
        if len(body) > most:
            raise RequestDataTooBig
        return body


class ListenerView(WireView):
    authentication_classes = []
    permission_classes = [AllowAny]
    parser_classes = [AnyBody]
    throttle_classes: ClassVar[list[Any]] = []
    serializer_class = AnyField
    answer_status = 204

    def post(self, request: Request, _id: str, token: str = "") -> HttpResponse:
        export = listeners.find_listener(_id)
        wait = buckets.take(export.id)
        if wait:
            raise RateLimitedError("This address is called too often.", retry_after=max(1, round(wait)))
        incoming = read(request, export)
        if export.type == "simple":
            return self.take_upload(request, export, incoming)
        challenge = listeners.challenge_of(export, incoming, token=token)
        if challenge is not None:
            return answered(challenge)
        listeners.verify(export, incoming, token=token)
        listeners.receive_records(export, incoming.content)
        return answered(listeners.answer_of(export, incoming.content))

    def get(self, request: Request, _id: str, token: str = "") -> HttpResponse:
        """A provider asks whether this address is ours, before it sends anything."""
        export = listeners.find_listener(_id)
        wait = buckets.take(export.id)
        if wait:
            raise RateLimitedError("This address is called too often.", retry_after=max(1, round(wait)))
        challenge = listeners.challenge_of(export, read(request, export), token=token)
        if challenge is None:
            raise NotFoundError(f"Export {export.hex_id} was not found.")
        return answered(challenge)

    def take_upload(self, request: Request, export: Export, incoming: Incoming) -> Response:
        actor = caller(request, export)
        if "runKey" in request.query_params:
            run_key = request.query_params["runKey"]
            listeners.keep_upload(actor=actor, export=export, payload=incoming.content, run_key=run_key)
        else:
            actor.require(Verb.RUN, integration_id=export.integration_id)
            listeners.receive_records(export, incoming.content)
        return Response(status=204)


def answered(said: listeners.Said) -> HttpResponse:
    headers = {"X-Content-Type-Options": "nosniff", "Content-Type": said.content_type, **said.headers}
    return HttpResponse(said.body, status=said.status, headers=headers)


def caller(request: Request, export: Export) -> Actor:
    """Raises NotVerifiedError for no key, NotFoundError for another organization's."""
    found = ApiKeyAuthentication().authenticate(request)
    if found is None:
        raise listeners.NotVerifiedError("Records are uploaded to this export with an API key.")
    actor = found[0].actor
    if not Export.objects.for_actor(actor).filter(pk=export.pk).exists():
        raise NotFoundError(f"Export {export.hex_id} was not found.")
    return actor


def read(request: Request, export: Export) -> Incoming:
    headers = plain({name.lower(): value for name, value in request.headers.items()})
    body = request.data if isinstance(request.data, bytes) else b""
    wanted = (export.document.get("webhook") or {}).get("requestMediaType")
    if export.type == "simple" and is_file(export.document):
        content = read_upload(export.document, body)
    elif wanted in ("csv", "xml") and body:
        content = read_text_of(body, media_type=wanted)
    else:
        content = read_content(body, MEDIA.get(wanted or "", "") or headers.get("content-type", ""))
    query = {name: str(value) for name, value in request.query_params.items()}
    return Incoming(request.method or "", headers, plain(query), body, content)


def read_text_of(body: bytes, *, media_type: str) -> Any:
    """XML is `{root: …}`, CSV a list of rows under its header, as they are of answers. Raises BadRequestError."""
    try:
        if media_type == "xml":
            return read_xml(body)
        return read_text(body.decode("utf-8-sig", "replace").replace("\0", ""), CsvRules())
    except FormatError as error:
        raise BadRequestError(f"The body is not the {media_type} it should be: {error.message}") from None
