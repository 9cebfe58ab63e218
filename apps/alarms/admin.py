"""Alarms: which fire, what each has told, and a test; and the log of all messages."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.console import (
    Button,
    ChoiceFilter,
    ConsoleAdmin,
    Fact,
    Outcome,
    WhenFilter,
    document_section,
    table_section,
)
from apps.accounts.console.display import NOTHING, ago, badge, link, moment, span
from apps.accounts.console.names import address_of, list_url, register_kind
from apps.accounts.console.sections import Section
from apps.alarms import services, testing
from apps.alarms.api.serializers import AlarmSerializer
from apps.alarms.kinds import KINDS
from apps.alarms.kinds.naming import page_path
from apps.alarms.models import Alarm, Firing, Message
from apps.alarms.services import ALARMS, rule_of
from apps.alarms.texts import text_of
from apps.core import clock
from apps.core.actors import Actor, Verb
from apps.integrations.console import DocumentAdmin, delete_document

register_kind("alarm", Alarm)
State = Message.State
LOOKS = {State.PENDING: "info", State.SENT: "success", State.FAILED: "danger"}
FIRINGS_SHOWN, MESSAGES_SHOWN = 20, 20
STARTER: dict[str, Any] = {
    "name": "A flow has failed",
    "kind": "execution_failed",
    "threshold": 1,
    "window": 300,
    "groupBy": "target",
    "period": 3600,
    "tellRecovery": True,
    "urgent": False,
    "scope": {},
    "quietHours": None,
    "channels": [{"type": "email", "to": ["on-call@example.com"]}],
}
ADVICE = (
    "kind is one of {kinds}. channels: email takes to; slack takes the url of an incoming webhook; webhook takes url"
    " and secret. groupBy: target, integration or none; at most one message a group in each period (seconds)."
    ' quietHours: {{"from": "22:00", "until": "07:00", "timezone": "Europe/Helsinki"}}; urgent alarms do not heed them.'
)


def test(actor: Actor, row: Alarm) -> Outcome:
    messages = testing.send_test(actor=actor, alarm=row)
    said = " ".join(f"{one.channel_type} to {one.recipient}: {one.outcome}" for one in messages)
    good = all(one.state == State.SENT for one in messages)
    return Outcome(f"The test was sent. {said}" if good else f"The test failed. {said}", ok=good)


def enable(actor: Actor, row: Alarm) -> Outcome:
    services.switch(actor=actor, alarm=row, enabled=True)
    return Outcome("The alarm is on: it counts from now.")


def disable(actor: Actor, row: Alarm) -> Outcome:
    services.switch(actor=actor, alarm=row, enabled=False)
    return Outcome("The alarm is off: nobody is told anything.")


def delete(actor: Actor, row: Alarm) -> Outcome:
    return Outcome(f"Alarm {row} is deleted. Its log stays.", url=delete_document(ALARMS, actor, row))


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "firing": ("firing", lambda rows: rows.filter(num_firing__gt=0)),
        "ok": ("ok", lambda rows: rows.filter(num_firing=None, enabled=True)),
        "off": ("off", lambda rows: rows.filter(enabled=False)),
    }


def of_kind(name: str) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    return lambda rows: rows.filter(kind=name)


class KindFilter(ChoiceFilter):
    title = "kind"
    parameter_name = "kind"
    options = {kind.name: (kind.title.lower(), of_kind(kind.name)) for kind in KINDS.values()}


@admin.register(Alarm)
class AlarmAdmin(DocumentAdmin):
    nothing = "A rule tells people by mail, Slack or webhook when something fails, waits, or is not done."
    resource = ALARMS
    serializer = AlarmSerializer
    heavy = ()
    sealed = ("secret",)
    list_display = ("name", "looks_at", "state", "firing_for", "last_told", "tells")
    list_filter = (StateFilter, KindFilter)
    search_fields = ("name",)
    starter = STARTER
    advice = ADVICE.format(kinds=", ".join(KINDS))
    buttons = (
        Button(
            "test", "Send a test", test, Verb.EDIT, look="primary", icon="send",
            confirm="A real message goes to each of its channels.",
        ),
        Button("enable", "Switch on", enable, Verb.EDIT, shown=lambda row: not row.enabled),
        Button(
            "disable", "Switch off", disable, Verb.EDIT, shown=lambda row: row.enabled,
            confirm="What fires ends without a word, and nobody is told anything.",
        ),
        Button("delete", "Delete", delete, Verb.DELETE, look="danger", confirm="Its log stays."),
    )  # fmt: skip

    @admin.display(description="kind")
    def looks_at(self, row: Alarm) -> str:
        return KINDS[row.kind].title

    def state(self, row: Any) -> str:
        if not row.enabled:
            return badge("off", look="warning")
        return badge("firing", look="danger") if row.num_firing else badge("ok")

    def firing_for(self, row: Any) -> str:
        return span(clock.now() - row.firing_since) if row.num_firing else NOTHING

    def last_told(self, row: Any) -> str:
        return moment(row.last_told_at, empty="never")

    def tells(self, row: Alarm) -> str:
        return ", ".join(channel["type"] for channel in row.document.get("channels") or [])

    def headline(self, row: Alarm) -> str:
        return self.state(row)

    def sentence(self, row: Any) -> str:
        if not row.enabled:
            return "Switched off: nobody is told anything."
        if not row.num_firing:
            return ""
        return f"{row.num_firing} firing, the first for {ago(row.firing_since).removesuffix(' ago')}."

    def alarming(self, row: Any) -> bool:
        return bool(row.num_firing)

    def facts(self, actor: Actor, row: Any) -> Iterable[Fact]:
        rule, kind = rule_of(row), KINDS[row.kind]
        yield Fact("Kind", kind.title)
        yield Fact("Threshold", f"{rule.threshold:g} {kind.threshold_means}")
        yield Fact("Window", span(rule.window))
        yield Fact("One message a", f"{rule.group_by if rule.group_by != 'none' else 'rule'} every {span(rule.period)}")
        yield Fact("Tells recoveries", "yes" if rule.tells_recovery else "no")
        quiet = rule.quiet
        hours = f"{quiet.begin:%H:%M} to {quiet.end:%H:%M} {quiet.zone}, {', '.join(quiet.days)}" if quiet else "none"
        yield Fact("Quiet hours", f"{hours} (not heeded: it is urgent)" if quiet and rule.urgent else hours)
        yield Fact("Tells", ", ".join(f"{one.type} {', '.join(one.to)}".strip() for one in rule.channels))
        yield Fact("Last told", self.last_told(row))
        yield Fact("What to do", kind.advice)
        yield Fact("Id", row.hex_id)

    def sections(self, request: HttpRequest, actor: Actor, row: Any) -> list[Section]:
        return [firings_section(row), log_section(row), *super().sections(request, actor, row)]


def firings_section(row: Alarm) -> Section:
    found = Firing.objects.filter(alarm=row).order_by("-id")[:FIRINGS_SHOWN]
    rows = [
        [
            one.title,
            badge("recovered", look="success") if one.ended_at else badge("firing", look="danger"),
            moment(one.since),
            moment(one.ended_at),
            one.count if one.value is None else f"{one.value:g}",
            what_of(one),
            one.tellings,
        ]
        for one in found
    ]
    headers = ["Of", "State", "Since", "Until", "Count", "What", "Told"]
    return table_section("What fires and fired", headers, rows, empty="Nothing yet.", rank=10)


def what_of(firing: Firing) -> str:
    """The newest of it, with its page."""
    newest = max(firing.subjects.values(), key=lambda subject: str(subject["last"]), default=None)
    if newest is None:
        return firing.ended_by or NOTHING
    text = f"{newest['name']}: {newest['message'][:160]}"
    path = page_path(*newest["page"]) if newest["page"] else ""
    return link(path, text) if path else text


def log_section(row: Alarm) -> Section:
    found = list(Message.objects.filter(alarm=row).order_by("-id").defer("content", "log")[:MESSAGES_SHOWN])
    rows = [
        [moment(one.created_at), link(address_of(one), one.subject), one.channel_type, one.recipient[:120],
         state_of(one), one.attempts, one.outcome[:120]]
        for one in found
    ]  # fmt: skip
    more = list_url(Message, f"?alarm={row.pk}") if len(found) == MESSAGES_SHOWN else ""
    headers = ["When", "Message", "Channel", "To", "State", "Attempts", "Outcome"]
    return table_section("What was told", headers, rows, empty="Nobody was told anything yet.", more=more, rank=20)


def state_of(row: Message) -> str:
    return badge(row.state, look=LOOKS[State(row.state)])


class MessageStateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "failed": ("failed", lambda rows: rows.filter(state=State.FAILED)),
        "pending": ("waiting", lambda rows: rows.filter(state=State.PENDING)),
        "sent": ("sent", lambda rows: rows.filter(state=State.SENT)),
    }


@admin.register(Message)
class MessageAdmin(ConsoleAdmin):
    nothing = "What alarms tell, and to whom, is kept here for 90 days."
    list_display = ("when", "message", "channel", "to", "became", "attempts", "why")
    list_filter = (MessageStateFilter, WhenFilter)
    heavy = ("content", "log")
    related = ("alarm",)
    lookups = ("alarm",)
    ids_only = True
    search_fields = ("id",)
    search_help_text = "Search by id"

    def when(self, row: Message) -> str:
        return moment(row.created_at)

    def message(self, row: Message) -> str:
        return row.subject

    def channel(self, row: Message) -> str:
        return row.channel_type

    def to(self, row: Message) -> str:
        return row.recipient[:120]

    @admin.display(description="state")
    def became(self, row: Message) -> str:
        return state_of(row)

    def why(self, row: Message) -> str:
        return row.outcome[:120] or NOTHING

    def headline(self, row: Message) -> str:
        return state_of(row)

    def sentence(self, row: Message) -> str:
        if row.state == State.PENDING and row.next_at:
            return f"{row.outcome} It is tried again {ago(row.next_at)}."
        return row.outcome if row.state == State.FAILED else ""

    def alarming(self, row: Message) -> bool:
        return row.state == State.FAILED

    def refreshing(self, row: Message) -> bool:
        return row.state == State.PENDING

    def facts(self, actor: Actor, row: Message) -> Iterable[Fact]:
        alarm = row.alarm
        yield Fact("Alarm", link(address_of(alarm), alarm.name) if alarm else f"{row.alarm_name} (deleted)")
        yield Fact("What", row.what.replace("_", " "))
        yield Fact("Channel", row.channel_type)
        yield Fact("To", row.recipient)
        yield Fact("Attempts", row.attempts)
        yield Fact("Outcome", row.outcome or NOTHING)
        yield Fact("Sent", moment(row.sent_at))
        yield Fact("Id", row.hex_id)

    def sections(self, request: HttpRequest, actor: Actor, row: Message) -> Iterable[Section]:
        yield document_section("Text", text_of(row.what, row.content), rank=10)
        rows = [[entry.get("at"), entry.get("status"), entry.get("message")] for entry in row.log]
        yield table_section("Failed attempts", ["At", "Answer", "Message"], rows, empty="None.", rank=20)
