"""Events, and whether every consumer has taken them. To read."""

from collections.abc import Iterable

from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.console import ChoiceFilter, ConsoleAdmin, Fact, WhenFilter, document_section, table_section
from apps.accounts.console.display import NOTHING, badge, moment
from apps.accounts.console.names import links_to
from apps.accounts.console.sections import Section
from apps.core.actors import Actor
from apps.events.models import Event


class DeliveryFilter(ChoiceFilter):
    title = "delivery"
    parameter_name = "delivery"
    options = {
        "waiting": ("waiting", lambda rows: rows.exclude(waiting_for="")),
        "failed": ("failed", lambda rows: rows.exclude(failures={})),
    }


@admin.register(Event)
class EventAdmin(ConsoleAdmin):
    nothing = "What happens is noted here while somebody listens for it, such as the end of an execution."
    list_display = ("type", "state", "when")
    list_filter = (WhenFilter, DeliveryFilter)
    heavy = ("data",)
    ids_only = True
    search_fields = ("id",)
    search_help_text = "Search by id"

    def state(self, row: Event) -> str:
        if row.waiting_for:
            return badge("waiting")
        return badge("failed" if row.failures else "done")

    def when(self, row: Event) -> str:
        return moment(row.created_at)

    def headline(self, row: Event) -> str:
        return self.state(row)

    def facts(self, actor: Actor, row: Event) -> Iterable[Fact]:
        subject = (row.subject_kind, row.subject_id)
        yield Fact("About", links_to(actor, [subject])[subject])
        yield Fact("When", moment(row.created_at))
        yield Fact("Still waited for by", ", ".join(row.consumers_left) or "nobody")
        yield Fact("Automations before it", row.depth)
        yield Fact("Id", row.hex_id)

    def sections(self, request: HttpRequest, actor: Actor, row: Event) -> Iterable[Section]:
        if row.failures:
            rows = [
                [consumer, failure.get("attempts", NOTHING), failure.get("message", NOTHING)]
                for consumer, failure in row.failures.items()
            ]
            yield table_section("Failures", ["Consumer", "Attempts", "Last message"], rows, rank=10)
        yield document_section("Data", row.data)
