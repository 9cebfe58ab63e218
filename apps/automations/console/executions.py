"""What an execution's page shows of an automation's run: its actions with what came of them, and what it began with."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest

from apps.accounts.console import add_sections, document_section, table_section
from apps.accounts.console.display import NOTHING, badge, code, moment, pretty
from apps.accounts.console.sections import Section
from apps.automations.runs import KIND
from apps.automations.showing import EFFECT, name_of
from apps.core.actors import Actor
from apps.executions.console.executions import STEPS_SHOWN, register_timeline
from apps.executions.models import Execution, ExecutionData, Step
from apps.executions.payloads import unpack

SHOWN = 300  # characters of an output


def timeline(actor: Actor, row: Execution) -> Section:
    names: Mapping[str, str] = stored_of(row).get("names") or {}
    steps = Step.objects.filter(execution=row).exclude(kind=EFFECT).order_by("path", "iteration")
    found = sorted(steps[:STEPS_SHOWN], key=lambda step: step.id)
    cells = [
        [
            f"{'· ' * step.path.count('.args.')}{name_of(step, names)}",
            step.kind,
            badge(step.state),
            step.message,
            shown(step),
            moment(step.ended_at),
        ]
        for step in found
    ]
    headers = ["Action", "Kind", "State", "What came of it", "Output", "Ended"]
    return table_section("Actions", headers, cells, empty="No action has begun.", rank=20)


def shown(step: Step) -> Any:
    told = unpack(step.outcome, default=[None, None, {}])[2]
    if "output" not in told:
        return NOTHING
    text = pretty(told["output"])
    return code(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def stored_of(row: Execution) -> dict[str, Any]:
    data = ExecutionData.objects.filter(execution=row).first()
    return unpack(data.input, default={}) if data else {}


def sections(request: HttpRequest, actor: Actor, row: Execution) -> Iterable[Section]:
    if row.kind != KIND:
        return
    data = ExecutionData.objects.filter(execution=row).first()
    stored = unpack(data.input, default={}) if data else {}
    outputs = unpack(data.output, default={}).get("outputs") if data else None
    if outputs:
        yield document_section("Outputs", outputs, rank=30)
    for name, title in (("event", "Event"), ("data", "Data"), ("args", "Args")):
        if stored.get(name):
            yield document_section(title, stored[name], rank=60, folded=True)


register_timeline(KIND, timeline)
add_sections(Execution, sections)
