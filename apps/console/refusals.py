"""What a person sees of an address that is not there, not for them, or failed: in the console's frame, with a way back.

Everywhere else the bare answers stay: the APIs write their own. What fails before or beside a view of theirs, such as
in a middleware, is answered here in their words too: no caller of ours ever has to read HTML.
"""

import sys
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views import defaults

from apps.accounts.console import seat_of
from apps.accounts.models import User
from apps.wire import errors
from apps.wire.dialects import dialect_of_path

PAGES = ("/connect/", "/oauth/")  # end users' own, in a browser too


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not is_console(request):
        return defaults.page_not_found(request, exception)
    told = str(exception.args[0]) if exception.args and isinstance(exception.args[0], str) else ""
    return refuse(request, status=404, title="Not found", told=told or "There is nothing at this address.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not is_console(request):
        return defaults.permission_denied(request, exception)
    told = str(exception) or "This page is not for your access level."
    return refuse(request, status=403, title="Not for you", told=told)


def failed(request: HttpRequest) -> HttpResponse:
    """What nobody caught. The frame is left out: it would ask the database, which may be what has failed."""
    failure = errors.unforeseen(sys.exc_info()[1], path=request.path)
    title = "Not now" if failure.status == 503 else "Something went wrong"
    response: HttpResponse
    if is_console(request):
        response = render(
            request, "console/refused_plain.html", {"title": title, "told": failure.message}, status=failure.status
        )
    elif request.path.startswith(PAGES):
        response = render(
            request, "connect/told.html", {"title": title, "message": failure.message}, status=failure.status
        )
    else:
        body = errors.BODIES[dialect_of_path(request.path)](failure)
        response = JsonResponse(body, status=failure.status)
    if failure.retry_after is not None:
        response["Retry-After"] = str(failure.retry_after)
    return response


def is_console(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("admin:index"))


def refuse(request: HttpRequest, *, status: int, title: str, told: str) -> HttpResponse:
    """The frame is for members: it shows a menu of what they may see."""
    user = getattr(request, "user", None)
    seat = seat_of(request) if isinstance(user, User) else None
    context: dict[str, Any] = {"title": title, "told": told, "seat": seat}
    if seat is None:
        return render(request, "console/refused_plain.html", context, status=status)
    return render(request, "console/refused.html", {**admin.site.each_context(request), **context}, status=status)
