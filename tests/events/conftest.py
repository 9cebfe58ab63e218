"""Consumers of the tests' own, on the real register, and workers that drain the lane by hand."""

from dataclasses import dataclass, field

import pytest
from django.db import transaction

from apps.events import consumers
from apps.events.consumers import EventConsumer
from apps.events.models import Event
from apps.events.services import emit
from apps.work import claims, drain
from apps.work.models import Lane, WorkItem


class WorkerDied(BaseException):
    """What a kill looks like from inside: no handler gets to catch it."""


@dataclass
class Recorder:
    """A consumer that keeps what it got as rows (events of its own), so that a rollback takes them back."""

    name: str
    trouble: list[BaseException] = field(default_factory=list)  # raised in turn, after the row is written

    def deliver(self, event):
        Event.objects.create(
            organization_id=event.organization_id, type=f"got.{self.name}", subject_kind=event.type, subject_id=event.id
        )
        if self.trouble:
            raise self.trouble.pop(0)

    @property
    def got(self):
        rows = Event.objects.filter(type=f"got.{self.name}").order_by("id")
        return list(rows.values_list("subject_kind", flat=True))


@pytest.fixture
def listen(monkeypatch):
    """Registers a consumer, for this test, in a register that is otherwise empty."""
    monkeypatch.setattr(consumers, "_consumers", {})

    def add(name, **interests):
        recorder = Recorder(name)
        consumers.register(EventConsumer(name=name, deliver=recorder.deliver, **interests))
        return recorder

    return add


@pytest.fixture
def happen(organization):
    def emit_one(type="order.created", **values):
        with transaction.atomic():
            return emit(organization_id=organization.id, type=type, **values)

    return emit_one


def work_off() -> int:
    """What a worker does that is woken for the lane."""
    handled = 0
    while found := claims.claim_next(Lane.INTERACTIVE, limit=50):
        handled += drain.handle(found, float("inf"))
    return handled


def make_due() -> None:
    """Time passes: whatever waits or is held is due again."""
    WorkItem.objects.update(due_at="2000-01-01T00:00:00Z", updated_at="2000-01-01T00:00:00Z")
