"""Tries stored logic, a whole program or a part of one, in plan mode: reads are real, writes are captured and not sent.

The surprise: `source` lists, as `[name, value]`, what the steps before the tried part would have given; the part reads
them as `steps.<name>`, and so do `{"@type": "reference", "operation": "source"}` nodes inside it.
"""

import uuid
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from apps.connections.calls import without_hooks
from apps.connectors.models import Component, ComponentVersion, Connector, ConnectorVersion
from apps.connectors.resolve import find_version
from apps.connectors.services import LOGIC_HOOKS
from apps.connectors.validation import check_program
from apps.core.actors import Actor, Verb
from apps.core.errors import NotFoundError, ValidationError
from apps.core.gateway import Mode
from apps.core.ids import parse_id
from apps.executions.actions import TRIAL, Action, credential_of, run_action
from apps.executions.inline import Ran
from apps.executions.resolution import find_user

CONNECTOR_VERSION = "ConnectorVersion"
TABLES = {f"{kind.capitalize()}Version": kind for kind, hooks in LOGIC_HOOKS.items() if hooks}
DEFAULT_HOOKS = ("execute", "trigger", "route")
PART = "part"
BLOCKS = ("steps", "else")
NAMED_STEPS = ("request", "call", "set", "each")
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Trial:
    """`table` and `id` name a stored version; without them `data` is the record itself, `{logic, schema, data}`."""

    table: str = ""
    id: str = ""
    paths: tuple[Path, ...] = ()
    data: Any = None
    source: Mapping[str, Any] = field(default_factory=dict)


def run_trial(
    trial: Trial, *, actor: Actor, user: object = None, credential: object = None, query: dict[str, Any] | None = None
) -> list[Ran]:
    """What the node at each path gives, in order; without paths, what the record's own hook gives.

    Without a person a connector's requests go out without credentials. Raises NotFoundError, ValidationError.
    """
    actor.require(Verb.RUN)
    stored = bool(trial.table or trial.id)
    if not stored:
        actor.require(Verb.EDIT)  # what is not stored yet is an edit, were it not for the plan mode
    version, component = _stored(trial, actor.organization_id) if stored else _inline(trial, actor.organization_id)
    end_user = find_user(user, organization_id=actor.organization_id)
    connection = None
    if end_user is not None:
        connection = credential_of(end_user, connector=version.connector, version=version, credential_id=credential)
    record = {"logic": component.logic, "schema": component.schema}
    parts = [_part(record, path) for path in trial.paths] or [_whole(component)]
    return [
        run_action(
            Action(
                organization_id=actor.organization_id,
                version=version,
                component=_standing_in(component, hook, _with_sources(program, trial.source)),
                input=_input(trial, stored=stored),
                connection=connection,
                end_user=end_user,
                query=query,
                kind=TRIAL,
                hook=hook,
                check=hook != PART,
                steps=trial.source,
            ),
            triggered_by=str(actor.user_id or ""),
            mode=Mode.PLAN,
        )
        for hook, program in parts
    ]


def _input(trial: Trial, *, stored: bool) -> Any:
    found = trial.data if stored else trial.data.get("data")
    return {} if found is None else found


def _stored(trial: Trial, organization_id: uuid.UUID) -> tuple[ConnectorVersion, ComponentVersion]:
    if trial.table != CONNECTOR_VERSION and trial.table not in TABLES:
        known = ", ".join([CONNECTOR_VERSION, *TABLES])
        raise ValidationError(f"table must be one of {known}.", field="table")
    row_id = parse_id(trial.id)
    missing = NotFoundError(f"{trial.table} {trial.id} was not found.", field="id")
    if row_id is None:
        raise missing
    if trial.table == CONNECTOR_VERSION:
        versions = ConnectorVersion.objects.visible_to(organization_id).select_related("connector", "default_security")
        version = versions.filter(pk=row_id).first()
        if version is None:
            raise missing
        component = Component(connector=version.connector, name=version.name)
        standing_in = ComponentVersion(id=version.id, component=component, name=version.name, logic=version.logic)
        return without_hooks(version), standing_in
    rows = ComponentVersion.objects.visible_to(organization_id).select_related("component__connector")
    rows = rows.filter(component__kind=TABLES[trial.table])
    found = rows.filter(pk=row_id).first() or rows.filter(component_id=row_id).order_by("-published", "-number").first()
    if found is None:
        raise missing
    return find_version(found.component.connector), found


def _inline(trial: Trial, organization_id: uuid.UUID) -> tuple[ConnectorVersion, ComponentVersion]:
    if not isinstance(trial.data, dict) or not isinstance(trial.data.get("logic"), dict):
        raise ValidationError("data must be a record with logic, or table and id must name one.", field="data")
    connector = Connector(organization_id=organization_id, name="(inline)")
    component = Component(connector=connector, name="(inline)")
    schema = trial.data.get("schema")
    logic, document = trial.data["logic"], schema if isinstance(schema, dict) else {}
    version = ConnectorVersion(connector=connector, name="")
    return version, ComponentVersion(component=component, name="", logic=logic, schema=document)


def _whole(component: ComponentVersion) -> tuple[str, Any]:
    hooks = [hook for hook in DEFAULT_HOOKS if hook in component.logic]
    found = hooks[:1] or (list(component.logic) if len(component.logic) == 1 else [])
    if not found:
        there = ", ".join(component.logic) or "none"
        raise ValidationError(f"record_path must name the logic to run (there is {there}).", field="record_path")
    return found[0], component.logic[found[0]]


def _part(record: Mapping[str, Any], path: Path) -> tuple[str, Any]:
    if path and path[0] not in record:
        path = ("logic", *path)
    node: Any = record
    for name in path:
        if isinstance(node, list) and str(name).isascii() and str(name).isdigit() and int(name) < len(node):
            node = node[int(name)]
        elif isinstance(node, Mapping) and name in node:
            node = node[name]
        else:
            raise ValidationError(f"record_path: {shown(path)} leads to nothing in the record.", field="record_path")
    if path[0] == "logic" and len(path) == 2:
        return str(path[1]), node
    program = _program_of(node, path)
    check_program(program, field=shown(path))
    return PART, program


def _program_of(node: Any, path: Path) -> Any:
    """A block of steps, one step, or a value, as a program of its own."""
    if path[-1] in BLOCKS and isinstance(node, list):
        return {"steps": node}
    if len(path) > 1 and path[-2] in BLOCKS and isinstance(node, Mapping):
        if not any(kind in node for kind in NAMED_STEPS):
            return {"steps": [node]}
        name = node.get("name") or "tried"
        return {"steps": [{**node, "name": name}], "output": f"{{{{ steps.{name} }}}}"}
    return {"output": node}


def shown(path: Path) -> str:
    return ".".join(map(str, path))


def _standing_in(component: ComponentVersion, hook: str, program: Any) -> ComponentVersion:
    found = copy(component)
    check_program(program, field=f"logic.{hook}")
    found.logic = {hook: program}
    return found


def _with_sources(node: Any, source: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_with_sources(inner, source) for inner in node]
    if not isinstance(node, Mapping):
        return node
    if node.get("@type") == "reference" and node.get("operation") == "source":
        return _referred(node, source)
    return {name: _with_sources(inner, source) for name, inner in node.items()}


def _referred(node: Mapping[str, Any], source: Mapping[str, Any]) -> Any:
    """By the node's `path`, or its `name`: the source of that name, and below it."""
    path = node.get("path", node.get("name"))
    found: Any = source
    for name in path.split(".") if isinstance(path, str) else path if isinstance(path, list) else []:
        found = found.get(name) if isinstance(found, Mapping) and isinstance(name, str) else None
    return found
