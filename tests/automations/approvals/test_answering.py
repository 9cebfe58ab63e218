"""Who answers, once, and what comes of it."""

from datetime import timedelta

import pytest
import time_machine
from django.db import transaction

from apps.accounts.models import Membership
from apps.accounts.services import actor_of_key, create_api_key
from apps.audit.models import AuditEntry
from apps.automations.approvals import services
from apps.automations.approvals.models import Approval
from apps.automations.approvals.services import answer_approval, expire
from apps.core.actors import system_actor
from apps.core.clock import now
from apps.core.errors import ConflictError, ForbiddenError, ValidationError
from apps.events import consumers
from apps.events.models import Event
from apps.executions.explain import explain
from apps.executions.services import WORK, cancel_execution
from apps.integrations.models import Integration, Share
from apps.work import claims
from apps.work import services as work
from apps.work.models import WorkItem
from tests.automations.approvals.conftest import work_off
from tests.conftest import make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard():
    """The events that were written."""
    known = consumers.find("approvals_test")
    if known is None:
        consumers.register(consumers.EventConsumer("approvals_test", lambda event: None, prefixes=("approval.",)))
    yield lambda: list(Event.objects.filter(type__startswith="approval.").order_by("id"))
    consumers._consumers.pop("approvals_test", None)


def parked(execution):
    """Its run has given itself back, to wait for a year."""
    (claim,) = [claim for claim in claims.claim_next("flows", limit=50) if claim.target_id == execution.id]
    with transaction.atomic():
        work.wait_until(claim, now() + timedelta(days=365), reason="waits for approval")


def is_due(execution):
    return WorkItem.objects.filter(kind=WORK, target_id=execution.id, due_at__lte=now()).exists()


def test_an_approval_wakes_the_run_and_is_noted(asking, ann, owner, heard):
    row = asking(requester=owner)
    parked(row.execution)
    assert not is_due(row.execution)
    done = answer_approval(actor=ann.actor, approval=row, approve=True, reason="  go on  ")
    assert (done.state, done.answered_by, done.reason, done.channel) == ("approved", ann.user, "go on", "api")
    assert is_due(row.execution)
    entry = AuditEntry.objects.filter(resource_type="approval", event="approve").get()
    assert (entry.user, entry.resource_id) == (ann.user, row.id)
    assert {change["fieldPath"]: change["newValue"] for change in entry.changes} == {
        "state": "approved",
        "reason": "go on",
    }
    asked, answered = heard()
    assert (asked.type, answered.type) == ("approval.waiting", "approval.answered")
    assert answered.data["state"] == "approved" and answered.data["execution"] == row.execution.hex_id


def test_a_rejection_needs_a_reason(asking, ann):
    row = asking()
    for reason in ("", "  \n", "x" * 1001, "a\0b", 7):
        with pytest.raises(ValidationError) as caught:
            answer_approval(actor=ann.actor, approval=row, approve=False, reason=reason)
        assert caught.value.field == "reason"
    row.refresh_from_db()
    assert row.state == "waiting"
    assert answer_approval(actor=ann.actor, approval=row, approve=False, reason="not now").state == "rejected"


def test_a_second_answer_is_told_who_was_first_and_when(asking, ann, bob):
    row = asking()
    answer_approval(actor=ann.actor, approval=row, approve=True)
    for approve in (True, False):
        with pytest.raises(ConflictError, match=r"It was approved by ann@acme\.example at \d{4}-") as caught:
            answer_approval(actor=bob.actor, approval=row, approve=approve, reason="no")
        assert caught.value.code == "already_answered"
    row.refresh_from_db()
    assert (row.state, row.answered_by) == ("approved", ann.user)


def test_whoever_asked_may_neither_approve_nor_reject(asking, ann):
    row = asking(requester=ann)
    for approve in (True, False):
        with pytest.raises(ForbiddenError, match="asked for something"):
            answer_approval(actor=ann.actor, approval=row, approve=approve, reason="mine")
    row.refresh_from_db()
    assert row.state == "waiting"


def test_a_monitor_a_weak_key_and_the_system_may_not(asking, monitor, organization, ann):
    row = asking()
    with pytest.raises(ForbiddenError, match="access level"):
        answer_approval(actor=monitor.actor, approval=row, approve=True)
    with pytest.raises(ForbiddenError, match="a person"):
        answer_approval(actor=system_actor(organization.id), approval=row, approve=True)
    _, key = create_api_key(organization=organization, user=ann.user, name="dashboard", role="monitor")
    with pytest.raises(ForbiddenError, match="access level"):
        answer_approval(actor=actor_of_key(key), approval=row, approve=True)


def test_settings_say_who_of_those_who_may(asking, owner, ann, bob):
    by_role, by_name = asking(roles=["administrator"]), asking(members=["Ann@acme.example"])
    both = asking(roles=["administrator"], members=["ann@acme.example"])
    for row, person in ((by_role, ann), (by_role, owner), (by_name, bob), (both, owner)):
        with pytest.raises(ForbiddenError) as caught:
            answer_approval(actor=person.actor, approval=row, approve=True)
        assert caught.value.code == "not_asked"
    for row, person in ((by_role, bob), (by_name, ann), (both, ann)):
        assert answer_approval(actor=person.actor, approval=row, approve=True).answered_by == person.user


def test_a_guest_answers_where_an_integration_is_shared_with_them_to_manage(asking, organization):
    guest = make_person(organization=organization, role="", email="guest@partner.example")
    membership = Membership.objects.filter(user=guest.user).get()
    folders = [Integration.objects.create(organization=organization, name=name) for name in ("Orders", "Parcels")]
    for folder, role in zip(folders, ("manage", "monitor"), strict=True):
        Share.objects.create(organization=organization, integration=folder, membership=membership, role=role)
    rows = [asking(integration_id=folder.id) for folder in folders]
    assert list(Approval.objects.for_actor(guest.actor).order_by("id")) == rows
    assert answer_approval(actor=guest.actor, approval=rows[0], approve=True).answered_by == guest.user
    with pytest.raises(ForbiddenError):
        answer_approval(actor=guest.actor, approval=rows[1], approve=True)
    with pytest.raises(ForbiddenError):
        answer_approval(actor=guest.actor, approval=asking(), approve=True)


def test_the_same_place_asks_once(asking, ann):
    row = asking()
    question = services.Question(execution=row.execution, policy=services.Policy())
    assert services.ask(question) == row
    answer_approval(actor=ann.actor, approval=row, approve=True)
    assert services.ask(question).state == "approved"
    assert services.ask(services.Question(execution=row.execution, policy=services.Policy(), path="actions[2]")) != row


@pytest.mark.parametrize(("outcome", "state"), [("approve", "approved"), ("reject", "rejected"), ("fail", "failed")])
def test_silence_means_what_the_settings_say(outcome, state, asking, ann, heard):
    row = asking(timeoutSeconds=60, onTimeout=outcome)
    parked(row.execution)
    with time_machine.travel(row.timeout_at - timedelta(seconds=1)):
        assert not expire(row)
    with time_machine.travel(row.timeout_at + timedelta(seconds=1)):
        WorkItem.objects.filter(kind="approval").update(due_at=now() - timedelta(days=1))
        work_off("interactive")
    row.refresh_from_db()
    assert (row.state, row.timed_out, row.answered_by, row.reason) == (state, True, None, services.NOBODY)
    assert is_due(row.execution)
    assert not WorkItem.objects.filter(kind="approval").exists()
    assert AuditEntry.objects.filter(resource_type="approval", event="timeout", source="system").exists()
    assert heard()[-1].data["timedOut"] is True
    with pytest.raises(ConflictError, match="Nobody answered in time"):
        answer_approval(actor=ann.actor, approval=row, approve=True)


def test_an_answer_after_the_time_is_over_is_none_even_before_anybody_noticed(asking, ann):
    row = asking(timeoutSeconds=60, onTimeout="reject")
    with (
        time_machine.travel(row.timeout_at + timedelta(seconds=1)),
        pytest.raises(ConflictError, match="Nobody answered in time: it was rejected by itself"),
    ):
        answer_approval(actor=ann.actor, approval=row, approve=True)
    row.refresh_from_db()
    assert row.state == "rejected"


def test_an_answer_in_time_takes_the_timeout_away(asking, ann):
    row = asking(timeoutSeconds=60)
    assert WorkItem.objects.filter(kind="approval", target_id=row.id).exists()
    answer_approval(actor=ann.actor, approval=row, approve=True)
    assert not WorkItem.objects.filter(kind="approval").exists()


def test_a_run_that_ends_closes_its_questions(asking, owner, ann, heard):
    row = asking(timeoutSeconds=60)
    cancel_execution(actor=owner.actor, execution=row.execution)
    row.execution.refresh_from_db()
    with transaction.atomic():
        services.close(row.execution)
    row.refresh_from_db()
    assert (row.state, row.closed) == ("canceled", True)
    assert heard()[-1].data["state"] == "canceled"
    assert not WorkItem.objects.filter(kind__startswith="approval").exists()
    with pytest.raises(ConflictError, match="Its run ended at"):
        answer_approval(actor=ann.actor, approval=row, approve=True)


def test_a_run_that_is_over_asks_nobody(asking, owner):
    row = asking()
    cancel_execution(actor=owner.actor, execution=row.execution)
    with pytest.raises(ConflictError):
        services.ask(services.Question(execution=row.execution, policy=services.Policy(), path="later"))


def test_explain_says_who_is_waited_for(asking, owner, ann, bob):
    row = asking(requester=owner, timeoutSeconds=3600, onTimeout="reject")
    parked(row.execution)
    said = explain(row.execution)
    assert said.startswith("It waits for approval by ann@acme.example or bob@acme.example, asked at ")
    assert said.endswith("it is rejected.")
    answer_approval(actor=ann.actor, approval=row, approve=True)
    assert "approval" not in explain(row.execution)


def test_explain_says_so_when_nobody_is_left_who_may(asking, ann):
    row = asking(members=["ann@acme.example"])
    Membership.objects.filter(user=ann.user).update(role="monitor")
    parked(row.execution)
    assert "by ann@acme.example, and no member may give it" in explain(row.execution)
