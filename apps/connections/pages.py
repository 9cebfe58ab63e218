"""What end users see: the connect page, and the page that a consent leads back to. Plain HTML without scripts.

The surprise: no CSRF token guards the form. A product may show it in a frame, where no cookie of ours arrives; the
token in the address, which nobody else knows, stands for it.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from apps.connections import connect, consents
from apps.connections.connect import Choice
from apps.connections.models import ConnectSession
from apps.core.actors import system_actor
from apps.core.errors import DomainError
from apps.core.gateway import GatewayError
from apps.wire.limits import Buckets

Page = Callable[..., HttpResponse]
per_session = Buckets(size=30, refill=0.5)
per_address = Buckets(size=200, refill=20)
FRAMES = ("iframe", "frame", "embed", "object")


def guarded(page: Page) -> Page:
    """Headers that bind the page to our host, and to the frames of the products that this deployment names."""

    @wraps(page)
    def serve(request: HttpRequest, **named: str) -> HttpResponse:
        slow = per_address.take(request.META.get("REMOTE_ADDR", ""))
        if not slow and "token" in named:
            slow = per_session.take(connect.digest(named["token"]))
        if slow:
            response = told(request, "Too many tries", "Wait a minute, please, and try again.", status=429)
            response["Retry-After"] = str(max(1, round(slow)))
        else:
            response = page(request, **named)
        response["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
            f" frame-ancestors {settings.EMBED_ORIGINS}"
        )
        response["Referrer-Policy"] = "no-referrer"
        response["Cache-Control"] = "no-store"
        return response

    return xframe_options_exempt(serve)


def told(request: HttpRequest, title: str, message: str, *, status: int = 200, good: bool = False) -> HttpResponse:
    context = {"title": title, "message": message, "good": good}
    return render(request, "connect/told.html", context, status=status)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@guarded
def connect_page(request: HttpRequest, token: str) -> HttpResponse:
    try:
        session = connect.find_session(token)
    except DomainError as error:
        return told(request, "Not valid", error.message, status=404)
    if session.outcome == ConnectSession.Outcome.SUCCESS:
        return arrived(request, session)
    if request.method != "POST":
        return form(request, session)
    try:
        choice = connect.choose(session, request.POST.get("security", ""))
        if choice.form == connect.STARTED:
            return leave(request, consent_url(request, session, choice), to=choice.label)
        connect.connect(session, choice, request.POST.dict())
    except (DomainError, GatewayError) as error:
        return form(request, session, problem=error.message, status=422)
    return arrived(request, session)


def form(request: HttpRequest, session: ConnectSession, *, problem: str = "", status: int = 200) -> HttpResponse:
    """In a frame, consent pages open beside it, since they refuse to be framed; the form looks for what came of it."""
    choices = connect.choices_of(session.connector)
    framed = request.headers.get("Sec-Fetch-Dest", "") in FRAMES
    context: dict[str, Any] = {
        "name": connect.shown_label(session.connector.label, session.connector.name),
        "choices": choices,
        "several": len(choices) > 1,
        "address": connect.needs_address(session.connector),
        "problem": problem,
        "framed": framed,
        "watching": framed and all(choice.form == connect.STARTED for choice in choices),
    }
    return render(request, "connect/form.html", context, status=status)


def consent_url(request: HttpRequest, session: ConnectSession, choice: Choice) -> str:
    return consents.begin(
        actor=system_actor(session.organization_id),
        end_user=session.end_user,
        security=choice.security,
        redirect_uri=consents.callback_address(request),
        credential=session.connection,
        session=session,
    )


def leave(request: HttpRequest, url: str, *, to: str) -> HttpResponse:
    """A page that leads on by itself: a form's answer may not redirect to another host under our own policy."""
    return render(request, "connect/leave.html", {"url": url, "to": to})


def arrived(request: HttpRequest, session: ConnectSession) -> HttpResponse:
    back = connect.way_back(session, "success")
    if back:
        return leave(request, back, to="where you came from")
    name = connect.shown_label(session.connector.label, session.connector.name)
    return told(request, "Connected", f"{name} is connected. You can close this window.", good=True)


@require_GET
@guarded
def callback(request: HttpRequest) -> HttpResponse:
    try:
        connected = consents.finish(query=request.GET.dict())
    except consents.ConsentFailedError as error:
        back = connect.way_back(error.session, "denied" if error.denied else "failed") if error.session else ""
        if back:
            return HttpResponseRedirect(back)
        return told(request, "Not connected", error.message, status=400)
    if connected.session is not None:
        connect.succeed(connected.session, connected.credential)
        back = connect.way_back(connected.session, "success")
        if back:
            return HttpResponseRedirect(back)
    return told(request, "Connected", "Everything is connected. You can close this window.", good=True)
