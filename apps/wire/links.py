"""Signed links to files that are made when they are fetched. A link is its own key, and dies on time.

Apps register what they can make by a word; the link carries that word and the ids it is about, sealed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe
from rest_framework.request import Request

from apps.core.errors import NotFoundError
from apps.wire.fields import Part, TextField

SALT = "downloads"
LIFE_SECONDS = 15 * 60


@dataclass(frozen=True)
class Download:
    """A file, piece by piece."""

    content: Iterable[bytes]
    content_type: str


Make = Callable[[dict[str, Any]], Download]  # raises NotFoundError for what is gone meanwhile
_makers: dict[str, Make] = {}


class SignedURLSerializer(Part):
    signedURL = TextField(required=True)


def register_download(kind: str, make: Make) -> None:
    if _makers.setdefault(kind, make) is not make:
        raise ValueError(f"download {kind} is registered twice")


def signed_link(request: Request, *, kind: str, name: str, about: dict[str, Any]) -> str:
    """`name` is what the file is called; `about` is JSON, read by those who hold the link: no secrets."""
    token = signing.dumps({"kind": kind, **about}, salt=SALT, compress=True)
    base = settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"
    return f"{base}/downloads/{token}/{name}"


@require_safe
def download(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    try:
        about = signing.loads(token, salt=SALT, max_age=LIFE_SECONDS)
    except signing.SignatureExpired:
        return refusal(410, "gone", "This link has died. Ask for a new one.")
    except signing.BadSignature:
        return refusal(404, "not_found", "There is nothing at this address.")
    make = _makers.get(about.get("kind", ""))
    try:
        if make is None:
            raise NotFoundError("There is nothing at this address.")
        made = make(about)
    except NotFoundError as error:
        return refusal(404, error.code, error.message)
    if request.method == "HEAD":
        response: HttpResponseBase = HttpResponse(content_type=made.content_type)
    else:
        response = StreamingHttpResponse(made.content, content_type=made.content_type)
    response["Content-Disposition"] = "attachment"
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def refusal(status: int, code: str, message: str) -> HttpResponse:
    return JsonResponse({"errors": [{"code": code, "message": message}]}, status=status)
