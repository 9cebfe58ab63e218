"""What is old goes, in batches; what has not ended stays however old it is."""

import uuid
from datetime import timedelta

import pytest
import time_machine

from apps.core import clock
from apps.executions import retention
from apps.executions.models import Exchange, Execution, RecordError, State, Step
from apps.work import scheduler

pytestmark = pytest.mark.django_db


TODAY = clock.now()


def make(organization, *, day, ended=True):
    """An execution of a day to come, with a recording, a step and an open failed record. Ids grow, so days must too."""
    with time_machine.travel(TODAY + timedelta(days=day)):
        execution = Execution.objects.create(
            organization=organization, kind="flow", root_id=uuid.uuid4(),
            state=State.SUCCEEDED if ended else State.RUNNING, ended_at=clock.now() if ended else None,
        )  # fmt: skip
        Exchange.objects.create(organization=organization, execution=execution, method="GET", url="https://a.example")
        Step.objects.create(execution=execution, path="0", kind="export", state=Step.State.SUCCEEDED)
        RecordError.objects.create(
            organization=organization, execution=execution, flow_id=uuid.uuid4(), step_id=uuid.uuid4(),
            source="mapping", code="c", message="m",
        )  # fmt: skip
    return execution


def prune_on(day):
    with time_machine.travel(TODAY + timedelta(days=day)):
        return retention.prune()


def test_recordings_go_after_a_week_and_executions_after_a_season(organization, monkeypatch):
    monkeypatch.setattr(retention, "EXECUTIONS_AT_ONCE", 2)
    running = make(organization, day=1, ended=False)
    for day in (2, 50, 80):
        make(organization, day=day)
    recent, new = make(organization, day=170), make(organization, day=199)
    prune_on(200)
    assert set(Execution.objects.all()) == {running, recent, new}
    assert [exchange.execution for exchange in Exchange.objects.all()] == [new]
    assert RecordError.objects.count() == Step.objects.count() == 3


def test_how_long_is_a_setting(organization, settings):
    settings.KEEP_EXCHANGES_DAYS, settings.KEEP_EXECUTIONS_DAYS = 60, 20
    make(organization, day=300)
    assert prune_on(319) == 0
    assert prune_on(321) == 1
    assert not Execution.objects.exists() and not Exchange.objects.exists()


def test_the_scheduler_prunes():
    names = {duty.name for duty in scheduler.duties()}
    assert {"prune executions", "purge idempotency keys"} <= names
