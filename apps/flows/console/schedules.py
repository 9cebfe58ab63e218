"""What the page of a flow's schedule offers besides: running it now, and the way to where it is written."""

from collections.abc import Iterable

from apps.accounts.console import Button, Outcome, add_buttons, add_tools
from apps.accounts.console.names import address_of, change_url
from apps.core.actors import Actor, Verb
from apps.core.errors import NotFoundError
from apps.flows.models import Flow
from apps.flows.services.flows import generator_key
from apps.flows.services.runs import run_flow
from apps.schedules.models import Schedule


def run_scheduled(actor: Actor, row: Schedule) -> Outcome:
    """Of a generator's own schedule that generator alone, else the whole flow."""
    flow = scheduled_flow(actor, row)
    export_ids = [found for found in [exported_by(flow, row.generator)] if found]
    execution = run_flow(actor=actor, flow=flow, export_ids=export_ids)
    return Outcome(f"{flow} is queued to run.", url=address_of(execution))


def exported_by(flow: Flow, generator: str) -> str:
    """The export of a generator with a schedule of its own."""
    entries = flow.document.get("pageGenerators") or []
    return next((str(e["_exportId"]) for e in entries if generator and generator_key(e) == generator), "")


def scheduled_flow(actor: Actor, row: Schedule) -> Flow:
    flow: Flow | None = Flow.objects.for_actor(actor).filter(pk=row.target_id).first()
    if flow is None:
        raise NotFoundError("The flow of this schedule is gone.")
    return flow


def schedule_tools(actor: Actor, row: Schedule) -> Iterable[tuple[str, str]]:
    flow = Flow.objects.for_actor(actor).filter(pk=row.target_id).first() if row.target_kind == "flow" else None
    if flow is not None and actor.may(Verb.EDIT, integration_id=flow.integration_id):
        yield "Edit at its flow", change_url(Flow, flow.pk).replace("/change/", "/edit/")


add_buttons(
    Schedule,
    Button(
        "run", "Run now", run_scheduled, Verb.RUN, icon="play_arrow", look="primary",
        shown=lambda row: row.target_kind == "flow" and row.enabled,
    ),
)  # fmt: skip
add_tools(Schedule, schedule_tools)
