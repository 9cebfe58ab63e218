"""A version's document, compiled: triggers, actions, nested ones too, conditions and templates.

Versions never change, so what is compiled is kept by version, within a process.
"""

import uuid
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any

from apps.automations import secrets
from apps.automations.actions import registry as actions
from apps.automations.approvals.policy import Policy, read_policy
from apps.automations.errors import fault
from apps.automations.models import AutomationVersion
from apps.automations.running.conditions import Test, compile_test
from apps.automations.running.rendering import Render, compile_value
from apps.automations.triggers import registry as triggers
from apps.engine.errors import DocumentError

KEPT = 2000
MAX_ACTIONS = 500  # of one automation, nested ones too
MAX_NESTING = 10
# Kinds of actions that neither write, wait nor reach outside.
SHORT = frozenset({"fetchResource", "fetchFieldsFromResources", "fetchEntitiesBySource", "forEach", "branch"})


@dataclass(frozen=True)
class Trigger:
    kind: triggers.TriggerKind
    document: Mapping[str, Any]
    test: Test | None
    at: str


@dataclass(frozen=True)
class Action:
    """`path` is where it stands in the document: `actions[2].args.actions[0]`. `lists` are its nested actions."""

    kind: actions.ActionKind
    id: str
    title: str
    path: str
    test: Test | None
    args: Mapping[str, Any]
    render: Render | None
    lists: Mapping[str, "Sequence[Action]"] = field(default_factory=dict)
    prepared: Any = None
    conditions: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Compiled:
    document: Mapping[str, Any]
    arguments: Mapping[str, Any]
    secrets: Mapping[str, Any]
    triggers: Sequence[Trigger]
    actions: Sequence[Action]
    outputs: Mapping[str, Any]
    render_outputs: Render | None
    concurrency_key: Render | str | None
    needs_approval: bool
    approval: Policy = field(default_factory=Policy)
    approval_message: Render | None = None
    kinds: frozenset[str] = frozenset()  # of its actions, nested ones too

    @property
    def may_ask(self) -> bool:
        """Whether a run of it may stop for a person's answer."""
        return self.needs_approval or "approval" in self.kinds

    @cached_property
    def names(self) -> dict[str, str]:
        """The actions' own ids by their paths."""
        return {action.path: action.id for action in every(self.actions) if action.id}

    @property
    def is_short(self) -> bool:
        """Whether its runs only map and read, so that a worker may take many of them at once."""
        return self.kinds <= SHORT and not self.may_ask and self.concurrency_key is None

    def scope(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What templates and conditions of a run see."""
        return {**values, "arguments": self.arguments, "secrets": self.secrets}


def every(actions: Sequence[Action]) -> Iterator[Action]:
    """Nested ones too, in their order."""
    for action in actions:
        yield action
        for inner in action.lists.values():
            yield from every(inner)


_cache: OrderedDict[uuid.UUID, Compiled] = OrderedDict()
_lock = Lock()


def compiled(version: AutomationVersion) -> Compiled:
    """Raises ValidationError for a stored document that this version of Junction does not understand (any more)."""
    with _lock:
        found = _cache.get(version.id)
        if found is not None:
            _cache.move_to_end(version.id)
            return found
    made = compile_document(version.document, opened=secrets.opened(version))
    with _lock:
        _cache[version.id] = made
        while len(_cache) > KEPT:
            _cache.popitem(last=False)
    return made


def kept(version_id: uuid.UUID | None) -> Compiled | None:
    """If it was compiled before, in this process."""
    with _lock:
        return _cache.get(version_id) if version_id else None


def compile_document(document: Mapping[str, Any], *, opened: Mapping[str, Any]) -> Compiled:
    """Raises ValidationError naming the member."""
    try:
        return _Compiler().document(document, opened)
    except DocumentError as error:
        raise fault(error.path, error.reason) from None


class _Compiler:
    def __init__(self) -> None:
        self.count = 0
        self.kinds: set[str] = set()

    def document(self, document: Mapping[str, Any], opened: Mapping[str, Any]) -> Compiled:
        approval = read_policy(document.get("approval"))
        outputs, key = document.get("outputs") or {}, document.get("concurrencyKey")
        return Compiled(
            document=document,
            arguments=document.get("arguments") or {},
            secrets=opened,
            triggers=[
                self.trigger(one, f"triggers[{index}]") for index, one in enumerate(document.get("triggers") or [])
            ],
            actions=self.actions(document.get("actions") or [], "actions", set(), 0),
            outputs=outputs,
            render_outputs=compile_value(outputs, "outputs"),
            concurrency_key=(compile_value(key, "concurrencyKey") or key) if key else None,
            needs_approval=document.get("needsApproval") is True,
            approval=approval,
            approval_message=compile_value(approval.message, "approval.message"),
            kinds=frozenset(self.kinds),
        )

    def trigger(self, document: Mapping[str, Any], at: str) -> Trigger:
        kind = triggers.find(document.get("type"))
        if kind is None:
            raise DocumentError(f"{at}.type", f"must be one of {', '.join(triggers.names())}")
        return Trigger(kind, document, compile_test(document.get("conditions"), f"{at}.conditions"), at)

    def actions(self, documents: Any, at: str, known: set[str], depth: int) -> list[Action]:
        if not isinstance(documents, list):
            raise DocumentError(at, "must be a list")
        if depth > MAX_NESTING:
            raise DocumentError(at, f"actions nest at most {MAX_NESTING} deep")
        return [self.action(one, f"{at}[{index}]", known, depth) for index, one in enumerate(documents)]

    def action(self, document: Any, at: str, known: set[str], depth: int) -> Action:
        self.count += 1
        if self.count > MAX_ACTIONS:
            raise DocumentError(at, f"an automation has at most {MAX_ACTIONS} actions")
        if not isinstance(document, dict):
            raise DocumentError(at, "must be an object")
        kind = actions.find(document.get("type"))
        if kind is None:
            raise DocumentError(f"{at}.type", f"must be one of {', '.join(actions.names())}")
        self.kinds.add(kind.name)
        name = self.name(document.get("id"), f"{at}.id", known)
        args = document.get("args")
        args = {} if args is None else args
        if not isinstance(args, dict):
            raise DocumentError(f"{at}.args", "must be an object")
        rendered = {key: value for key, value in args.items() if key not in kind.raw}
        lists = {
            path: self.actions(inner, f"{at}.args.{path}", known, depth + 1)
            for path, inner in (kind.nested(args) if kind.nested else ())
        }
        return Action(
            kind=kind,
            id=name,
            title=str(document.get("title") or ""),
            path=at,
            test=compile_test(document.get("conditions"), f"{at}.conditions"),
            conditions=document.get("conditions") or (),
            args=args,
            render=compile_value(rendered, f"{at}.args"),
            lists=lists,
            prepared=kind.prepare(args, f"{at}.args") if kind.prepare else None,
        )

    def name(self, value: Any, at: str, known: set[str]) -> str:
        if value is None or value == "":
            return ""
        if not isinstance(value, str) or len(value) > 100:
            raise DocumentError(at, "must be a text of at most 100 characters")
        if value in known:
            raise DocumentError(at, f"{value!r} is the id of another action")
        known.add(value)
        return value
