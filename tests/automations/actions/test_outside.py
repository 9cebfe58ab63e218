"""callWebhook and sendEmail over real sockets: what is sent, once, signed, struck out, and tried again."""

import json

import pytest
from django.db import transaction
from standardwebhooks import Webhook

from apps.core.errors import DomainError, ValidationErrors
from apps.executions.models import Exchange, State, Step
from apps.executions.payloads import unpack
from apps.work.models import WorkItem
from tests.automations.actions.conftest import step
from tests.automations.conftest import outputs_of, steps_of
from tests.systems import Answer

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_webhook_is_sent_with_its_key_and_its_answer_is_read(shop, system):
    system.take("/in")
    shop.automation(
        step("callWebhook", "hook", url=f"{system.url}/in", body={"title": "{{ data.title }}"}, headers={"X-Env": "a"}),
        outputs={"id": "{{ actions.hook.output.body.id }}", "status": "{{ actions.hook.output.status }}"},
    )
    shop.happen(title="Web")
    shop.work()
    [run] = shop.runs
    assert outputs_of(run) == {"id": "r1", "status": 200}
    [call] = system.made("POST /in")
    assert (call.json, call.headers["X-Env"]) == ({"title": "Web"}, "a")
    assert len(call.headers["Idempotency-Key"]) == 40
    assert Exchange.objects.get(execution=run).step_path == "actions[0]"


def test_a_signed_webhook_can_be_verified_and_the_secret_is_told_nowhere(shop, system):
    system.take("/in")
    shop.automation(
        step("callWebhook", url=f"{system.url}/in", body={"a": 1}, secret="{{ secrets.hook }}",
             headers={"Authorization": "Bearer {{ secrets.token }}"}),
        secrets={"hook": SECRET, "token": "t0ken-of-theirs"},
    )  # fmt: skip
    shop.happen()
    shop.work()
    [call] = system.made("POST /in")
    Webhook(SECRET).verify(call.body, {name.lower(): value for name, value in call.headers.items()})
    assert call.headers["Authorization"] == "Bearer t0ken-of-theirs"
    exchange = Exchange.objects.get()
    assert b"t0ken" not in json.dumps(unpack(exchange.detail)).encode()


def test_a_refusal_fails_the_run_and_an_expected_one_does_not(shop, system):
    system.routes["POST /in"] = lambda call: Answer(409, {"message": "there already"})
    shop.automation(
        step("callWebhook", url=f"{system.url}/in?key={{{{ secrets.key }}}}"), id="a", secrets={"key": "s3cr3t"}
    )
    shop.automation(step("callWebhook", "h", url=f"{system.url}/in", okStatuses=[409]), id="b")
    shop.happen()
    shop.work()
    failed, fine = sorted(shop.runs, key=lambda run: run.target_name)
    assert failed.state == State.FAILED
    assert "answered 409" in failed.reason
    assert "s3cr3t" not in failed.reason
    assert fine.state == State.SUCCEEDED


def test_a_target_that_asks_to_wait_is_called_again_under_the_same_key(shop, system, later):
    answers = [Answer(429, {}, {"Retry-After": "600"}), Answer(200, {"ok": True})]
    system.routes["POST /in"] = lambda call: answers.pop(0)
    shop.automation(step("callWebhook", "h", url=f"{system.url}/in"), outputs={"ok": "{{ actions.h.output.body.ok }}"})
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.WAITING
    later(minutes=11)
    shop.work()
    run.refresh_from_db()
    assert outputs_of(run) == {"ok": True}
    first, second = system.made("POST /in")
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


def test_a_worker_that_is_lost_after_sending_sends_again_under_the_same_key(shop, system):
    """The intent is committed, the outcome is not: as after a kill between the two."""
    system.take("/in")
    shop.automation(step("callWebhook", url=f"{system.url}/in"))
    shop.happen()
    shop.work()
    [run] = shop.runs
    [first] = system.made("POST /in")
    with transaction.atomic():
        run.steps.filter(kind="effect").update(state=Step.State.INTENT, outcome=b"", ended_at=None)
        run.steps.exclude(kind="effect").delete()
        type(run).objects.filter(pk=run.pk).update(state=State.RUNNING, ended_at=None)
        from apps.executions.services import WORK
        from apps.work import services as work

        work.add(kind=WORK, lane="flows", organization_id=run.organization_id, target_id=run.id)
    shop.work()
    run.refresh_from_db()
    assert run.state == State.SUCCEEDED, run.reason
    assert [call.headers["Idempotency-Key"] for call in system.made("POST /in")] == [
        first.headers["Idempotency-Key"]
    ] * 2


def test_a_read_needs_no_intent(shop, system):
    system.routes["GET /in"] = lambda call: {"n": 5}
    shop.automation(step("callWebhook", "h", url=f"{system.url}/in", method="GET"),
                    outputs={"n": "{{ actions.h.output.body.n }}"})  # fmt: skip
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert outputs_of(run) == {"n": 5}
    assert list(steps_of(run)) == ["actions[0]"]


def test_an_address_out_of_bounds_is_refused(shop, settings):
    settings.ALLOWED_NETWORKS = ()
    shop.automation(step("callWebhook", url="http://169.254.169.254/latest"))
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.FAILED
    assert "169.254" in run.reason


def test_headers_that_are_junctions_own_are_refused(shop, system):
    shop.automation(step("callWebhook", url=system.url, headers={"Idempotency-Key": "mine"}))
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert "actions[0].args.headers.Idempotency-Key" in run.reason
    assert system.calls == []


def test_a_mail_is_sent_to_those_it_names(shop, mailbox):
    shop.automation(
        step("sendEmail", "m", to="ana@acme.example, bo@acme.example", bcc=["hid@acme.example"],
             subject="{{ data.title }} is down", text="Look at {{ data.id }}.", html="<b>{{ data.id }}</b>"),
        outputs={"to": "{{ actions.m.output.to }}"},
    )  # fmt: skip
    shop.happen(title="Web")
    shop.work()
    [run] = shop.runs
    assert run.state == State.SUCCEEDED, run.reason
    assert outputs_of(run) == {"to": ["ana@acme.example", "bo@acme.example"]}
    [letter] = mailbox.letters
    assert letter["Subject"] == "Web is down"
    assert "hid@acme.example" in letter["X-Envelope-To"]
    assert letter["Bcc"] is None
    assert Step.objects.get(kind="effect").effect == "none"


def test_a_mail_server_that_says_later_is_asked_again(shop, mailbox, later):
    mailbox.answers = ["451 later", "451 later"]
    shop.automation(step("sendEmail", to="ana@acme.example", subject="Hi", text="Hi"))
    shop.happen()
    for _ in range(3):
        shop.work()
        later(hours=1)
    [run] = shop.runs
    assert run.state == State.SUCCEEDED, run.reason
    assert mailbox.subjects == ["Hi"]


def test_a_mail_that_is_refused_fails_the_run(shop, mailbox):
    mailbox.answers = ["550 no such mailbox"]
    shop.automation(step("sendEmail", to="ana@acme.example", subject="Hi", text="Hi"))
    shop.automation(step("sendEmail", to="{{ data.title }}", subject="Hi", text="Hi"), id="other")
    shop.happen(title="not an address")
    shop.work()
    assert [run.state for run in shop.runs] == [State.FAILED] * 2
    assert {"550" in run.reason for run in shop.runs} == {True, False}
    assert not WorkItem.objects.filter(kind="execution").exists()


@pytest.mark.parametrize(
    ("args", "at"),
    [
        ({"to": "a@b.example", "subject": "x"}, "actions[0].args"),
        ({"to": [], "subject": "x", "text": ""}, "actions[0].args.to"),
        ({"to": "a@b.example", "subject": 5, "text": ""}, "actions[0].args.subject"),
    ],
)
def test_what_is_no_mail_is_refused_by_its_path(shop, args, at):
    with pytest.raises(ValidationErrors) as caught:
        shop.automation(step("sendEmail", **args))
    assert caught.value.field == at


@pytest.mark.parametrize(
    ("args", "at"),
    [
        ({}, "actions[0].args.url"),
        ({"url": "http://x", "method": "SEND"}, "actions[0].args.method"),
        ({"url": "http://x", "headers": {"a": 1}}, "actions[0].args.headers.a"),
        ({"url": "http://x", "timeoutSeconds": 10_000}, "actions[0].args.timeoutSeconds"),
    ],
)
def test_what_is_no_webhook_is_refused_by_its_path(shop, args, at):
    with pytest.raises(DomainError) as caught:
        shop.automation(step("callWebhook", **args))
    assert caught.value.field == at
