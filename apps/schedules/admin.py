"""Schedules: the moments to come, in their own zone, and what became of those that came."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest

from apps.accounts.console import Button, ChoiceFilter, ConsoleAdmin, Fact, Outcome, require_actor, table_section
from apps.accounts.console.display import NOTHING, ago, badge, code, moment, zone_name
from apps.accounts.console.names import links_to, register_kind
from apps.accounts.console.sections import Section
from apps.core import clock
from apps.core.actors import Actor, Verb
from apps.schedules.cron import parse_expression
from apps.schedules.models import Schedule, Tick
from apps.schedules.services import LATE_AFTER, pause_schedule

register_kind("schedule", Schedule, field="expression")
UPCOMING = 5
TICKS = 50


MISSED = {
    Schedule.Misfire.SKIP: "Moments that pass while no scheduler runs are left out.",
    Schedule.Misfire.LATEST: "Of moments that pass while no scheduler runs, the latest is made up for.",
    Schedule.Misfire.ALL: "Of moments that pass while no scheduler runs, the last {cap} are made up for.",
}
OVERLAP = {
    Schedule.Overlap.SKIP: "A moment that comes while the last run goes on is left out.",
    Schedule.Overlap.QUEUE: "A moment that comes while the last run goes on waits for its end.",
}
CLOCKS = {
    Schedule.Dst.CONTRACT: "An hour that comes twice fires twice; one that is skipped waits for the next day.",
    Schedule.Dst.REPAIR: "An hour that comes twice fires once; one that is skipped fires right after it.",
}


def pause(actor: Actor, row: Schedule) -> Outcome:
    pause_schedule(actor=actor, schedule=row, paused=True)
    return Outcome("The schedule is paused. What it starts can still be run by hand.")


def resume(actor: Actor, row: Schedule) -> Outcome:
    pause_schedule(actor=actor, schedule=row, paused=False)
    return Outcome("The schedule is resumed. What it missed meanwhile is not made up for.")


def in_zone(value: datetime, timezone: str) -> str:
    local = value.astimezone(ZoneInfo(timezone))
    return f"{local:%a %d %b %Y, %H:%M} {zone_name(local)}"


def upcoming(row: Schedule) -> list[datetime]:
    if row.next_due_at is None:
        return []
    expression, found = parse_expression(row.expression), [row.next_due_at]
    while len(found) < UPCOMING:
        following = expression.next_after(found[-1], timezone=row.timezone, dst=row.dst)
        if following is None:
            break
        found.append(following)
    return found


class EnabledFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "enabled": ("enabled", lambda rows: rows.filter(enabled=True)),
        "disabled": ("disabled", lambda rows: rows.filter(enabled=False)),
        "paused": ("paused", lambda rows: rows.filter(paused=True)),
    }


@admin.register(Schedule)
class ScheduleAdmin(ConsoleAdmin):
    nothing = "A flow whose document has a schedule stands here with its next moments."
    list_display = ("when", "target", "state", "next_due", "in_its_zone")
    list_filter = (EnabledFilter,)
    lookups = ("target_id",)
    ordering = (F("next_due_at").asc(nulls_last=True), "id")
    ids_only = True
    whole = "everything but what has a schedule of its own"
    search_fields = ("id",)
    search_help_text = "Search by id"
    buttons = (
        Button("pause", "Pause", pause, Verb.EDIT, shown=lambda row: row.enabled and not row.paused),
        Button("resume", "Resume", resume, Verb.EDIT, look="primary", shown=lambda row: row.paused),
    )

    def decorate(self, request: HttpRequest, rows: list[Any]) -> None:
        names = links_to(require_actor(request), {(row.target_kind, row.target_id) for row in rows})
        for row in rows:
            row.shown_target = names[(row.target_kind, row.target_id)]

    @admin.display(description="expression")
    def when(self, row: Schedule) -> str:
        return row.expression

    def target(self, row: Any) -> str:
        found: str = row.shown_target
        return found

    def state(self, row: Schedule) -> str:
        if not row.enabled:
            return badge("disabled")
        if row.paused:
            return badge("paused")
        if row.next_due_at is None:
            return badge("stopped")
        return badge("late" if clock.now() - row.next_due_at > LATE_AFTER else "enabled")

    def next_due(self, row: Schedule) -> str:
        return moment(row.next_due_at)

    def in_its_zone(self, row: Schedule) -> str:
        return in_zone(row.next_due_at, row.timezone) if row.next_due_at else NOTHING

    def headline(self, row: Schedule) -> str:
        return self.state(row)

    def facts(self, actor: Actor, row: Schedule) -> Iterable[Fact]:
        target = (row.target_kind, row.target_id)
        yield Fact("Starts", links_to(actor, [target])[target])
        yield Fact("Expression", code(row.expression))
        yield Fact("Time zone", row.timezone)
        yield Fact(
            "Next due",
            f"{in_zone(row.next_due_at, row.timezone)} ({ago(row.next_due_at)})" if row.next_due_at else NOTHING,
        )
        yield Fact("Reads", f"only the generator {row.generator}" if row.generator else self.whole)
        yield Fact("Missed moments", MISSED[Schedule.Misfire(row.misfire)].format(cap=row.misfire_cap))
        yield Fact("Overlap", OVERLAP[Schedule.Overlap(row.overlap)])
        yield Fact("When the clocks change", CLOCKS[Schedule.Dst(row.dst)])

    def sections(self, request: HttpRequest, actor: Actor, row: Schedule) -> Iterable[Section]:
        rows: list[list[Any]] = [[in_zone(due, row.timezone), moment(due), ago(due)] for due in upcoming(row)]
        headers = [f"In {row.timezone}", "In your zone", ""]
        yield table_section(
            "Next moments", headers, rows, empty="None: it is disabled or paused, or no moment is left.", rank=10
        )
        ticks = list(Tick.objects.for_actor(actor).filter(schedule=row).order_by("-due_at")[:TICKS])
        runs = links_to(actor, {("execution", tick.execution_id) for tick in ticks})
        rows = [
            [
                moment(tick.due_at),
                runs[("execution", tick.execution_id)] if tick.execution_id else badge("skipped"),
                tick.reason,
            ]
            for tick in ticks
        ]
        yield table_section(
            "Past moments", ["Due", "Execution", "Why it did not run"], rows, empty="None yet.", rank=20
        )
