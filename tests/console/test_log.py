"""The change log: who did what, through which key, in the transaction of the change."""

import pytest
from django.core.management import call_command
from django.test import Client

from apps.accounts.console.names import list_url
from apps.accounts.models import ApiKey
from apps.accounts.services import actor_of_key
from apps.audit.models import AuditEntry
from apps.core.errors import ValidationError
from apps.executions.models import Execution, RecordError
from apps.flows.models import Flow
from apps.flows.services.record_errors import erase_resolved, replace_retry_data, resolve_errors
from apps.flows.services.runs import retry_errors, run_flow
from tests.console.test_verbs import do


def newest(event):
    return AuditEntry.objects.filter(event=event).order_by("-id").first()


def error_of(rows):
    error = rows[RecordError]
    return {"flow": rows[Flow], "step_id": error.step_id}, error.hex_id


def test_a_run_and_its_cancel_are_logged_with_the_key(rows, owner, console):
    actor = actor_of_key(owner.key)
    run = run_flow(actor=actor, flow=rows[Flow])
    entry = newest("run")
    assert (entry.resource_id, entry.user_id, entry.key_id) == (run.id, owner.user.id, actor.key_id)
    do(console, run, "cancel")
    entry = newest("cancel")
    assert (entry.resource_id, entry.source, entry.key_id) == (run.id, "ui", None)


def test_a_refused_run_leaves_no_entry(rows, owner):
    rows[Flow].document = {}
    with pytest.raises(ValidationError, match="no export"):
        run_flow(actor=owner.actor, flow=rows[Flow])
    assert newest("run") is None


def test_an_edited_record_is_logged_with_what_was_changed(rows, owner, visit):
    where, key = error_of(rows)
    replace_retry_data(actor=owner.actor, **where, key=key, data={"id": 2, "note": "x" * 500})
    entry = newest("edit")
    changes = {change["fieldPath"]: change for change in entry.changes}
    assert changes["data.id"] == {"fieldPath": "data.id", "oldValue": 1, "newValue": 2}
    assert len(changes["data.note"]["newValue"]) < 210
    assert entry.resource_name == f"record order-1 of {rows[Flow].name}"
    page = visit(list_url(AuditEntry))
    assert "edit the data of failed record" in page and "order-1" in page


def test_what_is_erased_leaves_the_log_too(rows, owner):
    where, key = error_of(rows)
    replace_retry_data(actor=owner.actor, **where, key=key, data={"id": 2})
    resolve_errors(actor=owner.actor, **where, error_ids=[key])
    erase_resolved(actor=owner.actor, **where, error_ids=[key])
    assert newest("edit").changes == [] and newest("edit").user_id == owner.user.id
    assert newest("erase").changes[1] == {"fieldPath": "of", "newValue": ["order-1"]}


def test_retries_and_resolutions_are_logged_once_a_call(rows, owner):
    where, key = error_of(rows)
    again = retry_errors(actor=owner.actor, **where, error_ids=[key])
    assert newest("retry").resource_id == again.id
    resolve_errors(actor=owner.actor, **where, error_ids=[key])
    resolve_errors(actor=owner.actor, **where, error_ids=[key])
    assert AuditEntry.objects.filter(event="resolve").count() == 1


def test_keys_are_logged_from_the_console_and_from_the_command_line(console, owner, capsys):
    console.post("/console/accounts/apikey/add/", {"name": "warehouse", "role": "monitor"})
    key = ApiKey.objects.get(name="warehouse")
    entry = newest("create")
    assert (entry.resource_id, entry.user_id, entry.source) == (key.id, owner.user.id, "ui")
    do(console, key, "revoke")
    assert newest("revoke").user_id == owner.user.id
    call_command("createkey", name="by hand")
    entry = newest("create")
    assert (entry.source, entry.user_id) == ("system", None) and "by hand" in entry.resource_name
    assert capsys.readouterr().out.strip() not in str(entry.changes)


def test_passwords_are_logged_and_never_written_down(console, owner, capsys):
    call_command("resetpassword", email=owner.user.email)
    entry = newest("password")
    assert (entry.resource_id, entry.user_id, entry.source) == (owner.user.id, None, "system")
    assert entry.changes == []
    client = Client()
    client.force_login(owner.user.__class__.objects.get(pk=owner.user.pk))
    form = {"old_password": capsys.readouterr().out.strip(), "new_password1": "battery staple 9"}
    assert client.post("/console/password_change/", {**form, "new_password2": "battery staple 9"}).status_code == 302
    assert newest("password").user_id == owner.user.id
    assert client.get("/console/").status_code == 200


def test_sign_ins_are_logged_good_and_bad(client, owner, visit):
    form = {"username": owner.user.email.upper(), "password": "wrong"}
    answer = client.post("/console/login/", form, REMOTE_ADDR="192.0.2.7").content.decode()
    assert "This e-mail and this password do not belong together." in answer and "staff account" not in answer
    entry = newest("signin_refused")
    assert (entry.user_id, entry.resource_id) == (None, owner.user.id)
    assert entry.changes == [{"fieldPath": "address", "newValue": "192.0.2.7"}]
    client.post("/console/login/", {"username": owner.user.email, "password": "correct horse battery"})
    assert newest("signin").user_id == owner.user.id
    client.post("/console/login/", {"username": "nobody@acme.example", "password": "wrong"})
    assert AuditEntry.objects.filter(event="signin_refused").count() == 1
    page = visit(list_url(AuditEntry))
    assert "refused sign-in" in page and "nobody signed in" in page


def test_the_api_says_it_in_the_words_of_its_convention(client, rows, owner):
    where, key = error_of(rows)
    resolve_errors(actor=owner.actor, **where, error_ids=[key])
    run_flow(actor=owner.actor, flow=rows[Flow])

    def listed(action):
        found = client.get(f"/v1/audit?action={action}", headers=owner.headers).json()["audit"]
        assert {entry["event"] for entry in found} <= {action}
        return [entry["fieldChanges"][0].get("newValue") for entry in found if entry["fieldChanges"]]

    assert "run" in listed("create") and "resolve" in listed("update")


def test_a_monitor_is_not_told_of_keys(rows, monitor):
    from tests.console.conftest import signed_in

    run = run_flow(actor=actor_of_key(monitor.key), flow=rows[Flow])
    page = signed_in(monitor).get(list_url(AuditEntry)).content.decode()
    assert "with an API key" in page and "“test”" not in page and ">test<" not in page
    listed = signed_in(monitor).get(list_url(Execution)).content.decode()
    assert str(run.pk) in listed and "with the key" not in listed
