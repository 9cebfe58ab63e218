"""/v1/alarms: documents that are read back, faults that name the member, secrets that stay in, who may what."""

import re

import pytest

from apps.accounts.models import ApiKey, Membership
from apps.alarms.models import Alarm, Firing, Message
from apps.audit.models import AuditEntry
from apps.core.ids import parse_id
from apps.integrations.models import Share
from tests.alarms.conftest import SECRET, run, webhook, work_off
from tests.api import Api, fields_of
from tests.conftest import make_person

pytestmark = pytest.mark.django_db
MAIL = {"type": "email", "to": ["night@acme.example"]}
WHOLE = {
    "name": "Nightly",
    "kind": "execution_failed",
    "enabled": True,
    "urgent": False,
    "threshold": 2,
    "window": 600,
    "groupBy": "integration",
    "period": 1800,
    "tellRecovery": False,
    "scope": {},
    "quietHours": {"from": "22:00", "until": "07:00", "timezone": "Europe/Helsinki", "days": ["mon", "tue"]},
    "channels": [MAIL],
}


def test_a_document_is_read_back_as_it_was_written(api):
    created = api.post("/v1/alarms", WHOLE)
    assert created.status_code == 201
    path = f"/v1/alarms/{created.json()['_id']}"
    found = api.get(path).json()
    assert found.pop("channels") == [{**MAIL, "_id": created.json()["channels"][0]["_id"]}]
    for name, value in WHOLE.items():
        assert name == "channels" or found[name] == value
    assert (found["state"], found["numFiring"], found["firingSince"]) == ("ok", 0, None)
    assert api.patch(path, [{"op": "replace", "path": "/threshold", "value": 5}]).status_code == 204
    assert api.get(path).json()["threshold"] == 5
    assert [row["_id"] for row in api.get("/v1/alarms").json()] == [found["_id"]]
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    events = AuditEntry.objects.filter(resource_type="alarm").order_by("id").values_list("event", flat=True)
    assert list(events) == ["create", "update", "delete"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "weather"}, "kind"),
        ({"name": " "}, "name"),
        ({"threshold": 0}, "threshold"),
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": "1"}, "threshold"),
        ({"window": -1}, "window"),
        ({"window": 10**9}, "window"),
        ({"period": 1}, "period"),
        ({"minimum": 0}, "minimum"),
        ({"groupBy": "colour"}, "groupBy"),
        ({"scope": {"_flowId": "nothing"}}, "scope._flowId"),
        ({"scope": {"_connectionId": "0" * 24}}, "scope._connectionId"),
        ({"scope": {"_exportId": None}}, "scope._exportId"),
        ({"quietHours": {"from": "25:00", "until": "07:00"}}, "quietHours.from"),
        ({"quietHours": {"from": "07:00", "until": "07:00"}}, "quietHours.until"),
        ({"quietHours": {"from": "22:00", "until": "07:00", "timezone": "Mars"}}, "quietHours.timezone"),
        ({"quietHours": {"from": "22:00", "until": "07:00", "days": ["someday"]}}, "quietHours.days"),
        ({"channels": []}, "channels"),
        ({"channels": [{"type": "pigeon"}]}, "channels[0].type"),
        ({"channels": [{"type": "email", "to": ["nobody"]}]}, "channels[0].to[0]"),
        ({"channels": [{"type": "email", "to": []}]}, "channels[0].to"),
        ({"channels": [{**MAIL, "url": "https://a.example"}]}, "channels[0].url"),
        ({"channels": [{"type": "slack", "url": "ftp://a.example"}]}, "channels[0].url"),
        ({"channels": [{"type": "slack", "url": "******"}]}, "channels[0].url"),
        ({"channels": [{"type": "webhook", "url": "https://a.example", "secret": "short"}]}, "channels[0].secret"),
        ({"channels": [{**MAIL, "_id": "a"}, {**MAIL, "_id": "a"}]}, "channels[1]._id"),
    ],
)
def test_a_fault_names_its_member(api, change, field):
    answer = api.post("/v1/alarms", {**WHOLE, **change})
    assert answer.status_code in (400, 422), answer.content
    assert field in fields_of(answer), answer.content
    assert not Alarm.objects.exists()


def test_a_scope_that_a_kind_cannot_look_at_is_refused(api):
    folder = api.post("/v1/integrations", {"name": "Warehouse"}).json()["_id"]
    answer = api.post("/v1/alarms", {**WHOLE, "kind": "queue_lag", "scope": {"_integrationId": folder}})
    assert (answer.status_code, fields_of(answer)) == (422, ["scope._integrationId"])
    assert "looks at the whole organization" in answer.json()["errors"][0]["message"]


def test_secrets_go_in_once_and_stay_when_they_come_back_masked(api, owner, monitor):
    url = "https://hooks.slack.example/services/T0/B0/s3cr3t"
    channels = [{"type": "slack", "url": url}, {"type": "webhook", "url": "https://a.example/in"}]
    created = api.post("/v1/alarms", {**WHOLE, "channels": channels})
    slack, hook = created.json()["channels"]
    assert slack["url"] == "******"
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]+=*", hook["secret"])  # made for it, and shown this once
    assert created["Cache-Control"] == "no-store"
    path = f"/v1/alarms/{created.json()['_id']}"
    shown = api.get(path)
    assert b"s3cr3t" not in shown.content
    assert hook["secret"].encode() not in shown.content
    document = shown.json()
    document["channels"].reverse()
    assert api.put(path, document).status_code == 200
    revealed = api.get(f"{path}?redact=false").json()["channels"]
    assert [revealed[0]["secret"], revealed[1]["url"]] == [hook["secret"], url]
    assert AuditEntry.objects.filter(event="reveal", resource_type="alarm").count() == 1
    assert Api(monitor).get(f"{path}?redact=false").status_code == 403
    stored = Alarm.objects.get()
    assert "s3cr3t" not in str(stored.document)
    assert "s3cr3t" not in str(list(AuditEntry.objects.values_list("changes", flat=True)))


def test_a_monitor_reads_and_changes_nothing_and_a_stranger_sees_nothing(api, monitor, stranger, mailbox):
    path = f"/v1/alarms/{api.post('/v1/alarms', WHOLE).json()['_id']}"
    watching, outside = Api(monitor), Api(stranger)
    for found in ("", "/log", "/firings", "/audit"):
        assert watching.get(path + found).status_code == 200
        assert outside.get(path + found).status_code == 404
    assert watching.post("/v1/alarms", WHOLE).status_code == 403
    assert watching.put(path, WHOLE).status_code == 403
    assert watching.delete(path).status_code == 403
    assert watching.post(f"{path}/test").status_code == 403
    assert outside.post(f"{path}/test").status_code == 404
    assert outside.get("/v1/alarms").json() == []
    assert mailbox.letters == []


def test_who_manages_one_integration_makes_alarms_of_it_alone(api, organization):
    folder = api.post("/v1/integrations", {"name": "Warehouse"}).json()["_id"]
    guest = make_person(organization=organization, role="", email="guest@acme.example")
    membership = Membership.objects.get(user=guest.user)
    ApiKey.objects.filter(user=guest.user).update(role="owner")
    Share.objects.create(
        organization=organization, integration_id=parse_id(folder), membership=membership, role="manage"
    )
    sharing = Api(guest)
    assert sharing.post("/v1/alarms", WHOLE).status_code == 403
    mine = sharing.post("/v1/alarms", {**WHOLE, "scope": {"_integrationId": folder}})
    assert mine.status_code == 201, mine.content
    api.post("/v1/alarms", WHOLE)
    assert [row["_id"] for row in sharing.get("/v1/alarms").json()] == [mine.json()["_id"]]


def test_the_log_and_what_fires_are_lists_like_all_others(api, make, organization, mailbox, receiver):
    alarm = make(channels=[MAIL, webhook(receiver)])
    for name in ("Orders", "Invoices", "Parcels"):
        run(organization, name=name)
    work_off()
    path = f"/v1/alarms/{alarm.hex_id}"
    shown = api.get(path).json()
    assert (shown["state"], shown["numFiring"]) == ("firing", 3)
    assert shown["firingSince"] and shown["lastToldAt"]
    log = api.get(f"{path}/log").json()
    assert len(log) == 6
    letter = next(row for row in log if row["channel"] == "email")
    assert letter["state"] == "sent"
    assert letter["to"] == "night@acme.example"
    assert letter["attempts"] == 1
    assert "What to do" in letter["text"]
    assert letter["sentAt"] and letter["_alarmId"] == alarm.hex_id
    page = api.get(f"{path}/log?limit=4")
    assert len(page.json()) == 4
    assert 'rel="next"' in page["Link"]
    assert api.get(f"{path}/log?state=failed").json() == []
    assert fields_of(api.get(f"{path}/log?state=lost")) == ["state"]
    firings = api.get(f"{path}/firings?state=firing").json()
    assert {row["title"] for row in firings} == {"flow Orders", "flow Invoices", "flow Parcels"}
    assert firings[0]["subjects"][0]["url"].startswith("https://junction.example/console/executions/")
    assert SECRET not in str(log) + str(firings)


def test_lists_cost_a_constant_number_of_queries(api, make, organization, mailbox):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    make()
    with CaptureQueriesContext(connection) as one:
        api.get("/v1/alarms")
    for _ in range(5):
        make()
    run(organization)
    work_off()
    with CaptureQueriesContext(connection) as many:
        assert len(api.get("/v1/alarms").json()) == 6
    assert len(one) == len(many)


def test_a_change_of_what_is_looked_at_ends_what_fires_without_a_word(api, make, organization, mailbox):
    alarm = make()
    path = f"/v1/alarms/{alarm.hex_id}"
    run(organization)
    work_off()
    assert api.patch(path, [{"op": "replace", "path": "/name", "value": "Other"}]).status_code == 204
    assert api.get(path).json()["state"] == "firing"
    assert api.patch(path, [{"op": "add", "path": "/groupBy", "value": "none"}]).status_code == 204
    assert api.get(path).json()["state"] == "ok"
    assert Firing.objects.get().ended_by == "the alarm was changed"
    run(organization)
    work_off()
    assert api.patch(path, [{"op": "replace", "path": "/enabled", "value": False}]).status_code == 204
    assert api.get(path).json()["state"] == "off"
    run(organization)
    work_off()
    assert len(mailbox.letters) == 2


def test_a_deleted_alarm_sends_nothing_more_and_leaves_its_log(api, make, organization, mailbox):
    alarm = make()
    run(organization)
    work_off("interactive")
    assert api.delete(f"/v1/alarms/{alarm.hex_id}").status_code == 204
    work_off()
    message = Message.objects.get()
    assert (message.alarm_id, message.alarm_name, message.state) == (None, "Execution failed", "failed")
    assert mailbox.letters == []


def test_a_flow_that_an_alarm_names_stays(api, make, mailbox):
    from tests.contracts.world import HTTP_CONNECTION, HTTP_EXPORT

    connection = api.post("/v1/connections", HTTP_CONNECTION).json()["_id"]
    export = api.post("/v1/exports", {**HTTP_EXPORT, "_connectionId": connection}).json()["_id"]
    flow = api.post("/v1/flows", {"name": "Orders", "pageGenerators": [{"_exportId": export}]}).json()["_id"]
    make(name="Watch", scope={"_flowId": flow})
    answer = api.delete(f"/v1/flows/{flow}")
    assert answer.status_code == 422
    assert "Watch" in answer.json()["errors"][0]["message"]
