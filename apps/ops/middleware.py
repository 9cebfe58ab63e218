"""Counts and logs every request. A path's secrets (hook tokens, codes) stay out of both: they are shown as ***."""

import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import Counter, Histogram

log = structlog.get_logger(__name__)
REQUESTS = Counter("junction_http_requests", "Answered requests.", ["method", "route", "status"])
SECONDS = Histogram(
    "junction_http_request_seconds", "From the request's arrival to its answer's first byte.", ["method"]
)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
SECRET_PARTS = {"token", "secret", "code", "key"}
QUIET = ("healthz", "readyz", "metrics", "demo/")  # asked all the time; the demo's systems ask themselves


class RequestMetrics:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - started
        match = request.resolver_match
        route = match.route if match else "unknown"
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, route, response.status_code).inc()
        SECONDS.labels(method).observe(seconds)
        if not route.startswith(QUIET):
            log.info(
                "request",
                method=method,
                path=public_path(request),
                status=response.status_code,
                milliseconds=round(seconds * 1000, 1),
                client=client_of(request),
                **who(request),
            )
        return response


def client_of(request: HttpRequest) -> str:
    """As the proxy in front of it says, if there is one: a hint for people, not to be trusted."""
    return (request.META.get("HTTP_X_FORWARDED_FOR") or request.META.get("REMOTE_ADDR") or "")[:100]


def public_path(request: HttpRequest) -> str:
    path = request.path
    for name, value in (request.resolver_match.kwargs if request.resolver_match else {}).items():
        if name in SECRET_PARTS:
            path = path.replace(str(value), "***")
    return path


def who(request: HttpRequest) -> dict[str, str]:
    """The organization a key or session acted for, where one was found."""
    actor = getattr(request, "actor", None) or getattr(request, "auth", None) or getattr(request, "user", None)
    organization = getattr(actor, "organization_id", None)
    return {"organization": organization.hex} if organization else {}
