"""The inbound address over a real socket and without: who is believed, what is answered, what is kept once."""

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request

import pytest
from django.test import Client
from standardwebhooks import Webhook

from apps.core import clock
from apps.events.models import Event
from apps.inbound import receiving
from apps.inbound.addresses import hook_of
from apps.inbound.models import Listener, Notification
from apps.work.models import WorkItem
from tests.api import Api, fields_of
from tests.subscriptions.conftest import USER, make_event, make_trigger, subscribe, work_off

pytestmark = pytest.mark.django_db
SECRET = "it's-a-secret"
GITHUB = {"type": "hmac-sha256", "header": "X-Hub-Signature-256", "prefix": "sha256="}
STRIPE = {
    "type": "hmac-sha256", "header": "Stripe-Signature", "signed": "{timestamp}.{body}",
    "fields": {"timestamp": "t", "signature": "v1"},
}  # fmt: skip
SLACK = {
    "type": "hmac-sha256", "header": "X-Slack-Signature", "prefix": "v0=", "signed": "v0:{timestamp}:{body}",
    "timestamp": "X-Slack-Request-Timestamp",
}  # fmt: skip
BODY = b'{"id": "evt_1", "name": "Ada"}'


@pytest.fixture
def address(crm, api, organization):
    """The connector's inbound address, with the secret set."""
    set_secrets(api, SECRET)
    return f"/hooks/{hook_of(crm, organization_id=organization.id).token}"


def set_secrets(api, *texts):
    answer = api.put("/v1/hooks/crm", {"secrets": list(texts)})
    assert answer.status_code == 200, answer.content
    return answer.json()


def call(address, body=BODY, *, method="post", content_type="application/json", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if method == "get":
        return Client().get(address, headers=named)
    return getattr(Client(), method)(address, data=body, content_type=content_type, headers=named)


def digest(text, key=SECRET, name=hashlib.sha256):
    return hmac.new(key.encode(), text, name)


def test_a_github_signature_is_believed_and_a_wrong_one_is_not(crm, api, address):
    make_event(crm, "lead.created", config={"security": GITHUB})
    good = "sha256=" + digest(BODY).hexdigest()
    assert call(address, x_hub_signature_256=good).status_code == 202
    for bad in (
        "",
        "sha256=",
        good[:-2] + "xx",
        digest(BODY).hexdigest(),
        "sha256=" + digest(BODY, "other").hexdigest(),
    ):
        answer = call(address, x_hub_signature_256=bad)
        assert answer.status_code == 401
        assert "signature" in answer.json()["error"]
    assert Notification.objects.count() == 1


def test_stripe_and_slack_signatures_carry_their_time(crm, api, address):
    event = make_event(crm, "lead.created", config={"security": STRIPE})
    now = int(time.time())

    def stripe(moment):
        return f"t={moment},v1={digest(f'{moment}.'.encode() + BODY).hexdigest()},v0=abc"

    assert call(address, stripe_signature=stripe(now)).status_code == 202
    assert call(address, stripe_signature=stripe(now - 1000)).status_code == 401
    assert call(address, stripe_signature=f"t={now},v1=00").status_code == 401
    assert call(address, stripe_signature="t=x,v1=").status_code == 401
    event.document = {"config": {"security": SLACK}}
    event.save()
    receiving.forget_addresses()

    def slack(moment):
        return "v0=" + digest(f"v0:{moment}:".encode() + BODY).hexdigest()

    told = {"x_slack_request_timestamp": str(now)}
    assert call(address, x_slack_signature=slack(now), **told).status_code == 202
    assert call(address, x_slack_signature=slack(now - 9), **told).status_code == 401
    assert call(address, x_slack_signature=slack(now)).status_code == 401


@pytest.mark.parametrize(
    ("security", "proofs"),
    [
        ({"type": "token", "header": "X-Gitlab-Token"}, ({"x_gitlab_token": SECRET}, {"x_gitlab_token": "no"})),
        (
            {"type": "token", "header": "Authorization", "prefix": "Bearer "},
            ({"authorization": f"Bearer {SECRET}"}, {"authorization": SECRET}),
        ),
        (
            {"type": "basic"},
            (
                {"authorization": "Basic " + base64.b64encode(SECRET.encode()).decode()},
                {"authorization": "Basic !!"},
            ),
        ),
        (
            {"type": "hmac-sha512", "header": "X-Sign", "encoding": "base64"},
            (
                {"x_sign": base64.b64encode(digest(BODY, name=hashlib.sha512).digest()).decode()},
                {"x_sign": "é"},
            ),
        ),
        ({"type": "hmac-sha1", "header": "X-Sign"}, ({"x_sign": digest(BODY, name=hashlib.sha1).hexdigest()}, {})),
    ],
)
def test_other_ways_to_prove_oneself(crm, address, security, proofs):
    good, bad = proofs
    make_event(crm, "lead.created", config={"security": security})
    assert call(address, **good).status_code == 202
    assert call(address, **bad).status_code == 401
    shown = json.dumps(Notification.objects.get().headers)
    if security["type"] in ("token", "basic"):
        assert SECRET not in shown


def test_a_token_in_the_query_is_taken_and_not_kept(crm, api, address):
    make_event(crm, "lead.created", config={"security": {"type": "token", "query": "key"}})
    assert call(f"{address}?key={SECRET}&a=1").status_code == 202
    assert call(f"{address}?key=no").status_code == 401
    assert Notification.objects.get().query == {"key": "******", "a": "1"}


def test_standard_webhooks_are_verified(crm, api, address):
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    set_secrets(api, secret)
    make_event(crm, "lead.created", config={"security": {"type": "standardwebhooks"}, "id": {"header": "webhook-id"}})
    now = clock.now()
    headers = {"webhook_id": "msg_1", "webhook_timestamp": str(int(now.timestamp()))}
    signature = Webhook(secret).sign("msg_1", now, BODY.decode())
    assert call(address, webhook_signature=signature, **headers).status_code == 202
    assert call(address, webhook_signature="v1,AAAA", **headers).status_code == 401
    assert call(address, webhook_signature="nonsense", **headers).status_code == 401


def test_nothing_is_believed_without_a_secret_or_under_a_bad_declaration(crm, api, address):
    set_secrets(api)
    event = make_event(crm, "lead.created", config={"security": GITHUB})
    assert call(address, x_hub_signature_256="sha256=" + digest(BODY, "").hexdigest()).status_code == 401
    for config in ({"security": {"type": "magic"}}, {"security": 5}, {"security": {"type": "token"}}, {"challenge": 1}):
        event.document = {"config": config}
        event.save()
        receiving.forget_addresses()
        assert call(address).status_code == 401


def test_two_secrets_count_while_one_is_changed(crm, api, address):
    make_event(crm, "lead.created", config={"security": GITHUB})
    shown = set_secrets(api, "******", "newer")
    assert shown["secrets"] == ["******", "******"]
    for key in (SECRET, "newer"):
        assert call(address, x_hub_signature_256="sha256=" + digest(BODY, key).hexdigest()).status_code == 202
    assert fields_of(api.put("/v1/hooks/crm", {"secrets": ["a", "b", "******"]})) == ["secrets[2]"]
    assert fields_of(api.put("/v1/hooks/crm", {"secrets": [""]})) == ["secrets[0]"]
    assert fields_of(api.put("/v1/hooks/crm", {})) == ["secrets"]


def test_an_event_told_twice_is_kept_once(crm, api, address, receiver):
    make_event(crm, "lead.created", config={"id": {"path": "id"}})
    subscribe(api, receiver.url)
    first, second = call(address), call(address)
    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json() == {"id": first.json()["id"], "duplicate": True}
    work_off()
    assert call(address).status_code == 200
    work_off()
    assert len(receiver.got) == 1
    assert receiver.got[0]["data"] == {"id": "evt_1", "name": "Ada"}


def test_an_id_that_only_the_route_hook_knows_is_taken_once_too(crm, api, address, receiver):
    make_event(crm, "any", logic={"route": {"output": {"trigger": "lead.created", "id": "{{ input.data.id }}"}}})
    subscribe(api, receiver.url)
    for _ in range(2):
        assert call(address).status_code == 202
    work_off()
    assert call(address).status_code == 202
    work_off()
    assert len(receiver.got) == 1
    assert sorted(Notification.objects.values_list("state", flat=True)) == ["ignored", "ignored", "routed"]


def test_one_hook_reaches_the_subscriptions_whose_key_it_names(crm, api, address, receivers):
    key = {"variables": {"properties": {"owner": {"type": "string"}, "repo": {"type": "string"}}}}
    make_trigger(crm, "push", {}, schema={**key, "x-key": ["owner", "repo"]})
    route = {"trigger": "{{ input.headers['x-event'] }}", "keys": ["{{ input.data.repository }}"]}
    make_event(crm, "any", logic={"route": {"output": route}})
    ours, theirs, ours_too = receivers(), receivers(), receivers()
    for one, owner in ((ours, "Acme"), (theirs, "umbrella"), (ours_too, "acme")):
        subscribe(api, one.url, trigger="push", variables={"owner": owner, "repo": "Shop"})
    call(address, json.dumps({"repository": "acme/shop"}).encode(), x_event="push")
    call(address, json.dumps({"repository": "acme/shop"}).encode(), x_event="pull")
    work_off()
    assert [len(one.got) for one in (ours, theirs, ours_too)] == [1, 0, 1]
    assert Event.objects.count() == 1
    ignored = Notification.objects.get(state="ignored")
    assert ignored.reason == "nobody listens to pull"


def test_each_subscription_gets_what_its_trigger_makes_of_it(crm, api, address, receivers):
    mapped = {
        "output": {"who": "{{ input.data.name }}", "for": "{{ input.variables.team }}", "e": "{{ input.headers.kind }}"}
    }
    picky = {"steps": [{"when": "{{ input.data.name != 'Eve' }}", "return": None}], "output": "{{ input.data }}"}
    make_trigger(crm, "mapped", {"trigger": mapped})
    make_trigger(crm, "picky", {"trigger": picky})
    make_trigger(crm, "broken", {"trigger": {"steps": [{"fail": "No."}]}})
    make_event(crm, "any", logic={"route": {"output": ["mapped", "picky", "broken"]}})
    one, other, third = receivers(), receivers(), receivers()
    subscribe(api, one.url, trigger="mapped", variables={"team": "blue"})
    subscribe(api, other.url, trigger="picky")
    subscribe(api, third.url, trigger="broken")
    call(address, kind="new")
    work_off()
    assert [message["data"] for message in one.got] == [{"who": "Ada", "for": "blue", "e": "new"}]
    assert other.got == third.got == []
    states = {row["type"]: row for row in api.get("/v1/deliveries").json()}
    assert states["picky"]["state"] == "skipped"
    assert (states["broken"]["state"], states["broken"]["attempts"]) == ("pending", 1)
    assert "No." in states["broken"]["message"]


def test_a_route_that_fails_says_so_and_loses_nothing(crm, api, address):
    make_event(crm, "any", logic={"route": {"steps": [{"fail": "I cannot read this."}]}})
    call(address)
    work_off()
    row = Notification.objects.get()
    assert row.state == "failed"
    assert "I cannot read this." in row.reason
    assert bytes(row.body) == BODY
    assert not WorkItem.objects.exists()


def test_challenges_are_answered(crm, api, address):
    event = make_event(crm, "any")

    def declare(**config):
        event.document = {"config": config}
        event.save()
        receiving.forget_addresses()

    declare(security=SLACK, challenge={"in": "body", "name": "challenge"})
    now, body = int(time.time()), b'{"type": "url_verification", "challenge": "3eZbrw1a"}'
    signed = "v0=" + digest(f"v0:{now}:".encode() + body).hexdigest()
    answer = call(address, body, x_slack_signature=signed, x_slack_request_timestamp=str(now))
    assert (answer.status_code, answer.content) == (200, b"3eZbrw1a")
    assert answer["Content-Type"].startswith("text/plain")
    assert call(address, body).status_code == 401

    declare(security=GITHUB, challenge={"in": "query", "name": "hub.challenge", "token": "hub.verify_token"})
    answer = call(f"{address}?hub.challenge=1158&hub.verify_token={SECRET}", method="get")
    assert (answer.status_code, answer.content) == (200, b"1158")
    assert call(f"{address}?hub.challenge=1158&hub.verify_token=no", method="get").status_code == 401

    declare(security=GITHUB, challenge={"in": "query", "name": "validationToken", "before": True})
    assert call(f"{address}?validationToken=<b>", b"").content == b"<b>"
    assert not Notification.objects.exists()


def test_an_unknown_address_and_an_ended_listener_are_told_apart(crm, api, address):
    subscription = subscribe(api)
    own = f"{address}/{subscription.listener.hex_id}"
    assert call(own).status_code == 202
    assert call("/hooks/unknown").status_code == 404
    assert call(f"{address}/x").status_code == 410
    api.delete(f"/v1/subscription/{subscription.id}?userId={USER}")
    assert call(own).status_code == 410
    work_off()
    assert Notification.objects.get().state == "ignored"


def test_what_is_too_large_or_unreadable_is_refused(crm, api, address, monkeypatch):
    monkeypatch.setattr(receiving, "MAX_BODY", 100)
    assert call(address, b"x" * 101, content_type="text/plain").status_code == 413
    for body in (b"{", b'{"a": "\\u0000"}', b"[" * 90):
        assert call(address, body).status_code == 400
    assert call(address, method="put").status_code == 202
    assert call(address, method="delete").status_code == 405
    assert call(address, b"a=1&b=%00", content_type="application/x-www-form-urlencoded").status_code == 202
    assert call(address, b"\xff\x00", content_type="text/plain").status_code == 202
    work_off()
    assert not Notification.objects.filter(state="received").exists()


def test_an_address_that_is_called_too_often_asks_to_wait(crm, api, address, monkeypatch):
    monkeypatch.setattr(receiving, "buckets", receiving.Buckets(size=2, refill=0.1))
    statuses = [call(address).status_code for _ in range(3)]
    assert statuses == [202, 202, 429]
    assert int(call(address)["Retry-After"]) >= 1


def test_a_synchronous_hook_answers_what_its_response_hook_says(crm, api, address, receiver):
    logic = {
        "route": {"output": "lead.created"},
        "response": {
            "output": {"status": 201, "headers": {"X-Seen": "yes"}, "body": {"hello": "{{ input.data.name }}"}}
        },
    }
    make_event(crm, "any", config={"respond": "sync"}, logic=logic)
    subscribe(api, receiver.url)
    answer = call(address)
    assert (answer.status_code, answer.json(), answer["X-Seen"]) == (201, {"hello": "Ada"}, "yes")
    assert Notification.objects.get().state == "routed"
    work_off()
    assert len(receiver.got) == 1


def test_over_a_socket_with_no_key(served, crm, api, organization):
    address = f"{served}/hooks/{hook_of(crm, organization_id=organization.id).token}"
    request = urllib.request.Request(address, data=BODY, headers={"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 202
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{served}/hooks/nothing", data=b"{}", timeout=10)
    assert refused.value.code == 404
    refused.value.close()
    assert Notification.objects.count() == 1


def test_another_organization_neither_sees_nor_sets_the_address(crm, api, address, monitor, stranger):
    assert Api(stranger).get("/v1/hooks/crm").status_code == 404
    assert Api(stranger).put("/v1/hooks/crm", {"secrets": ["x"]}).status_code == 404
    assert Api(monitor).get("/v1/hooks/crm").status_code == 403
    assert Api(monitor).put("/v1/hooks/crm", {"secrets": ["x"]}).status_code == 403
    shown = api.get("/v1/hooks/crm").json()
    assert shown["url"] == f"https://junction.example{address}"
    assert SECRET not in json.dumps(shown)


def test_the_address_that_the_connector_shows_is_the_one_that_is_served(crm, api):
    told = api.get(f"/v1/connector/crm/webhookSetting?userId={USER}").json()
    assert call(told.removeprefix("https://junction.example")).status_code == 202


def test_a_dry_run_keeps_and_sends_nothing(crm, api, monitor):
    make_event(crm, "good", logic={"route": {"output": "lead.created"}})
    make_event(crm, "bad", logic={"route": {"output": 5}})
    asked = {"connector": "crm", "event": "good", "data": {"a": 1}, "headers": {"X-Event": "push"}}
    for body in ({}, [], asked):
        answer = api.post("/v1/test/notification", body)
        assert (answer.status_code, answer.json()) == (200, "")
    assert api.post("/v1/test/notification", {**asked, "event": "bad"}).status_code == 422
    assert api.post("/v1/test/notification", {**asked, "event": "none"}).status_code == 404
    assert api.post("/v1/test/notification", {"connector": "none"}).status_code == 404
    assert api.post("/v1/test/notification", {"connector": 5}).status_code == 422
    assert Api().post("/v1/test/notification", {}).status_code == 401
    assert Api(monitor).post("/v1/test/notification", {}).status_code == 200
    assert not Notification.objects.exists()
    assert not Listener.objects.exists()
