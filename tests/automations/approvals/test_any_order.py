"""Whatever happens in whatever order, one answer counts; whatever is sent, nothing breaks."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from apps.audit.models import AuditEntry
from apps.automations.approvals import links, mail, services
from apps.automations.approvals.policy import SETTINGS, read_policy
from apps.core.clock import now
from apps.core.errors import DomainError, ValidationError
from apps.engine.json_values import why_unkeepable
from apps.executions.models import Execution
from apps.executions.services import WORK, cancel_execution
from apps.work.models import WorkItem
from tests.api import Api
from tests.automations.approvals.conftest import work_off
from tests.contracts.test_fuzz import VALUES

pytestmark = pytest.mark.django_db
ENOUGH = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FAR = datetime(2100, 1, 1, tzinfo=UTC)
WORDS = ["ann approves", "ann rejects", "bob approves", "bob rejects", "time passes", "work", "cancel", "ask"]
STEPS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8)
ENDS = {"approve": "approved", "reject": "rejected", "fail": "failed"}
ANSWERS = {"approves": "approved", "rejects": "rejected"}


@pytest.fixture
def people(owner, ann, bob):
    return {"owner": owner, "ann": ann, "bob": bob}


@ENOUGH
@given(steps=STEPS, timeout=st.sampled_from([None, 60]), silence=st.sampled_from(sorted(ENDS)))
def test_the_first_end_is_the_only_one(steps, timeout, silence, asking, people):
    owner = people["owner"]
    row = asking(requester=owner, timeoutSeconds=timeout, onTimeout=silence, remindAfterSeconds=timeout and 30)
    WorkItem.objects.filter(kind=WORK, target_id=row.execution_id).update(due_at=FAR)
    known, later = "waiting", timedelta(0)
    for step in steps:
        with time_machine.travel(now() + later):
            who, _, verb = step.partition(" ")
            if step == "time passes":
                later += timedelta(seconds=45)
            elif step == "work":
                WorkItem.objects.filter(kind="approval").update(due_at="2000-01-01T00:00:00Z")
                work_off("interactive")
            elif step == "ask":
                services.ask(services.Question(execution=row.execution, policy=services.Policy()))
            elif step == "cancel":
                cancel(owner, row)
            else:
                answer(people[who], row, verb)
            known = checked(row, step, before=known, late=bool(timeout) and later.total_seconds() > 60, silence=silence)


def cancel(owner, row):
    try:
        cancel_execution(actor=owner.actor, execution=row.execution)
    except DomainError:
        return
    with transaction.atomic():  # as the execution kind of automations does at its end
        services.close(Execution.objects.get(pk=row.execution_id))


def answer(person, row, verb):
    address = f"/v1/approvals/{row.hex_id}/{verb.removesuffix('s')}"
    told = Api(person).post(address, {"reason": "because"})
    row.refresh_from_db()
    assert told.status_code == (200 if told.json().get("state") else 409), told.content


def checked(row, step, *, before, late, silence):
    row.refresh_from_db()
    if before != "waiting":
        assert row.state == before, (step, "a second end")
    elif row.state != "waiting" and row.timed_out:
        assert late and row.state == ENDS[silence]
    elif step.split()[-1] in ANSWERS:
        assert row.state == ANSWERS[step.split()[-1]]
    noted = AuditEntry.objects.filter(resource_id=row.id, event__in=("approve", "reject", "timeout")).count()
    assert noted == (row.state not in ("waiting", "canceled"))
    assert row.closed == (row.state != "waiting") == (row.answered_at is not None)
    if row.closed:
        assert not WorkItem.objects.filter(kind="approval", target_id=row.id).exists()
        assert not WorkItem.objects.filter(kind=WORK, target_id=row.execution_id, due_at=FAR).exists()
    return row.state


@ENOUGH
@given(body=st.one_of(VALUES, st.dictionaries(st.sampled_from(["reason", "approve", "state"]), VALUES, max_size=3)))
def test_no_body_breaks_an_answer(body, asking, ann):
    row = asking()
    for verb in ("reject", "approve"):
        told = Api(ann).post(f"/v1/approvals/{row.hex_id}/{verb}", body)
        assert told.status_code in (200, 400, 409, 422), told.content
        assert told.status_code == 200 or told.json()["errors"][0]["message"]


@ENOUGH
@given(document=st.one_of(VALUES, st.dictionaries(st.sampled_from(SETTINGS), VALUES, max_size=4)))
def test_no_settings_break_their_reader(document):
    try:
        read_policy(document)
    except ValidationError as error:
        assert error.field.startswith("approval")


@ENOUGH
@given(token=st.text(max_size=40))
def test_no_text_for_a_link_breaks_its_page(token, client):
    address = f"/approvals/{quote(token, safe='')}"
    assert client.get(address).status_code in (301, 404), address
    assert client.post(address).status_code == 404


@ENOUGH
@given(plan=VALUES, message=st.text(alphabet=st.characters(exclude_characters="\0"), max_size=50))
def test_no_plan_breaks_the_mail_and_the_pages(plan, message, asking, ann, client):
    assume(not why_unkeepable(plan))  # what a run was started with has been kept before
    wild = {"args": plan, "arguments": {"a": plan}, "actions": [plan, {"type": plan, "args": plan}], "event": plan}
    row = asking(plan={**wild, "data": plan, "description": plan}, members=["ann@acme.example"])
    row.message = message
    row.save()
    assert mail.letter(row.notices.select_related("approval__requester", "user").get()).text
    page = client.get(f"/approvals/{links.seal(row, user_id=ann.user.id, approve=False)}")
    assert page.status_code == 200
    client.force_login(ann.user)
    assert client.get(f"/console/automations/approval/{row.hex_id}/change/").status_code == 200
    client.logout()
