"""Actions that are canceled, run out of time or lose their workers between two writes."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.connectors.models import ComponentVersion
from apps.connectors.resolve import find_component, find_connector
from apps.core.clock import now
from apps.executions import queue
from apps.executions.actions import Action, start_action
from apps.executions.models import Execution, Step
from apps.executions.services import cancel_execution
from apps.subscriptions.services import subscribe_to_events
from apps.work import claims, doctor, drain, leases
from apps.work.models import WorkItem
from tests.api import Api
from tests.connections.making import make_action, make_connector
from tests.connections.target import serving
from tests.flows.pipeline.test_ending import in_a_thread, lapse


@pytest.fixture
def two_writes(transactional_db, organization):
    """An action of two writes whose second may not be repeated, started for a worker."""

    def start(url, repeat="none"):
        steps = [
            {"name": "a", "request": {"method": "POST", "url": f"{url}/a", "repeat": "key"}},
            {"name": "b", "request": {"method": "POST", "url": f"{url}/b", "repeat": repeat}},
        ]
        connector = make_connector(organization)
        make_action(connector, "two", {"steps": steps, "output": "done"})
        version = find_connector("crm", organization_id=organization.id).versions.get()
        component = find_component(connector, "two", kind="action")
        return start_action(Action(organization_id=organization.id, version=version, component=component, input={}))

    yield start
    leases.let_go(leases.held())


def ended(execution):
    execution.refresh_from_db()
    assert execution.is_terminal and not WorkItem.objects.exists() and doctor.examine() == []
    return execution.state, execution.reason


def test_a_cancel_between_two_writes_lets_the_second_not_begin(two_writes, owner):
    def answer(seen):
        if seen.path == "/a":
            in_a_thread(lambda: cancel_execution(actor=owner.actor, execution=Execution.objects.get()))
        return 200, {}, {}

    with serving(answer) as target:
        execution = two_writes(target.url)
        drain.drain("interactive")
        assert [seen.path for seen in target.seen] == ["/a"]
    assert ended(execution) == ("canceled", "canceled")


def test_a_deadline_between_two_turns_fails_it(two_writes):
    with serving() as target:
        execution = two_writes(target.url)
        Execution.objects.update(deadline=now() - timedelta(seconds=1))
        queue.sweep()
        assert target.seen == []
    assert ended(execution) == ("failed", "timed out")


def lost_in_the_second_write(execution):
    """A worker sends the second write and is gone before it has the answer."""
    (claim,) = claims.claim_next("interactive")
    Step.objects.create(
        execution=execution, path="steps[1].request", kind="effect", state="intent", effect="none", fence=claim.fence
    )
    leases.let_go([claim])


def test_a_canceled_action_whose_worker_vanished_in_a_write_lists_it_in_doubt(two_writes, owner):
    with serving() as target:
        execution = two_writes(target.url)
        lost_in_the_second_write(execution)
        lapse()
        cancel_execution(actor=owner.actor, execution=execution)
        drain.drain("interactive")
    assert ended(execution)[0] == "canceled"
    assert Step.objects.get(path="steps[1].request").state == "in_doubt"


def test_a_write_in_doubt_is_listed_and_its_action_fails(two_writes):
    with serving() as target:
        execution = two_writes(target.url)
        lost_in_the_second_write(execution)
        lapse()
        drain.drain("interactive")
        assert [seen.path for seen in target.seen] == ["/a"]
    state, reason = ended(execution)
    assert state == "failed" and reason.startswith("in doubt: ")
    assert Step.objects.get(path="steps[1].request").state == "in_doubt"


def test_a_write_that_takes_its_workers_down_is_not_begun_for_ever(two_writes):
    """Beginning a write again is no progress, though it commits."""
    with serving() as target:
        execution = two_writes(target.url, repeat="key")
        times = []
        for _ in range(5):
            (claim,) = claims.claim_next("interactive")
            times.append(claim.attempts)
            die_before_the_second_answer(execution, claim)
            leases.let_go([claim])
            lapse()
        assert times == [0, 1, 2, 3, 4]
        drain.drain("interactive")
        assert target.seen == []
    assert ended(execution) == ("failed", "worker lost 5 times")


def die_before_the_second_answer(execution, claim):
    from apps.executions.recording import ExecutionRecorder
    from apps.executions.step_journal import StepJournal, recorded_steps

    journal = StepJournal(
        execution, recorder=ExecutionRecorder(execution.id, execution.organization_id), root=str(execution.root_id),
        recorded=recorded_steps(execution), claim=claim,
    )  # fmt: skip
    journal.intend("steps[0].request", "", write_kind="key")


def test_an_execution_whose_end_the_database_did_not_take_lapses(two_writes, owner):
    """The writes are done and the database is gone: the process must not go on holding what it cannot end."""
    two_writes("http://127.0.0.1:9")
    Execution.objects.all().delete()
    WorkItem.objects.all().delete()
    wanted = {"@type": "action", "connector": "crm", "connectorVersion": "1.0.0", "action": "two", "input": {}}
    subscribe_to_events(actor=owner.actor, patterns=["execution.*"], url="https://example.com/told")  # its end is heard
    api, raw = Api(owner), connection.connection

    def answer(seen):
        if seen.path == "/b":
            raw.close()
        return 200, {}, {}

    with serving(answer) as target:
        steps = [{"name": name, "request": {"method": "POST", "url": f"{target.url}/{name}"}} for name in ("a", "b")]
        ComponentVersion.objects.update(logic={"execute": {"steps": steps, "output": "done"}})
        assert api.post("/v1/execute", wanted).status_code >= 500
    assert leases.held() == []
    connection.close()
    lapse()
    drain.drain("interactive")
    assert Execution.objects.get().state == "failed"
    assert not WorkItem.objects.filter(kind="execution").exists()
