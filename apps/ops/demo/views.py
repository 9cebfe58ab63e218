"""The sample systems' addresses under /demo/. They are there while the demonstration is, for whoever has its token."""

import hashlib
import secrets
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from apps.ops.demo import crm, shop
from apps.ops.models import Demo, DemoOrder

TOKEN_HEADER = "X-Demo-Token"
LARGEST_PAGE = 500
LARGEST_BATCH = 1000
TRUSTED_SECONDS = 2.0
_let_in: tuple[str, float] = ("", 0.0)  # a token's digest, and until when it is good


class BadQueryError(Exception):
    """The message says which parameter."""


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def answer(value: object, *, status: int = 200) -> HttpResponse:
    return HttpResponse(orjson.dumps(value), content_type="application/json", status=status)


def refuse(status: int, message: str) -> HttpResponse:
    return answer({"error": message}, status=status)


def refuse_stranger(token: str) -> HttpResponse | None:
    """One look at the database serves for two seconds: a run of the demonstration asks thousands of times."""
    global _let_in
    given = digest(token)
    known, until = _let_in
    if time.monotonic() < until and secrets.compare_digest(given, known):
        return None
    demo = Demo.objects.filter(integration__isnull=False).first()
    if demo is None:
        return refuse(404, "The demonstration is not installed.")
    if not secrets.compare_digest(given, demo.token_digest):
        return refuse(401, f"{TOKEN_HEADER} is missing or wrong. The connections of the demonstration have it.")
    _let_in = (given, time.monotonic() + TRUSTED_SECONDS)
    return None


def for_demo(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @csrf_exempt  # no browser's session counts here
    @wraps(view)
    def guarded(request: HttpRequest, **parts: Any) -> HttpResponse:
        refused = refuse_stranger(request.headers.get(TOKEN_HEADER, ""))
        if refused is not None:
            return refused
        try:
            return view(request, **parts)
        except BadQueryError as error:
            return refuse(400, str(error))

    return guarded


@for_demo
def shop_orders(request: HttpRequest) -> HttpResponse:
    if request.method != "GET":
        return refuse(405, "The shop's orders can only be read.")
    page, size = number(request, "page", default=1), number(request, "size", default=100, most=LARGEST_PAGE)
    rows = shop.orders()
    found = rows[(page - 1) * size : page * size]
    return answer({"data": found, "page": page, "pages": -(-len(rows) // size), "total": len(rows)})


@for_demo
def shop_customer(request: HttpRequest, *, customer_id: str) -> HttpResponse:
    found = shop.customers().get(customer_id)
    return answer(found) if found else refuse(404, f"There is no customer {customer_id[:40]}.")


@for_demo
def crm_orders(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return take_orders(request)
    if request.method != "GET":
        return refuse(405, "Orders are read with GET and sent with POST.")
    page, size = number(request, "page", default=1), number(request, "size", default=100, most=LARGEST_PAGE)
    sums = DemoOrder.objects.aggregate(total=Count("number"), received=Sum("received"), repeated=Sum("repeated"))
    rows = DemoOrder.objects.order_by("number").values_list("document", flat=True)[(page - 1) * size : page * size]
    return answer({"data": list(rows), **{name: value or 0 for name, value in sums.items()}})


def take_orders(request: HttpRequest) -> HttpResponse:
    """One order is answered by its own status; a list by 207 and a result for each, in order."""
    try:
        sent = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        return refuse(400, f"The body is not JSON: {error}.")
    orders = sent if isinstance(sent, list) else [sent]
    if len(orders) > LARGEST_BATCH:
        return refuse(413, f"At most {LARGEST_BATCH} orders at once.")
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > 100:
        return refuse(400, "Idempotency-Key: at most 100 characters.")
    receipts = crm.receive(orders, key=key)
    if isinstance(sent, list):
        return answer({"results": [receipt.shown() for receipt in receipts]}, status=207)
    return answer(receipts[0].shown(), status=receipts[0].status)


def number(request: HttpRequest, name: str, *, default: int, most: int = 1_000_000) -> int:
    text = request.GET.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= len(text) <= 7 or not 1 <= int(text) <= most:
        raise BadQueryError(f"{name}: must be a number from 1 to {most}.")
    return int(text)
