"""Saving and deleting flows; their schedules follow every save."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from apps.accounts.models import Organization
from apps.core.actors import Actor
from apps.core.ids import hex24
from apps.engine.dates.zones import is_zone
from apps.engine.mapping import compile_response_mapping
from apps.executions.models import TERMINAL, Execution
from apps.executions.services import cancel_execution
from apps.flows.models import Flow
from apps.flows.services.checks import check_filters, check_script, compiled
from apps.integrations.models import Integration
from apps.integrations.resources import Draft, Resource
from apps.schedules.models import Schedule
from apps.schedules.services import drop_schedules, read_expression, set_schedule
from apps.wire.stamps import stamp

TARGET = "flow"  # what schedules and executions call a flow


class FlowResource(Resource[Flow]):
    kind = "flow"
    model = Flow
    columns = frozenset({"name", "disabled", "_integrationId"})
    computed = frozenset({"lastExecutedAt", "resolvedAt", "free"})

    def check(self, draft: Draft[Flow]) -> None:
        document = draft.document
        if document.get("pageProcessors") and document.get("routers"):
            draft.fail("routers", "a flow has pageProcessors or routers, not both.")
        if "timezone" in document and not is_zone(document["timezone"]):
            draft.fail("timezone", f"{document['timezone'][:60]!r} is not the name of a time zone.")
        check_schedules(draft)
        check_routers(draft)
        for path, processor in processors_of(document):
            check_processor(draft, processor, path)
        check_grouping(draft)

    def fill(self, draft: Draft[Flow]) -> None:
        row, document = draft.row, draft.document
        row.name, row.disabled = document["name"], bool(document.get("disabled"))
        row.integration_id = draft.ids.get("_integrationId")

    def members(self, row: Flow) -> dict[str, Any]:
        shown: dict[str, Any] = {"name": row.name, "disabled": row.disabled}
        if row.integration_id:
            shown["_integrationId"] = hex24(row.integration_id)
        if row.last_executed_at:
            shown["lastExecutedAt"] = stamp(row.last_executed_at)
        return shown

    def saved(self, draft: Draft[Flow]) -> None:
        row, wanted = draft.row, dict(expressions_of(draft.document))
        if wanted:
            timezone = draft.document.get("timezone") or Organization.objects.get(pk=row.organization_id).timezone
            for generator, expression in wanted.items():
                set_schedule(
                    organization_id=row.organization_id,
                    target_kind=TARGET,
                    target_id=row.id,
                    generator=generator,
                    expression=expression,
                    timezone=timezone,
                    enabled=not row.disabled,
                    integration_id=row.integration_id,
                    dst=Schedule.Dst.CONTRACT,
                )
        drop_schedules(target_kind=TARGET, target_id=row.id, keep_generators=list(wanted))

    def deleting(self, *, actor: Actor, row: Flow) -> None:
        drop_schedules(target_kind=TARGET, target_id=row.id)
        open_runs = Execution.objects.filter(organization_id=row.organization_id, target_id=row.id)
        for execution in open_runs.exclude(state__in=TERMINAL):
            cancel_execution(actor=actor, execution=execution)


def generator_key(generator: dict[str, Any]) -> str:
    """What a generator's own schedule is known by: its id, else its export's."""
    return str(generator.get("_id") or generator.get("_exportId"))[:40]


def expressions_of(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(generator, expression); an empty generator is the whole flow."""
    if document.get("schedule"):
        yield "", document["schedule"]
    for generator in document.get("pageGenerators") or []:
        if generator.get("schedule"):
            yield generator_key(generator), generator["schedule"]


def check_schedules(draft: Draft[Flow]) -> None:
    document = draft.document
    if "schedule" in document:
        draft.try_check(lambda: read_expression(document["schedule"], field="schedule"))
    seen = set()
    for index, generator in enumerate(document.get("pageGenerators") or []):
        path = f"pageGenerators[{index}]"
        if "schedule" not in generator:
            continue
        draft.try_check(partial(read_expression, generator["schedule"], field=f"{path}.schedule"))
        if generator_key(generator) in seen:
            draft.fail(f"{path}._id", "is the id of another generator with a schedule.")
        seen.add(generator_key(generator))


def check_routers(draft: Draft[Flow]) -> None:
    """Ids are unique, `nextRouterId` names one of them, and no chain comes back to where it was."""
    routers = draft.document.get("routers") or []
    following: dict[str, set[str]] = {}
    for index, router in enumerate(routers):
        path = f"routers[{index}]"
        if router["id"] in following:
            draft.fail(f"{path}.id", f"{router['id']!r} is the id of another router.")
        following.setdefault(router["id"], set())
        if router.get("routeRecordsUsing") == "script":
            check_script(draft, router, path)
    for index, router in enumerate(routers):
        for number, branch in enumerate(router["branches"]):
            path = f"routers[{index}].branches[{number}]"
            check_filters(draft, branch, "inputFilter", at=f"{path}.")
            follower = branch.get("nextRouterId")
            if follower and follower not in following:
                draft.fail(f"{path}.nextRouterId", f"there is no router {follower[:60]!r}.", code="invalid_ref")
            elif follower:
                following[router["id"]].add(follower)
    for name in following:
        if leads_back(name, following):
            draft.fail("routers", f"router {name!r} leads back to itself.")
            return


def leads_back(start: str, following: dict[str, set[str]]) -> bool:
    seen: set[str] = set()
    ahead = list(following[start])
    while ahead:
        name = ahead.pop()
        if name == start:
            return True
        if name not in seen:
            seen.add(name)
            ahead.extend(following[name])
    return False


def processors_of(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for index, processor in enumerate(document.get("pageProcessors") or []):
        yield f"pageProcessors[{index}]", processor
    for index, router in enumerate(document.get("routers") or []):
        for number, branch in enumerate(router["branches"]):
            for place, processor in enumerate(branch.get("pageProcessors") or []):
                yield f"routers[{index}].branches[{number}].pageProcessors[{place}]", processor


def check_processor(draft: Draft[Flow], processor: dict[str, Any], path: str) -> None:
    member = "_exportId" if processor["type"] == "export" else "_importId"
    if not processor.get(member):
        message = f"is needed by type {processor['type']}."
        draft.fail(f"{path}.{member}", message, code="missing_required_field")
    if processor.get("responseMapping") is not None:
        at = f"{path}.responseMapping"
        compiled(draft, lambda: compile_response_mapping(processor["responseMapping"], at=at))


def check_grouping(draft: Draft[Flow]) -> None:
    wanted = draft.document.get("_flowGroupingId")
    if not wanted:
        return
    folder_id = draft.ids.get("_integrationId")
    folder = Integration.objects.filter(pk=folder_id).first() if folder_id else None
    known = (folder.document.get("flowGroupings") or []) if folder else []
    if wanted not in {grouping.get("_id") for grouping in known}:
        message = f"grouping {wanted[:60]!r} is not one of the flow's integration."
        draft.fail("_flowGroupingId", message, code="invalid_ref")


FLOWS = FlowResource()
