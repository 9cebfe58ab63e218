"""What a person sees of an address that is not there, or not for them: in the console's frame, with a way back.

Everywhere else the bare answers stay: the APIs write their own.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views import defaults

from apps.accounts.console import seat_of
from apps.accounts.models import User


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
