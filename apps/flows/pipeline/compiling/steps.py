"""The steps of a run: routers and processors, joined by positions in which every record only moves forward."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from apps.connections.resource import moment_of
from apps.core.errors import NotFoundError, ValidationError
from apps.core.gateway import Mode
from apps.core.ids import hex24, parse_id
from apps.engine.context import RecordContext
from apps.engine.mapping import compile_response_mapping
from apps.engine.records import merge_children, split_children
from apps.engine.sandbox import SandboxError
from apps.engine.tracing import compile_trace_key
from apps.flows.pipeline.applying import ApplyingRunner
from apps.flows.pipeline.book import Book
from apps.flows.pipeline.compiling.documents import RunDocuments, checked, known_id, trace_key_of
from apps.flows.pipeline.compiling.exports import lookup_runner
from apps.flows.pipeline.compiling.imports import import_runner
from apps.flows.pipeline.fates import NotingRunner, unwrapped
from apps.flows.pipeline.plans import END, FlowPlan, StepPlan
from apps.flows.pipeline.runners.http_import import HttpImportRunner
from apps.flows.pipeline.runners.locked import LockedRunner
from apps.flows.pipeline.runners.many import ManyRunner, child_responses
from apps.flows.pipeline.runners.router import RouterRunner
from apps.flows.pipeline.scopes import Text, address_of, environment
from apps.flows.pipeline.scripts import Hook, aligned, script_failure
from apps.flows.pipeline.shaping import make_filter
from apps.flows.pipeline.steps import Failure, StepRunner


def plan(run: RunDocuments) -> FlowPlan:
    flow = run.snapshot["flow"]
    live = run.mode is Mode.LIVE
    generators = run.snapshot["generators"]
    sources = [*generators, *(run.snapshot["exports"][g["_exportId"]] for g in generators)]
    skips = flow.get("skipRetries") or any(source.get("skipRetries") for source in sources)
    flow_id = parse_id(flow["_id"])
    if flow_id is None:
        raise NotFoundError(f"Flow {flow['_id']} was not found.")
    made = tuple(steps(run))
    if run.book is not None:
        learn_answers(run.book, made)
    return FlowPlan(
        execution_id=run.execution.id,
        organization_id=run.execution.organization_id,
        flow_id=flow_id,
        integration_id=run.execution.integration_id,
        root=run.execution.root_id.hex,
        snapshot=run.snapshot,
        steps=made,
        keeps_retry_data=live and not skips,
        auto_resolve=live and bool(flow.get("autoResolveMatchingTraceKeys")),
        watched=steps_debugged(run, made),
        addresses=tuple(address_of_source(run.snapshot["exports"][g["_exportId"]]) for g in generators),
        book=run.book,
    )


def steps_debugged(run: RunDocuments, steps: tuple[StepPlan, ...]) -> dict[str, datetime]:
    """The steps whose export or import says `debugUntil`."""
    documents = {**run.snapshot["exports"], **run.snapshot["imports"]}
    named = {f"generators[{i}]": g["_exportId"] for i, g in enumerate(run.snapshot["generators"])}
    named |= {step.key: hex24(step.resource_id) for step in steps}
    found = {key: moment_of(documents.get(name, {}).get("debugUntil")) for key, name in named.items()}
    return {key: until for key, until in found.items() if until is not None}


def address_of_source(export: dict[str, Any]) -> Callable[[Any], str] | None:
    template = export.get("dataURITemplate")
    return partial(address_of, Text(template)) if template else None


def learn_answers(book: Book, steps: tuple[StepPlan, ...]) -> None:
    """Behind which steps a plan could not see: what the targets of calls answer goes into the records."""
    for step in steps:
        book.steps[step.position] = step.key
        if isinstance(unwrapped(step.runner), HttpImportRunner) and (step.map_response or step.after_mapping):
            book.answered.add(step.position)
            if step.after_mapping:
                book.hooked.add(step.position)


def steps(run: RunDocuments) -> list[StepPlan]:
    """All steps in an order in which every record moves forward: routers after the branches that lead to them."""
    routers = ordered_routers(run.snapshot["routers"])
    starts: dict[str, int] = {}
    position = 0
    for router in routers:
        starts[router.get("id") or ""] = position
        position += is_real(router)
        position += sum(len(branch.get("pageProcessors") or []) for branch in router["branches"])
    steps: list[StepPlan] = []
    for router in routers:
        at = starts[router.get("id") or ""]
        first = at + is_real(router)
        entries = []
        for branch in router["branches"]:
            after = starts.get(branch.get("nextRouterId") or " ", END)
            processors = branch.get("pageProcessors") or []
            entries.append((branch, first if processors else after))
            for offset, processor in enumerate(processors):
                here = first + offset
                following = here + 1 if offset + 1 < len(processors) else after
                steps.append(processor_step(run, processor, here, following, key=key_of(run, router, branch, offset)))
            first += len(processors)
        if is_real(router):
            steps.append(router_step(run, router, at, entries))
    return sorted(steps, key=lambda step: step.position)


def key_of(run: RunDocuments, router: dict[str, Any], branch: dict[str, Any], offset: int) -> str:
    if not is_real(router):
        return f"pageProcessors[{offset}]"
    routers = run.snapshot["routers"]
    i = next(n for n, other in enumerate(routers) if other is router)
    j = next(n for n, other in enumerate(router["branches"]) if other is branch)
    return f"routers[{i}].branches[{j}].pageProcessors[{offset}]"


def router_step(
    run: RunDocuments, router: dict[str, Any], at: int, entries: list[tuple[dict[str, Any], int]]
) -> StepPlan:
    where = f"routers[{router.get('id')}]"
    hook = None
    if router.get("routeRecordsUsing") == "script":
        hook = run.hook({}, "router")(router.get("script"), f"{where}.script")
        if hook is None:
            raise ValidationError("is required when records are routed by script", field=f"{where}.script")
    base = run.surroundings({}, kind="router", values={}).base()
    branches = [
        (
            make_filter(
                branch.get("inputFilter"), find_hook=run.hook({}, "router"), where=f"{where}.inputFilter",
                source="branching",
            ),
            target,
        )
        for branch, target in entries
    ]  # fmt: skip
    runner = RouterRunner(
        branches=branches,
        take_all=router.get("routeRecordsTo") == "all_matching_branches",
        hook=hook,
        make_context=lambda: RecordContext(scope=base, env=environment()),
        end=END,
    )
    flow_id = parse_id(run.snapshot["flow"]["_id"]) or run.execution.id
    return StepPlan(
        position=at, key="", kind="router", resource_id=flow_id, next=END, runner=runner, stage="router",
        proceed_on_failure=False, trace_key=run.trace_at_source,
    )  # fmt: skip


def processor_step(
    run: RunDocuments, processor: dict[str, Any], position: int, following: int, *, key: str
) -> StepPlan:
    is_import = processor["type"] == "import"
    resource_id = processor["_importId"] if is_import else processor["_exportId"]
    document = run.snapshot["imports" if is_import else "exports"][resource_id]
    mapping = processor.get("responseMapping") or {}
    mapped = bool(mapping.get("fields") or mapping.get("lists")) if isinstance(mapping, dict) else bool(mapping)
    after = (processor.get("hooks") or {}).get("postResponseMap")
    hook = run.hook(document, "import" if is_import else "export")(after, f"{key}.hooks.postResponseMap")
    runner: StepRunner
    if is_import:
        runner = watched(run, import_runner(run, document, key, mapped or hook is not None), key, position)
        if document.get("idLockTemplate") and run.mode is Mode.LIVE:  # what is not sent is in nobody's way
            lock_of = checked(compile_trace_key, document["idLockTemplate"], at="idLockTemplate")
            runner = LockedRunner(runner, lock_of, resource_id)
    else:
        runner = lookup_runner(run, document, key)
    path = document.get("pathToMany") or "" if document.get("oneToMany") else ""
    map_response = checked(compile_response_mapping, mapping, at=f"{key}.responseMapping") if mapped else None
    if path:
        runner = ManyRunner(runner, path, trace_key_of(document), run.trace_at_source)
        map_response = child_responses(map_response, path) if map_response else None
    of_children = path and hook and after and after["_scriptId"] in run.snapshot.get("scriptsOfChildren", ())
    after_call = call_after_children if of_children else call_after_mapping
    return StepPlan(
        position=position,
        key=key,
        kind="import" if is_import else "lookup",
        resource_id=known_id(resource_id),
        next=following,
        runner=runner,
        stage="import" if is_import else "lookup",
        proceed_on_failure=bool(processor.get("proceedOnFailure")),
        trace_key=run.trace_of(document),
        map_response=map_response,
        after_mapping=partial(after_call, hook, path) if hook else None,
    )


def watched(run: RunDocuments, runner: StepRunner, key: str, position: int) -> StepRunner:
    if run.mode is Mode.PLAN:
        return NotingRunner(runner, key)
    return ApplyingRunner(runner, run.book, key, position) if run.book is not None else runner


def call_after_mapping(hook: Hook, path: str, records: list[Any], responses: list[Any]) -> list[Any] | Failure:
    """`path` is where a one-to-many step's children stand: the hook is called once a parent all the same."""
    source = "post_response_map_hook"
    try:
        options = {"oneToMany": bool(path), "pathToMany": path}
        answer = hook.call(postResponseMapData=records, responseData=responses, **options)
    except SandboxError as error:
        return script_failure(source, error)
    return aligned(answer, count=len(records), name="postResponseMap", source=source)


def call_after_children(hook: Hook, path: str, records: list[Any], responses: list[Any]) -> list[Any] | Failure:
    """As its script asks for: called for the children, each with its parent at hand; they go back to their places."""
    children = [split_children(record, path) for record in records]
    said = [
        list(own) if isinstance(own, list) else [{}] * len(some) for own, some in zip(responses, children, strict=True)
    ]
    flat = [child for some in children for child in some]
    answer = call_after_mapping(hook, path, flat, [one or {} for own in said for one in own]) if flat else []
    if isinstance(answer, Failure):
        return answer
    left = iter(answer)
    return [
        merge_children(record, path, [next(left) for _ in some]) for record, some in zip(records, children, strict=True)
    ]


def ordered_routers(routers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that can be reached from the first, each before the routers its branches lead to."""
    known = {router.get("id") or "": router for router in routers}
    order: list[dict[str, Any]] = []
    state: dict[str, int] = {}

    def visit(router: dict[str, Any]) -> None:
        name = router.get("id") or ""
        if state.get(name) == 1:
            raise ValidationError(f"Router {name} leads back to itself.", field="routers")
        if state.get(name) == 2:
            return
        state[name] = 1
        for branch in router["branches"]:
            following = branch.get("nextRouterId")
            if following:
                if following not in known:
                    raise ValidationError(f"Router {following} does not exist.", field="routers")
                visit(known[following])
        state[name] = 2
        order.append(router)

    visit(routers[0])
    return order[::-1]


def is_real(router: dict[str, Any]) -> int:
    """1 for a router that decides something; 0 for the one that stands for a flow without routers."""
    return int(bool(router.get("id")))
