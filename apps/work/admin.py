"""What is still to be done: by lane, with why it waits. To read."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.console import ConsoleAdmin, Fact
from apps.accounts.console.display import NOTHING, ago, badge, moment
from apps.core import clock
from apps.core.actors import Actor
from apps.core.ids import hex24
from apps.work.models import Lane, WorkItem


class LaneFilter(admin.SimpleListFilter):
    title = "lane"
    parameter_name = "in"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Lane.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(lane=self.value()) if self.value() in Lane.values else queryset


@admin.register(WorkItem)
class WorkItemAdmin(ConsoleAdmin):
    nothing = "What is still to be done stands here until a worker has done it."
    list_display = ("kind", "lane", "state", "due", "why", "attempts", "since")
    list_filter = (LaneFilter,)
    ordering = ("due_at", "id")
    ids_only = True
    search_fields = ("id",)
    search_help_text = "Search by id"

    def state(self, row: WorkItem) -> str:
        if row.parked_on:
            return badge("parked")
        moment_now = clock.now()
        if row.lease_until and row.lease_until > moment_now:
            return badge("held")
        return badge("due" if row.due_at <= moment_now else "waiting")

    def due(self, row: WorkItem) -> str:
        return moment(row.due_at)

    def why(self, row: WorkItem) -> str:
        return row.reason or NOTHING

    def since(self, row: WorkItem) -> str:
        return ago(row.created_at)

    def headline(self, row: WorkItem) -> str:
        return self.state(row)

    def facts(self, actor: Actor, row: WorkItem) -> Iterable[Fact]:
        yield Fact("Lane", row.lane)
        yield Fact("Target", hex24(row.target_id))
        yield Fact("Due", moment(row.due_at))
        yield Fact("Held by", row.holder or "nobody")
        yield Fact("Lease until", moment(row.lease_until))
        yield Fact("Claims without progress", row.attempts)
        yield Fact("Parked on", row.parked_on or NOTHING)
        yield Fact("Why it waits", row.reason or NOTHING)
        yield Fact("Since", moment(row.created_at))
