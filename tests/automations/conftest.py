"""Automations of few words, events by hand, and a worker that runs in the test's own process."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import transaction

from apps.automations import services
from apps.automations.actions import registry
from apps.automations.actions.registry import ActionKind
from apps.automations.models import Automation
from apps.events.services import emit
from apps.executions.models import Execution, ExecutionData, Step
from apps.executions.payloads import unpack
from apps.work import drain
from apps.work.models import Lane


@dataclass
class Notebook:
    """An action kind of the tests' own, on the real register: notes its args, then does as it is told."""

    notes: list[Any] = field(default_factory=list)
    then: Callable[..., Any] = lambda turn, args: dict(args)

    def run(self, turn, args):
        self.notes.append(dict(args))
        return self.then(turn, args)


class Workshop:
    def __init__(self, owner):
        self.owner = owner
        self.organization = owner.organization

    def automation(self, *actions, id="rule", **members) -> Automation:
        document = {"id": id, "title": id.capitalize(), "type": "automation", "actions": list(actions), **members}
        if document["type"] == "automation" and "triggers" not in document:
            document["triggers"] = [on("update")]
        return services.upsert_automation(actor=self.owner.actor, document=document)

    def happen(self, action="update", *, id="web", depth=0, **data) -> None:
        """Something is written to the catalogue, as its events tell it."""
        data = {"id": id, "blueprintId": "service", "title": id, "properties": {}, "relations": {}, **data}
        told = {"resource": "entity", "action": action, "blueprintId": data["blueprintId"], "data": data}
        with transaction.atomic():
            emit(organization_id=self.organization.id, type=f"entity.{action}", data=told, depth=depth)

    def work(self) -> None:
        """A worker's drain until nothing is due."""
        while any(drain.drain(lane) for lane in (Lane.INTERACTIVE, Lane.FLOWS)):
            pass

    @property
    def runs(self) -> list[Execution]:
        return list(Execution.objects.filter(organization=self.organization, kind="automation").order_by("id"))

    def run(self, automation: Automation, **options) -> Execution:
        """By hand, to rest."""
        execution = services.run_by_hand(actor=self.owner.actor, automation=automation, **options)
        self.work()
        execution.refresh_from_db()
        return execution


def on(*actions, conditions=()):
    event = {"resource": "entity", "action": list(actions)}
    return {"type": "onEvent", "event": event, "conditions": list(conditions)}


def when(field, operator, value):
    return {"field": field, "operator": operator, "value": value}


def outputs_of(execution) -> Any:
    return unpack(ExecutionData.objects.get(execution=execution).output)["outputs"]


def steps_of(execution) -> dict[str, str]:
    """{path and iteration: state}."""
    rows = Step.objects.filter(execution=execution).order_by("id")
    return {f"{row.path}{row.iteration and '@'}{row.iteration}": row.state for row in rows}


@pytest.fixture
def shop(owner) -> Workshop:
    return Workshop(owner)


@pytest.fixture
def kind(monkeypatch):
    """Registers an action kind for this test; answers its notebook."""
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))

    def add(name="note", then=None, **options) -> Notebook:
        notebook = Notebook(**({"then": then} if then else {}))
        registry.register(ActionKind(name=name, run=notebook.run, **options))
        return notebook

    return add
