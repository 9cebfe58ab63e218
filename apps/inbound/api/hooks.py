"""/hooks/{token} and /hooks/{token}/{listener}: what providers call. No key: the address and its checks are the door.

A plain Django view: what a notification costs is mostly what stands between the socket and the two inserts.
"""

from collections.abc import Mapping

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import RawPostDataException
from django.views.decorators.csrf import csrf_exempt

from apps.core.errors import DomainError, UnavailableError
from apps.core.ids import hex24
from apps.inbound import queue, receiving
from apps.inbound.reading import plain, read_content
from apps.inbound.receiving import Accepted
from apps.inbound.targets import Answer
from apps.inbound.verification import Incoming
from apps.wire.rendering import OrjsonRenderer
from apps.work import leases

log = structlog.get_logger(__name__)
METHODS = ("POST", "PUT", "GET")
OWN_HEADERS = frozenset(("content-length", "transfer-encoding", "connection", "set-cookie", "content-encoding"))


@csrf_exempt
def hook(request: HttpRequest, token: str, listener: str = "") -> HttpResponse:
    if request.method not in METHODS:
        return refusal(405, "A notification is sent by POST.")
    try:
        incoming = read(request)
        if incoming is None:
            return refusal(413, f"A notification has at most {receiving.MAX_BODY} bytes.")
        accepted = receiving.receive(token=token, listener_id=listener, incoming=incoming)
        if accepted.challenge is not None:
            return echo(accepted)
        if accepted.answer is not None:
            return direct_answer(accepted.answer)
        return answer(accepted)
    except UnavailableError as error:
        response = refusal(error.status, error.message)
        response["Retry-After"] = str(error.retry_after)
        return response
    except DomainError as error:
        return refusal(error.status, error.message)


def read(request: HttpRequest) -> Incoming | None:
    """None: the body is larger than is taken. Raises BadRequestError for JSON that cannot be kept."""
    size = request.META.get("CONTENT_LENGTH") or "0"
    if not size.isdigit() or int(size[:12]) > receiving.MAX_BODY:
        return None
    try:
        body = request.read(receiving.MAX_BODY + 1)
    except (OSError, RawPostDataException):
        return None
    if len(body) > receiving.MAX_BODY:
        return None
    headers = plain({name.lower(): value for name, value in request.headers.items()})
    content = read_content(body, headers.get("content-type", ""))
    return Incoming(request.method or "", headers, plain(query_of(request)), body, content)


def query_of(request: HttpRequest) -> Mapping[str, str]:
    return {name: str(value) for name, value in request.GET.items()}


def answer(accepted: Accepted) -> HttpResponse:
    row = accepted.notification
    if row is None:
        return refusal(500, "Nothing was kept.")
    if accepted.claim is None:
        told = {"id": hex24(row.id), **({"duplicate": True} if accepted.duplicate else {})}
        return JsonResponse(told, status=200 if accepted.duplicate else 202)
    with leases.until_settled([accepted.claim]):
        queue.handle([accepted.claim])
    status, headers, body = queue.answer_of(accepted.event, row)
    response = HttpResponse(body, status=status, content_type="application/json")
    for name, value in headers.items():
        if name.lower() not in OWN_HEADERS and "\n" not in value and "\r" not in value:
            response[name] = value
    return response


def direct_answer(told: Answer) -> HttpResponse:
    if told.body is None:
        return HttpResponse(b"", status=told.status, headers=dict(told.headers))
    body = OrjsonRenderer().render(told.body)
    return HttpResponse(body, status=told.status, content_type="application/json", headers=dict(told.headers))


def echo(accepted: Accepted) -> HttpResponse:
    """Plain text, whatever it holds: nobody's browser must take it for a page."""
    response = HttpResponse(accepted.challenge or "", content_type="text/plain; charset=utf-8")
    response["X-Content-Type-Options"] = "nosniff"
    return response


def refusal(status: int, message: str) -> HttpResponse:
    return JsonResponse({"error": message}, status=status)
