"""Subscriptions and their deliveries: who gets what, what failed and why; replay, rotate, switch off and on."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
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
from apps.accounts.console.display import NOTHING, ago, badge, code, link, moment
from apps.accounts.console.names import address_of, list_url, register_kind
from apps.accounts.console.sections import Section
from apps.core import clock
from apps.core.actors import Actor, Verb
from apps.executions.payloads import unpack
from apps.inbound.routing import FIRED
from apps.subscriptions import replaying, services
from apps.subscriptions.models import Delivery, Subscription

register_kind("subscription", Subscription, field="url")
State = Delivery.State
DELIVERIES_SHOWN = 20
LOOKS = {State.PENDING: "info", State.SUCCEEDED: "success", State.FAILED: "danger", State.SKIPPED: "plain"}


def rotate(actor: Actor, row: Subscription) -> Outcome:
    secret = services.rotate_secret(actor=actor, subscription=row)
    return Outcome("For a day the old one signs too.", secret=secret)


def enable(actor: Actor, row: Subscription) -> Outcome:
    services.enable(actor=actor, subscription=row)
    return Outcome("It gets deliveries again. What was given up meanwhile waits for a replay.")


def disable(actor: Actor, row: Subscription) -> Outcome:
    services.disable(actor=actor, subscription=row)
    return Outcome("It is switched off: nothing is delivered, and what waited is given up.")


def replay_day(actor: Actor, row: Subscription) -> Outcome:
    now = clock.now()
    count = replaying.replay_range(actor=actor, subscription=row, begin=now - timedelta(days=1), end=now)
    return Outcome(f"{count} deliveries are sent again." if count else "There was nothing in the last 24 hours.")


def end(actor: Actor, row: Subscription) -> Outcome:
    services.end_subscription(actor=actor, subscription=row)
    return Outcome("The subscription is ended.", url=list_url(Subscription))


def replay(actor: Actor, row: Delivery) -> Outcome:
    replaying.replay_delivery(actor=actor, delivery=row)
    return Outcome("It is sent again, under the same message id.")


class SubscriptionStateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "failing": ("failing", lambda rows: rows.filter(failing_since__isnull=False, enabled=True)),
        "disabled": ("disabled", lambda rows: rows.filter(enabled=False)),
        "enabled": ("enabled", lambda rows: rows.filter(enabled=True)),
    }


@admin.register(Subscription)
class SubscriptionAdmin(ConsoleAdmin):
    nothing = "Whoever asks through the API to be told of events stands here."
    list_display = ("shown", "to", "user", "state", "created")
    list_filter = (SubscriptionStateFilter, WhenFilter)
    related = ("listener__hook__connector", "end_user")
    sealed = ("secret", "listener__secret", "listener__hook__secret")
    search_fields = ("name", "url")
    buttons = (
        Button("enable", "Enable", enable, Verb.EDIT, look="primary", shown=lambda row: not row.enabled),
        Button("replay", "Replay last 24 hours", replay_day, Verb.RETRY, shown=lambda row: row.enabled and row.url),
        Button(
            "rotate", "Rotate secret", rotate, Verb.EDIT, confirm="Receivers must learn the new secret within 24 hours."
        ),
        Button(
            "disable", "Disable", disable, Verb.EDIT, look="danger", shown=lambda row: row.enabled,
            confirm="What waits to be delivered is given up.",
        ),
        Button(
            "end", "End", end, Verb.DELETE, look="danger", confirm="Its deliveries go with it; the provider is told.",
        ),
    )  # fmt: skip

    @admin.display(description="subscription")
    def shown(self, row: Subscription) -> str:
        return str(row)[:100]

    def to(self, row: Subscription) -> str:
        if row.listener is None:
            return "Junction's events"
        return f"{row.listener.hook.connector.name}: {row.listener}"

    def user(self, row: Subscription) -> str:
        return row.end_user.external_id if row.end_user else NOTHING

    def state(self, row: Subscription) -> str:
        if not row.enabled:
            return badge("disabled")
        return badge("failing", look="danger") if row.failing_since else badge("enabled")

    def created(self, row: Subscription) -> str:
        return moment(row.created_at)

    def headline(self, row: Subscription) -> str:
        return self.state(row)

    def sentence(self, row: Subscription) -> str:
        if not row.enabled:
            return f"Disabled: {row.reason}." if row.reason else "Disabled."
        if row.failing_since:
            return f"Failing for {ago(row.failing_since).removesuffix(' ago')}; after five days it is disabled."
        return row.listener.reason if row.listener else ""

    def alarming(self, row: Subscription) -> bool:
        return not row.enabled or row.failing_since is not None

    def facts(self, actor: Actor, row: Subscription) -> Iterable[Fact]:
        yield Fact("Delivers to", code(row.url) if row.url else "nowhere: it has no URL")
        yield Fact("To", self.to(row))
        listener = row.listener
        if listener is None:
            patterns = row.interests.order_by("pattern").values_list("pattern", flat=True)
            yield Fact("Events", ", ".join(patterns))
        else:
            yield Fact("User", self.user(row))
            yield Fact("Registration", badge(listener.state))
            yield Fact("Provider last asked", moment(listener.checked_at, empty="never"))
            yield Fact("Repaired", f"{listener.repairs} times" if listener.repairs else "never")
            yield Fact("Last polled", moment(listener.polled_at, empty="never"))
        yield Fact("Created", moment(row.created_at))
        yield Fact("Id", row.hex_id)

    def sections(self, request: HttpRequest, actor: Actor, row: Subscription) -> Iterable[Section]:
        found = Delivery.objects.for_actor(actor).filter(subscription=row).select_related("event").defer("payload")
        rows: list[list[Any]] = [
            [
                link(address_of(one), type_of(one)),
                state_of(one),
                one.attempts,
                one.message[:120],
                moment(one.created_at),
            ]
            for one in found.order_by("-id")[:DELIVERIES_SHOWN]
        ]
        more = list_url(Delivery, f"?subscription={row.pk}") if len(rows) >= DELIVERIES_SHOWN else ""
        headers = ["Delivery", "State", "Attempts", "Message", "Created"]
        yield table_section("Deliveries", headers, rows, empty="None yet.", more=more, rank=20)
        if row.listener is not None and row.listener.variables:
            yield document_section("Variables", row.listener.variables, rank=30)


class DeliveryStateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "failed": ("dead letters", lambda rows: rows.filter(state=State.FAILED)),
        "retrying": ("tried before, waiting", lambda rows: rows.filter(state=State.PENDING, attempts__gt=0)),
        "pending": ("waiting", lambda rows: rows.filter(state=State.PENDING)),
        "succeeded": ("delivered", lambda rows: rows.filter(state=State.SUCCEEDED)),
    }


def type_of(row: Delivery) -> str:
    return str(row.event.data.get("trigger") if row.event.type == FIRED else row.event.type)


def state_of(row: Delivery) -> str:
    return badge(row.state, look=LOOKS[State(row.state)])


@admin.register(Delivery)
class DeliveryAdmin(ConsoleAdmin):
    nothing = "Each message to a subscriber appears here, with what became of it."
    list_display = ("type", "became", "receiver", "attempts", "why", "created")
    list_filter = (DeliveryStateFilter, WhenFilter)
    related = ("event", "subscription")
    heavy = ("payload", "log")
    sealed = ("subscription__secret",)
    lookups = ("subscription",)
    ids_only = True
    search_fields = ("id",)
    search_help_text = "Search by id"
    buttons = (
        Button(
            "replay", "Replay", replay, Verb.RETRY, look="primary", shown=lambda row: row.state != State.PENDING,
            confirm="It is sent again, whether the receiver has it or not.",
        ),
    )  # fmt: skip

    def type(self, row: Delivery) -> str:
        return type_of(row)

    @admin.display(description="state")
    def became(self, row: Delivery) -> str:
        return state_of(row)

    def receiver(self, row: Delivery) -> str:
        return row.subscription.url[:100] or NOTHING

    def why(self, row: Delivery) -> str:
        return row.message[:120] or NOTHING

    def created(self, row: Delivery) -> str:
        return moment(row.created_at)

    def title(self, row: Delivery) -> str:
        return f"{type_of(row)} {row.hex_id[:12]}"

    def headline(self, row: Delivery) -> str:
        return state_of(row)

    def sentence(self, row: Delivery) -> str:
        if row.state == State.PENDING and row.attempts:
            return f"{row.message} It is tried again {ago(row.next_at)}."
        return row.message

    def alarming(self, row: Delivery) -> bool:
        return row.state == State.FAILED

    def refreshing(self, row: Delivery) -> bool:
        return row.state == State.PENDING

    def facts(self, actor: Actor, row: Delivery) -> Iterable[Fact]:
        yield Fact("Subscription", link(address_of(row.subscription), str(row.subscription)[:100]))
        yield Fact("Receiver", code(row.subscription.url or NOTHING))
        yield Fact("Event", link(address_of(row.event), row.event.hex_id))
        yield Fact("Attempts", row.attempts)
        yield Fact("Last answer", row.status or NOTHING)
        yield Fact("Took", f"{row.milliseconds:.0f} ms" if row.milliseconds is not None else NOTHING)
        yield Fact("Next attempt", moment(row.next_at) if row.state == State.PENDING else NOTHING)
        yield Fact("Delivered", moment(row.delivered_at))
        yield Fact("Replayed", row.replays or "never")
        yield Fact("Id", row.hex_id)

    def sections(self, request: HttpRequest, actor: Actor, row: Delivery) -> Iterable[Section]:
        rows = [[entry.get("at"), entry.get("status"), entry.get("message")] for entry in row.log]
        yield table_section("Failed attempts", ["At", "Answer", "Message"], rows, empty="None.", rank=20)
        data = row.event.data.get("data") if row.event.type == FIRED else row.event.data
        yield document_section("Data", unpack(row.payload) if row.payload else data, rank=30)
