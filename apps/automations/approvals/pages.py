"""The page behind a mailed link. Opening it changes nothing; its form, which is a POST, answers.

The surprise: no CSRF token guards the form. The token in the address, which was mailed to one person, stands for it; a
browser that is signed in to the console as somebody else is refused, for a forwarded link is not that person's.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.accounts.models import User
from apps.accounts.services import find_actor
from apps.automations.approvals import links, people, services, showing
from apps.automations.approvals.links import Ticket
from apps.automations.approvals.models import Approval
from apps.core.actors import Actor
from apps.core.errors import ConflictError, DomainError, ForbiddenError, NotFoundError, ValidationError
from apps.wire.limits import Buckets

Page = Callable[..., HttpResponse]
SOURCE = "email"
per_address = Buckets(size=200, refill=20)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


def guarded(page: Page) -> Page:
    @wraps(page)
    def serve(request: HttpRequest, **named: str) -> HttpResponse:
        slow = per_address.take(request.META.get("REMOTE_ADDR", ""))
        if slow:
            response = told(request, "Too many tries", "Wait a minute, please, and try again.", status=429)
            response["Retry-After"] = str(max(1, round(slow)))
        else:
            response = page(request, **named)
        for name, value in HEADERS.items():
            response[name] = value
        return response

    return serve


def told(request: HttpRequest, title: str, message: str, *, status: int = 200, good: bool = False) -> HttpResponse:
    context = {"title": title, "message": message, "good": good}
    return render(request, "approvals/told.html", context, status=status)


TITLES = {403: "Not for you", 404: "Not found", 409: "Already answered", 410: "Not valid any more"}


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@guarded
def approval_page(request: HttpRequest, token: str) -> HttpResponse:
    try:
        ticket = links.read(token)
        approval, actor = find(request, ticket)
        people.require_approver(approval, actor=actor, email=people.email_of(actor))
        services.require_open(approval)
    except DomainError as error:
        return told(request, TITLES.get(error.status, "Not possible"), error.message, status=error.status)
    if request.method != "POST":
        return form(request, approval, approve=ticket.approve)
    reason = request.POST.get("reason", "")
    try:
        done = services.answer_approval(actor=actor, approval=approval, approve=ticket.approve, reason=reason)
    except ValidationError as error:
        return form(request, approval, approve=ticket.approve, problem=error.message, status=422)
    except (ForbiddenError, ConflictError) as error:
        return told(request, TITLES[error.status], error.message, status=error.status)
    what = "goes on now." if ticket.approve else "will not go on."
    return told(request, done.get_state_display(), f"{done.automation_name} {what}", good=True)


def find(request: HttpRequest, ticket: Ticket) -> tuple[Approval, Actor]:
    """The question, and the person that the link was mailed to, as what they are today."""
    rows = Approval.objects.select_related("execution", "requester", "answered_by", "organization")
    approval = rows.filter(pk=ticket.approval_id).first()
    if approval is None:
        raise NotFoundError("What this link asked about is not there any more.")
    user = request.user
    if isinstance(user, User) and user.pk != ticket.user_id:
        raise ForbiddenError(f"This link was mailed to somebody else, and you are signed in as {user.email}.")
    actor = None
    if User.objects.filter(pk=ticket.user_id, is_active=True).exists():
        actor = find_actor(user_id=ticket.user_id, organization_id=approval.organization_id, source=SOURCE)
    if actor is None:
        raise ForbiddenError("Whoever this link was mailed to is no member any more.")
    return approval, actor


def form(
    request: HttpRequest, approval: Approval, *, approve: bool, problem: str = "", status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "approval": approval,
        "approve": approve,
        "shown": showing.shown(approval),
        "starter": showing.starter(approval),
        "silence": showing.silence(approval),
        "longest": services.MAX_REASON,
        "problem": problem,
    }
    return render(request, "approvals/answer.html", context, status=status)
