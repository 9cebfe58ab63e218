"""Subscribing by path and by names, listing, ending; rotation, replay, dead letters: as clients call them."""

from datetime import timedelta

import pytest
import time_machine
from jsonschema import Draft202012Validator

from apps.accounts.models import EndUser
from apps.audit.models import AuditEntry
from apps.core import clock
from apps.inbound.models import Listener
from apps.subscriptions.models import Delivery, Subscription
from apps.work.models import WorkItem
from tests.api import Api, fields_of
from tests.connections.making import make_end_user
from tests.contracts.operations import contract
from tests.subscriptions.conftest import USER, fire, make_trigger, retry_now, secret_of, subscribe, work_off

pytestmark = pytest.mark.django_db
HOOK = "https://example.com/hook"


def hold(value, name):
    schema = {"$ref": f"#/components/schemas/{name}", "components": contract("interactor")["components"]}
    Draft202012Validator(schema).validate(value)


def by_names(**changes):
    body = {
        "platform": "interactor", "service": "crm", "connectorVersion": "1.0.0", "trigger": "lead.created", "url": HOOK,
        "variables": {},
    }  # fmt: skip
    return {**body, **changes}


def test_both_forms_make_a_subscription_that_is_listed_and_ended(api, crm):
    by_path = api.post(f"/v1/connector/{crm.id}/trigger/lead.created/subscription?userId={USER}", {})
    named = api.post(f"/v1/subscription?userId={USER}", by_names())
    assert (by_path.status_code, named.status_code) == (200, 200)
    hold(by_path.json(), "IdResult")
    listed = api.get(f"/v1/subscription?userId={USER}")
    assert listed.status_code == 200
    for row in listed.json():
        hold(row, "Subscription")
    assert [row["id"] for row in listed.json()] == [by_path.json()["id"], named.json()["id"]]
    assert [row["url"] for row in listed.json()] == [None, HOOK]
    assert listed.json()[0]["connectorId"] == str(crm.id)
    ended = api.delete(f"/v1/subscription/{named.json()['id']}?userId={USER}")
    assert (ended.status_code, ended.json()) == (200, "")
    assert len(api.get(f"/v1/subscription?userId={USER}").json()) == 1
    assert api.delete(f"/v1/subscription/{named.json()['id']}?userId={USER}").status_code == 404
    assert Listener.objects.count() == 1


def test_the_other_spelling_of_the_path_is_taken_too(api, crm):
    assert api.post(f"/v1/connector/crm/trigger/lead.created/subscribe?userId={USER}", {}).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (by_names(url=None), 400, "url"),
        (by_names(platform=""), 400, "platform"),
        ({}, 400, "platform"),
        ([], 400, "object"),
        (by_names(url="ftp://example.com"), 422, "url"),
        (by_names(url="http://"), 422, "url"),
        (by_names(url="http://a b"), 422, "url"),
        (by_names(url="http://[x"), 422, "url"),
        (by_names(url="http://example.com:99999999"), 422, "url"),
        (by_names(url=5), 422, "url"),
        (by_names(url="http://a\0b"), 400, "url"),
        (by_names(variables=[]), 422, "variables"),
        (by_names(variables={"owner": 5}), 422, "owner"),
        (by_names(service="nobody"), 404, "nobody"),
        (by_names(trigger="nothing"), 404, "nothing"),
        (by_names(connectorVersion="9"), 404, "9"),
        (by_names(userCredentialId="x"), 404, "x"),
    ],
)
def test_a_bad_call_is_told_what_is_wrong(api, crm, body, status, says):
    make_trigger(crm, "repo.pushed", {}, schema={"variables": {"properties": {"owner": {"type": "string"}}}})
    if isinstance(body, dict) and body.get("variables") == {"owner": 5}:
        body["trigger"] = "repo.pushed"
    answer = api.post(f"/v1/subscription?userId={USER}", body)
    assert answer.status_code == status, answer.content
    hold(answer.json(), "Error")
    assert says in answer.json()["error"]
    assert not Subscription.objects.exists()
    assert not Listener.objects.exists()


def test_users_are_named_and_known(api, crm):
    path = "/v1/connector/crm/trigger/lead.created/subscription"
    assert api.post(path, {}).status_code == 400
    assert api.post(f"{path}?userId=nobody@example.com", {}).status_code == 404
    assert api.post(f"{path}?userId=%00", {}).status_code == 400
    assert api.get("/v1/subscription").status_code == 400
    by_id = EndUser.objects.get().id
    assert api.get(f"/v1/subscription?userId={by_id}").json() == []


def test_roles_and_organizations(api, crm, monitor, stranger):
    subscription = subscribe(api, HOOK)
    watching, foreign = Api(monitor), Api(stranger)
    path = f"/v1/connector/crm/trigger/lead.created/subscription?userId={USER}"
    assert Api().post(path, {}).status_code == 401
    assert watching.post(path, {}).status_code == 403
    assert watching.get(f"/v1/subscription?userId={USER}").status_code == 200
    assert watching.delete(f"/v1/subscription/{subscription.id}?userId={USER}").status_code == 403
    assert foreign.post(path, {}).status_code == 404
    make_end_user(stranger.organization, USER)
    assert foreign.get(f"/v1/subscription?userId={USER}").json() == []
    assert foreign.delete(f"/v1/subscription/{subscription.id}?userId={USER}").status_code == 404
    one = f"/v1/subscriptions/{subscription.hex_id}"
    assert watching.get(one).status_code == 200
    for verb in ("enable", "disable", "rotateSecret"):
        assert watching.post(f"{one}/{verb}", {}).status_code == 403
        assert foreign.post(f"{one}/{verb}", {}).status_code == 404
    assert watching.get(f"{one}?redact=false").status_code == 403
    assert foreign.get(one).status_code == 404


def test_lists_cost_as_many_queries_for_ten_as_for_one(api, crm, django_assert_max_num_queries):
    for _ in range(10):
        subscribe(api, HOOK)
    for address in (f"/v1/subscription?userId={USER}", "/v1/subscriptions", "/v1/deliveries"):
        with django_assert_max_num_queries(6):
            assert api.get(address).status_code == 200
    assert len(api.get("/v1/subscriptions").json()) == 10


def test_a_rotated_secret_and_its_predecessor_sign_together_for_a_day(api, crm, receiver):
    subscription = subscribe(api, receiver.url)
    old = secret_of(subscription)
    answer = api.post(f"/v1/subscriptions/{subscription.hex_id}/rotateSecret", {})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    new = answer.json()["secret"]
    assert new != old
    fire(crm)
    work_off()
    assert receiver.verified(old) == receiver.verified(new)
    receiver.target.seen.clear()
    with time_machine.travel(clock.now() + timedelta(hours=25)):
        fire(crm)
        retry_now()
        work_off()
        receiver.verified(new)
        with pytest.raises(Exception, match="No matching signature"):
            receiver.verified(old)


def test_a_secret_of_ones_own_is_taken_or_refused(api, crm):
    subscription = subscribe(api, HOOK)
    address = f"/v1/subscriptions/{subscription.hex_id}/rotateSecret"
    own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert api.post(address, {"secret": own}).json() == {"secret": own}
    for bad in ("short", 5, "", "whsec_&&&&", "x" * 500):
        answer = api.post(address, {"secret": bad})
        assert answer.status_code == 422
        assert fields_of(answer) == ["secret"]
    shown = api.get(f"/v1/subscriptions/{subscription.hex_id}")
    assert shown.json()["secret"] == "******"
    revealed = api.get(f"/v1/subscriptions/{subscription.hex_id}?redact=false")
    assert revealed.json()["secret"] == own
    assert AuditEntry.objects.filter(event="reveal", resource_id=subscription.id).count() == 1


def test_dead_letters_are_listed_and_replayed(api, crm, receivers):
    one = receivers(410)
    subscription = subscribe(api, one.url)
    fire(crm, data={"number": 1})
    work_off()
    (dead,) = api.get(f"/v1/deliveries?state=failed&_subscriptionId={subscription.hex_id}").json()
    detail = api.get(f"/v1/deliveries/{dead['_id']}").json()
    assert detail["data"] == {"number": 1}
    assert detail["log"][0]["status"] == 410
    again = api.post(f"/v1/deliveries/{dead['_id']}/replay", {})
    assert again.status_code == 409  # the subscriber said it was gone
    assert api.post(f"/v1/subscriptions/{subscription.hex_id}/enable", {}).json()["enabled"] is True
    assert api.post(f"/v1/deliveries/{dead['_id']}/replay", {}).status_code == 200
    assert api.post(f"/v1/deliveries/{dead['_id']}/replay", {}).status_code == 409
    work_off()
    assert api.get(f"/v1/deliveries/{dead['_id']}").json()["state"] == "succeeded"
    assert len(set(one.message_ids())) == 1


def test_a_range_of_time_is_replayed(api, crm, receiver):
    subscription = subscribe(api, receiver.url)
    for number in range(3):
        fire(crm, data={"number": number})
    work_off()
    address = f"/v1/subscriptions/{subscription.hex_id}/replay"
    hour = timedelta(hours=1)
    begin, end = (clock.now() - hour).isoformat(), (clock.now() + hour).isoformat()
    assert api.post(address, {"from": begin, "to": end}).json() == {"numReplayed": 3}
    work_off()
    assert sorted(message["data"]["number"] for message in receiver.got) == [0, 0, 1, 1, 2, 2]
    long_ago = (clock.now() - 9 * hour).isoformat()
    assert api.post(address, {"from": long_ago, "to": begin}).json() == {"numReplayed": 0}
    for body, _field in (
        ({"from": end, "to": begin}, "from"),
        ({"to": end}, "from"),
        ({"from": "x", "to": end}, "from"),
    ):
        answer = api.post(address, body)
        assert answer.status_code in (400, 422)
        assert fields_of(answer) == ["from"]


def test_a_disabled_subscription_gets_nothing_until_it_is_enabled(api, crm, receiver):
    subscription = subscribe(api, receiver.url)
    assert api.post(f"/v1/subscriptions/{subscription.hex_id}/disable", {}).json()["enabled"] is False
    fire(crm)
    work_off()
    assert not Delivery.objects.exists()
    api.post(f"/v1/subscriptions/{subscription.hex_id}/enable", {})
    fire(crm)
    work_off()
    assert len(receiver.got) == 1


def test_own_event_subscriptions_are_made_changed_and_deleted(api):
    made = api.post("/v1/subscriptions", {"url": HOOK, "events": ["execution.failed"], "name": "Pager"})
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    address = f"/v1/subscriptions/{made.json()['_id']}"
    assert api.patch(address, {"events": ["connection.*"], "url": HOOK + "/2"}).json()["events"] == ["connection.*"]
    assert api.get(address).json()["url"] == HOOK + "/2"
    assert fields_of(api.patch(address, {"enabled": False})) == ["enabled"]
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404
    for body, field in (
        ({"events": ["*"]}, "url"),
        ({"url": HOOK}, "events"),
        ({"url": HOOK, "events": ["Not A Type"]}, "events[0]"),
        ({"url": HOOK, "events": "x"}, "events"),
        ({"url": HOOK, "events": ["*"], "secret": "x"}, "secret"),
    ):
        answer = api.post("/v1/subscriptions", body)
        assert answer.status_code == 422, answer.content
        assert fields_of(answer) == [field]


@pytest.mark.parametrize("identifier", ["x", "0" * 24, "ada@example.com", "9" * 400])
def test_an_id_that_cannot_be_read_is_an_unknown_one(api, crm, identifier):
    assert api.get(f"/v1/deliveries/{identifier}").status_code == 404
    assert api.get(f"/v1/subscriptions/{identifier}").status_code == 404
    assert api.delete(f"/v1/subscription/{identifier}?userId={USER}").status_code == 404
    assert api.get(f"/v1/deliveries?_subscriptionId={identifier}").json() == []


def test_a_state_that_is_none_is_refused(api):
    assert fields_of(api.get("/v1/deliveries?state=lost")) == ["state"]


def test_ending_leaves_no_work(api, crm, receivers):
    one = receivers(*[500] * 3)
    subscription = subscribe(api, one.url)
    fire(crm)
    work_off()
    assert WorkItem.objects.filter(kind="deliveries").exists()
    api.delete(f"/v1/subscription/{subscription.id}?userId={USER}")
    assert not WorkItem.objects.exists()
