"""What the tests of action kinds share: a step of few words, and a way to let time pass."""

from datetime import timedelta

import pytest

from apps.core import clock
from apps.work.models import WorkItem


def step(type, id=None, conditions=(), **args):
    return {"type": type, "id": id, "args": args, "conditions": list(conditions)}


@pytest.fixture
def later(monkeypatch):
    """Lets so much time pass: the clock goes on, and what is due by then is due now."""
    moved = [timedelta()]
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + moved[0])

    def go(**units):
        moved[0] += timedelta(**units)
        WorkItem.objects.filter(lease_until=None, due_at__lte=clock.now()).update(due_at=real() - timedelta(seconds=1))

    return go
