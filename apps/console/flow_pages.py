"""A flow as a picture, with the counts of its newest run; on an execution's page with the counts of that one."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import mark_safe

from apps.accounts.console import Section
from apps.accounts.console.display import ago
from apps.accounts.console.names import change_url
from apps.console.diagrams import Counts, Edge, Node, draw
from apps.core.actors import Actor
from apps.core.ids import parse_id
from apps.executions.jobs import tallies_of
from apps.executions.models import Execution, Step
from apps.executions.summaries import outcome_of
from apps.flows.models import Export, Flow, Import
from apps.flows.pipeline.snapshot import flow_shape

STEPS_DRAWN = 200
CountsOf = dict[str, Counts]


def flow_diagram(request: HttpRequest, actor: Actor, row: Flow) -> Iterable[Section]:
    runs = Execution.objects.for_actor(actor).filter(kind="flow", target_id=row.pk)
    newest = runs.order_by("-id").first()
    caption = (
        f"Counts of the newest run, {ago(newest.created_at)}: {outcome_of(newest, newest.error_count)}."
        if newest
        else "It never ran."
    )
    yield diagram(actor, row, counts_of(newest), caption=caption)


def run_diagram(request: HttpRequest, actor: Actor, row: Execution) -> Iterable[Section]:
    if row.kind not in ("flow", "retry", "plan"):
        return
    flow, noun = Flow.objects.for_actor(actor).filter(pk=row.target_id).first(), row.kind.replace("flow", "run")
    if flow is not None:
        yield diagram(actor, flow, counts_of(row), caption=f"The flow as it is now, with the counts of this {noun}.")


def diagram(actor: Actor, flow: Flow, counts: CountsOf, *, caption: str) -> Section:
    nodes, edges = shape_of(flow.document, counts, names_of(actor, flow.document))
    svg = draw(nodes, edges, title=f"The steps of {flow.name}")
    # Drawn by us, with every text escaped.
    context = {"svg": mark_safe(svg), "caption": caption}  # noqa: S308
    return Section("Steps of the flow", "console/sections/diagram.html", context, rank=12)


def counts_of(run: Execution | None) -> CountsOf:
    if run is None:
        return {}
    steps = list(Step.objects.filter(execution=run).defer("outcome")[:STEPS_DRAWN])
    tallies = tallies_of([run], steps=steps)
    return {
        step.path: Counts(tally.success, tally.error, tally.ignore)
        for step in steps
        if (tally := tallies.steps[step.id])
    }


def names_of(actor: Actor, document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """{id as the document spells it: (name, address)}: two queries."""
    generators, routers = flow_shape(document)
    processors = [p for router in routers for branch in router["branches"] for p in branch.get("pageProcessors") or []]
    found: dict[str, tuple[str, str]] = {}
    for model, member in ((Export, "_exportId"), (Import, "_importId")):
        texts = {str(entry[member]) for entry in [*generators, *processors] if entry.get(member)}
        ids = {parse_id(text): text for text in texts}
        rows = model.objects.for_actor(actor).filter(pk__in=[row_id for row_id in ids if row_id])
        for row_id, name in rows.values_list("pk", "name"):
            found[ids[row_id]] = (name, change_url(model, row_id))
    return found


def shape_of(
    document: dict[str, Any], counts: CountsOf, names: dict[str, tuple[str, str]]
) -> tuple[list[Node], list[Edge]]:
    """Steps carry the paths that runs count them by."""
    generators, routers = flow_shape(document)
    nodes = [step_node(f"generators[{i}]", g, counts, names) for i, g in enumerate(generators)]
    edges: list[Edge] = []
    entries: dict[str, str] = {}
    for index, router in enumerate(routers):
        if router.get("id"):
            entries[router["id"]] = f"routers[{index}]"
            nodes.append(Node(f"routers[{index}]", router.get("name") or "Router", "router"))
    sources = [node.id for node in nodes if node.id.startswith("generators")]
    for index, router in enumerate(routers):
        for number, branch in enumerate(router["branches"]):
            last, label = (f"routers[{index}]", branch.get("name") or "") if router.get("id") else ("", "")
            prefix = f"routers[{index}].branches[{number}]." if router.get("id") else ""
            for offset, processor in enumerate(branch.get("pageProcessors") or []):
                node = step_node(f"{prefix}pageProcessors[{offset}]", processor, counts, names)
                nodes.append(node)
                edges += [Edge(last, node.id, label)] if last else [Edge(source, node.id) for source in sources]
                last, label = node.id, ""
            following = entries.get(branch.get("nextRouterId") or "")
            if following and last:
                edges.append(Edge(last, following, label))
    if routers and routers[0].get("id"):
        edges += [Edge(source, "routers[0]") for source in sources]
    return nodes, edges


def step_node(path: str, entry: dict[str, Any], counts: CountsOf, names: dict[str, tuple[str, str]]) -> Node:
    text = str(entry.get("_importId") or entry.get("_exportId") or "")
    name, url = names.get(text, (text or "not chosen yet", ""))
    is_generator = path.startswith("generators")
    look = "export" if is_generator else "import" if entry.get("_importId") else "lookup"
    return Node(path, name, look, counts.get(path), url)
