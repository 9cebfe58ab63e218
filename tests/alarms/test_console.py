"""The pages of alarms: state, log and verbs, for those who may."""

import pytest

from apps.accounts.console.names import address_of, list_url
from apps.alarms.models import Alarm, Message
from tests.alarms.conftest import run, work_off
from tests.console.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(owner):
    return signed_in(owner)


def do(client, row, name):
    return client.post(address_of(row).replace("/change/", f"/do/{name}/"), follow=True).content.decode()


def test_what_fires_and_what_was_told_stand_on_the_page(console, make, organization, mailbox):
    alarm = make()
    assert "Nobody was told anything yet." in console.get(address_of(alarm)).content.decode()
    execution = run(organization)
    work_off()
    page = console.get(address_of(alarm)).content.decode()
    assert "1 firing, the first for" in page
    assert "Orders: The shop answered 503." in page
    assert f"/console/executions/execution/{execution.hex_id}/change/" in page
    assert "[Acme] Execution failed: flow Orders" in page
    assert ">firing<" in console.get(list_url(Alarm, "?state=firing")).content.decode()
    assert alarm.name not in console.get(list_url(Alarm, "?state=ok")).content.decode().partition("result_list")[2]
    message = console.get(address_of(Message.objects.get())).content.decode()
    assert "What to do   Open the execution" in message
    assert "night@acme.example" in message


def test_a_test_says_what_came_of_it(console, make, mailbox):
    alarm = make()
    assert "email to night@acme.example: The mail server has taken it." in do(console, alarm, "test")
    mailbox.answers += ["554 not here"]
    assert "The test failed. email to night@acme.example: The mail server answered 554 not here." in do(
        console, alarm, "test"
    )
    assert mailbox.subjects == ["[Acme] Test of the alarm Execution failed"]


def test_switching_off_on_and_deleting(console, make, organization, mailbox):
    alarm = make()
    assert "The alarm is off" in do(console, alarm, "disable")
    run(organization)
    work_off()
    assert mailbox.letters == []
    assert "The alarm is on" in do(console, alarm, "enable")
    assert "is deleted. Its log stays." in do(console, alarm, "delete")
    assert not Alarm.objects.exists()


def test_a_new_alarm_begins_with_a_document_that_can_be_saved(console, mailbox):
    address = list_url(Alarm) + "add/"
    page = console.get(address).content.decode()
    assert "execution_failed" in page
    from apps.accounts.console.display import pretty
    from apps.alarms.admin import STARTER

    saved = console.post(address, {"document": pretty(STARTER)}, follow=True)
    assert "is saved" in saved.content.decode()
    bad = console.post(address, {"document": pretty({**STARTER, "threshold": 0})})
    assert bad.status_code == 422
    assert "threshold: must be more than 0" in bad.content.decode()


def test_a_monitor_looks_and_has_no_verbs(make, monitor, mailbox):
    alarm = make()
    watching = signed_in(monitor)
    assert alarm.name in watching.get(address_of(alarm)).content.decode()
    for verb in ("test", "disable", "delete"):
        assert "That cannot be done here" in do(watching, alarm, verb)
    assert watching.get(list_url(Alarm) + "add/").status_code == 404
    assert mailbox.letters == []


def test_the_dashboard_tells_what_fires(console, make, organization, mailbox, stranger):
    make(name="Night watch")
    assert "Alarms firing" not in console.get("/console/").content.decode()
    run(organization)
    work_off()
    assert "Alarms firing" in (page := console.get("/console/").content.decode())
    assert "Night watch" in page
    assert "Night watch" not in signed_in(stranger).get("/console/").content.decode()
