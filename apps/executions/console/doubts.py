"""Writes of which nobody knows whether they arrived: a person looks at the target, and says so here."""

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse

from apps.accounts.console.display import moment
from apps.accounts.console.names import address_of
from apps.accounts.console.sections import Section
from apps.core.actors import Actor
from apps.core.errors import DomainError
from apps.executions.models import Execution, Step
from apps.executions.services import settle_doubt

SHOWN = 50
ANSWERS = {"arrived": True, "lost": False}


def doubt_sections(row: Execution, *, may_settle: bool) -> Iterable[Section]:
    steps = list(Step.objects.filter(execution=row, state=Step.State.IN_DOUBT).order_by("id").defer("outcome")[:SHOWN])
    if steps and row.is_terminal:
        context = {
            "steps": [{"id": step.hex_id, "path": step, "message": step.message} for step in steps],
            "since": moment(row.ended_at),
            "address": reverse("admin:executions_execution_settle", args=[row.hex_id]) if may_settle else "",
        }
        note = "These writes may have arrived. Look at the system they went to, then say what you found."
        yield Section("In doubt", "console/sections/doubts.html", context, rank=5, note=note)


def settle(request: HttpRequest, actor: Actor, row: Execution) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    answer = ANSWERS.get(request.POST.get("answer", ""))
    if answer is None:
        messages.error(request, "Say whether it arrived or not.")
        return HttpResponseRedirect(address_of(row))
    try:
        step = settle_doubt(actor=actor, execution=row, step_id=request.POST.get("step"), arrived=answer)
        messages.success(request, f"Noted: {step} {'arrived' if answer else 'did not arrive'}.")
    except DomainError as error:
        messages.error(request, error.message)
    return HttpResponseRedirect(address_of(row))
