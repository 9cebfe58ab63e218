"""Approvals on the console: those that wait stand first; what would run; approve, or reject with a reason."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, reverse

from apps.accounts.console import (
    ChoiceFilter,
    ConsoleAdmin,
    Fact,
    WhenFilter,
    add_sections,
    document_section,
    require_actor,
    seat_of,
    table_section,
)
from apps.accounts.console.display import NOTHING, ago, badge, link, moment
from apps.accounts.console.names import address_of, change_url, kind_named, links_to, list_url, register_kind
from apps.accounts.console.sections import Section
from apps.automations.approvals import people, showing
from apps.automations.approvals.models import Approval, ApprovalNotice
from apps.automations.approvals.services import MAX_REASON, answer_approval
from apps.core.actors import Actor
from apps.core.errors import DomainError
from apps.core.ids import hex24
from apps.executions.models import Execution

register_kind("approval", Approval, field="automation_name")
State = Approval.State
LOOKS = {
    State.WAITING: "warning", State.APPROVED: "success", State.REJECTED: "danger", State.FAILED: "danger",
    State.CANCELED: "plain",
}  # fmt: skip
ANSWERS = {"approve": True, "reject": False}
COUNTED = 99
MEMO = "_approvals_waiting"
SHOWN_OF_A_RUN = 20


def waiting_badge(request: HttpRequest) -> str:
    """For the menu: how many wait in the viewer's organization, by one indexed query that stops at a hundred."""
    seat = seat_of(request)
    if seat is None:
        return ""
    if not hasattr(request, MEMO):  # a page may build its menu twice
        setattr(request, MEMO, count_waiting(seat.actor))
    found: str = getattr(request, MEMO)
    return found


def count_waiting(actor: Actor) -> str:
    found = len(Approval.objects.for_actor(actor).waiting().values_list("pk", flat=True)[: COUNTED + 1])
    return f"{COUNTED}+" if found > COUNTED else str(found or "")


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "waiting": ("waiting", lambda rows: rows.filter(closed=False)),
        "approved": ("approved", lambda rows: rows.filter(state=State.APPROVED)),
        "rejected": ("rejected", lambda rows: rows.filter(state=State.REJECTED)),
        "late": ("nobody answered", lambda rows: rows.filter(timed_out=True)),
        "canceled": ("canceled", lambda rows: rows.filter(state=State.CANCELED)),
    }


@admin.register(Approval)
class ApprovalAdmin(ConsoleAdmin):
    nothing = "When an automation needs a person's approval, its question appears here."
    list_display = ("question", "became", "asked_of", "requested_by", "asked", "until", "answered")
    list_filter = (StateFilter, WhenFilter)
    lookups = ("automation_id", "execution")
    ordering = ("closed", "-id")
    related = ("execution", "requester", "answered_by")
    heavy = ("plan",)
    search_fields = ("automation_name",)
    search_help_text = "Search by automation or id"

    def question(self, row: Approval) -> str:
        return f"{row.automation_name}: {row.message[:100]}" if row.message else row.automation_name

    @admin.display(description="state")
    def became(self, row: Approval) -> str:
        return state_of(row)

    def asked_of(self, row: Approval) -> str:
        return people.asked_words(row)

    def requested_by(self, row: Approval) -> str:
        return str(row.requester) if row.requester else "an event"

    def asked(self, row: Approval) -> str:
        return moment(row.created_at)

    @admin.display(description="times out")
    def until(self, row: Approval) -> str:
        return moment(row.timeout_at, empty="never") if not row.closed else NOTHING

    def answered(self, row: Approval) -> str:
        return f"{row.answered_by}, {ago(row.answered_at)}" if row.answered_by else NOTHING

    def title(self, row: Approval) -> str:
        return row.automation_name

    def headline(self, row: Approval) -> str:
        return state_of(row)

    def sentence(self, row: Approval) -> str:
        if row.closed:
            return row.reason if row.timed_out or row.state == State.CANCELED else ""
        return showing.silence(row)

    def alarming(self, row: Approval) -> bool:
        return row.state == State.FAILED

    def refreshing(self, row: Approval) -> bool:
        """Not while somebody may be writing a reason on it."""
        return False

    def facts(self, actor: Actor, row: Approval) -> Iterable[Fact]:
        automation, execution = ("automation", row.automation_id), ("execution", row.execution_id)
        known = kind_named("automation") and row.automation_id
        yield Fact("Automation", links_to(actor, [automation])[automation] if known else row.automation_name)
        yield Fact("Run", link(change_url(Execution, row.execution_id), hex24(execution[1])))
        yield Fact("Requested by", self.requested_by(row))
        yield Fact("Asked of", people.asked_words(row))
        yield Fact("Asked", moment(row.created_at))
        yield Fact("Times out", moment(row.timeout_at, empty="never"))
        yield Fact("Reminder", moment(row.reminded_at or row.remind_at))
        if row.answered_by:
            yield Fact("Answered by", str(row.answered_by))
            yield Fact("Answered through", {"email": "a mailed link", "ui": "the console"}.get(row.channel, "the API"))
        if row.closed:
            yield Fact("Closed", moment(row.answered_at))
            yield Fact("Reason", row.reason or NOTHING)
        yield Fact("Id", row.hex_id)

    def sections(self, request: HttpRequest, actor: Actor, row: Approval) -> Iterable[Section]:
        if not row.closed:
            yield self.answer_section(actor, row)
        if row.message:
            yield document_section("Question", row.message, rank=10)
        shown = showing.shown(row)
        rows: list[list[Any]] = [[a.title, a.kind, a.description, a.args] for a in shown.actions]
        headers = ["Action", "Kind", "What it does", "With"]
        title = "What would run" if not row.closed else "What was asked for"
        yield table_section(title, headers, rows, empty="No action is named.", note=shown.description, rank=20)
        values: list[list[Any]] = [[name, text] for name, text in shown.values]
        yield table_section("Arguments", ["Name", "Value"], values, empty="None.", rank=30)
        notices = ApprovalNotice.objects.filter(approval=row).select_related("user").order_by("id")
        told: list[list[Any]] = [
            [str(notice.user), notice.kind, moment(notice.sent_at, empty="not yet"), notice.attempts, notice.message]
            for notice in notices[: 2 * people.TOLD_AT_MOST]
        ]
        headers = ["Member", "Mail", "Sent", "Attempts", "Message"]
        yield table_section("Who was told", headers, told, empty="Nobody could be told.", rank=40)

    def answer_section(self, actor: Actor, row: Approval) -> Section:
        """The form, or why the viewer has none."""
        refusal = ""
        try:
            people.require_approver(row, actor=actor, email=people.email_of(actor))
        except DomainError as error:
            refusal = error.message
        address = reverse("admin:automations_approval_answer", args=[row.hex_id])
        context = {"address": address, "refusal": refusal, "longest": MAX_REASON}
        return Section("Answer", "console/sections/answer.html", context, rank=5)

    def more_urls(self) -> list[URLPattern]:
        return [self.address("<str:object_id>/answer/", self.answer_view, "answer")]

    def answer_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        actor, row = require_actor(request), self.find(request, object_id)
        back = change_url(Approval, row.pk)
        approve = ANSWERS.get(request.POST.get("answer", ""))
        if approve is None:
            messages.error(request, "Say whether it is approved or rejected.")
            return HttpResponseRedirect(back)
        try:
            answer_approval(actor=actor, approval=row, approve=approve, reason=request.POST.get("reason", ""))
            messages.success(request, "Approved: it goes on." if approve else "Rejected: it will not go on.")
        except DomainError as error:
            messages.error(request, error.message)
        return HttpResponseRedirect(back)


def of_execution(request: HttpRequest, actor: Actor, execution: Execution) -> Iterable[Section]:
    """What a run has asked people, on its own page."""
    found = Approval.objects.for_actor(actor).filter(execution=execution).select_related("answered_by").defer("plan")
    rows: list[list[Any]] = [
        [
            link(address_of(row), row.message[:100] or row.path or "before the first action"),
            state_of(row),
            people.asked_words(row),
            str(row.answered_by or ""),
            row.reason[:200],
            moment(row.answered_at),
        ]
        for row in found.order_by("id")[: SHOWN_OF_A_RUN + 1]
    ]
    if rows:
        headers = ["Question", "State", "Asked of", "Answered by", "Reason", "When"]
        more = list_url(Approval, f"?execution={execution.pk}") if len(rows) > SHOWN_OF_A_RUN else ""
        yield table_section("Approvals", headers, rows[:SHOWN_OF_A_RUN], more=more, rank=8)


add_sections(Execution, of_execution)


def state_of(row: Approval) -> str:
    return badge(row.state, look=LOOKS[State(row.state)])
