"""Writes in doubt: an operator says whether they arrived, and a second try takes note."""

import pytest

from apps.accounts.console.names import address_of
from apps.audit.models import AuditEntry
from apps.executions.models import Execution, Step
from apps.executions.step_journal import finished_writes, unsure_steps
from tests.console.conftest import signed_in


@pytest.fixture
def doubt(rows):
    run = rows[Execution]
    return Step.objects.create(
        execution=run, path="steps.pay", kind="effect", effect="none", state="in_doubt", message="No answer came."
    )


def say(client, step, answer):
    address = address_of(step.execution).replace("/change/", "/settle/")
    return client.post(address, {"step": step.hex_id, "answer": answer}, follow=True).content.decode()


def test_what_is_in_doubt_stands_first(doubt, visit):
    page = visit(address_of(doubt.execution))
    assert "It arrived" in page and "It did not arrive" in page and "No answer came." in page
    assert page.index("In doubt</h2>") < page.index("Record errors</h2>")


@pytest.mark.parametrize("answer, state", [("arrived", "succeeded"), ("lost", "failed")])
def test_an_answer_settles_it_and_is_logged(doubt, console, owner, answer, state):
    page = say(console, doubt, answer)
    assert "Noted: steps.pay" in page and "It did not arrive" not in page
    doubt.refresh_from_db()
    assert doubt.state == state and doubt.message.endswith("No answer came.") and doubt.ended_at is not None
    entry = AuditEntry.objects.get(event="settle")
    assert (entry.user_id, entry.resource_id) == (owner.user.id, doubt.execution_id)
    assert entry.changes[0]["fieldPath"] == "steps.pay"


def test_only_what_did_not_arrive_may_be_sent_again(doubt, console):
    say(console, doubt, "arrived")
    assert unsure_steps(doubt.execution) == {("steps.pay", ""): "none"} and finished_writes(doubt.execution) == {}
    Step.objects.filter(pk=doubt.pk).update(state="in_doubt")
    say(console, doubt, "lost")
    assert unsure_steps(doubt.execution) == {}


def test_it_is_settled_once(doubt, console):
    say(console, doubt, "arrived")
    assert "is not in doubt any more" in say(console, doubt, "lost")
    doubt.refresh_from_db()
    assert doubt.state == "succeeded"


@pytest.mark.parametrize("answer", ["", "perhaps"])
def test_another_answer_is_none(doubt, console, answer):
    assert "Say whether it arrived or not." in say(console, doubt, answer)
    doubt.refresh_from_db()
    assert doubt.state == "in_doubt"


@pytest.mark.parametrize("step", ["", "nothing", "0123456789abcdef01234567", "a\0b"])
def test_a_step_that_is_none_is_refused(doubt, console, step):
    address = address_of(doubt.execution).replace("/change/", "/settle/")
    page = console.post(address, {"step": step, "answer": "arrived"}, follow=True).content.decode()
    assert "The execution has no such step." in page


def test_a_stranger_settles_nothing(doubt, stranger):
    address = address_of(doubt.execution).replace("/change/", "/settle/")
    answer = signed_in(stranger).post(address, {"step": doubt.hex_id, "answer": "arrived"})
    assert answer.status_code == 404


def test_it_takes_a_post(doubt, console):
    assert console.get(address_of(doubt.execution).replace("/change/", "/settle/")).status_code == 405
