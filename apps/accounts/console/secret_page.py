"""What is shown once, in the answer that made it: no message carries it, whose storage is a cookie or a session."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse


def secret_page(
    request: HttpRequest, *, site: Any, opts: Any, title: str, secret: str, back: str, message: str = ""
) -> HttpResponse:
    context = {
        **site.each_context(request),
        "opts": opts,
        "title": title,
        "secret": secret,
        "message": message,
        "back": back,
    }
    request.current_app = site.name
    response = TemplateResponse(request, "console/new_secret.html", context)
    response["Cache-Control"] = "no-store"
    return response
