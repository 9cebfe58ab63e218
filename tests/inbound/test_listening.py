"""Registering with a provider, and taking back; what it loses is found and made again; polls tell each item once."""

import hashlib
import hmac
import json

import pytest
from django.test import Client

from apps.connections.models import Connection
from apps.connectors.library.install import install_library
from apps.connectors.models import Connector
from apps.core import clock
from apps.events.models import Event
from apps.inbound import keeping, listeners
from apps.inbound.models import Listener, Notification, SeenItem
from apps.inbound.secrets import listener_secret
from apps.subscriptions.models import Subscription
from apps.work.models import WorkItem
from tests.connections.making import make_connector, make_credential, make_end_user
from tests.subscriptions.conftest import USER, make_due, make_event, make_trigger, subscribe, work_off
from tests.systems import Answer

pytestmark = pytest.mark.django_db
REPO = {"owner": "Acme", "repo": "shop"}
HOOKS = "/repos/Acme/shop/hooks"


class GitHub:
    """As far as webhooks and lists of issues go. `down`: the status it answers everything with."""

    def __init__(self, system):
        self.system, self.hooks, self.issues, self.down = system, {}, [], 0
        system.routes |= {"POST *": self.post, "GET *": self.get, "DELETE *": self.delete}

    def post(self, call):
        if self.down:
            return Answer(self.down, {"message": "Not now."})
        number = len(self.system.calls)
        self.hooks[str(number)] = call.json
        return Answer(201, {"id": number})

    def get(self, call):
        if self.down:
            return Answer(self.down, {"message": "Not now."})
        if call.path.endswith("/issues"):
            since = call.query["since"]
            found = sorted(self.issues, key=lambda one: one["updated_at"])
            return [one for one in found if one["updated_at"] >= since][: int(call.query["per_page"])]
        known = self.hooks.get(call.path.rsplit("/", 1)[1])
        return Answer(200, known) if known else Answer(404, {"message": "Not Found"})

    def delete(self, call):
        if self.down:
            return Answer(self.down, {"message": "Not now."})
        gone = self.hooks.pop(call.path.rsplit("/", 1)[1], None)
        return Answer(204, raw=b"") if gone else Answer(404, {"message": "Not Found"})

    def notify(self, hook, event, body):
        """As GitHub calls a registered address: signed with the secret it was given."""
        raw = json.dumps(body).encode()
        config = self.hooks[hook]["config"]
        signature = "sha256=" + hmac.new(config["secret"].encode(), raw, hashlib.sha256).hexdigest()
        headers = {"X-GitHub-Event": event, "X-GitHub-Delivery": "72d3162e", "X-Hub-Signature-256": signature}
        address = config["url"].removeprefix("https://junction.example")
        return Client().post(address, data=raw, content_type="application/json", headers=headers)


@pytest.fixture
def github(system, organization):
    install_library()
    user = make_end_user(organization, USER)
    make_credential(user, Connector.objects.get(name="github"), token="ghp_1", base=system.url)
    return GitHub(system)


def comment():
    return {
        "action": "created", "repository": {"full_name": "Acme/shop"}, "issue": {"id": 7}, "comment": {"body": "Hello"},
    }  # fmt: skip


def listen(api, url=None, *, trigger="issue_comment.created"):
    return subscribe(api, url, connector="github", trigger=trigger, variables=REPO)


def test_a_webhook_trigger_is_registered_heard_and_taken_back(api, github, receiver):
    subscription = listen(api, receiver.url)
    ((number, hook),) = github.hooks.items()
    listener = Listener.objects.get()
    assert hook["events"] == ["issue_comment"]
    assert hook["config"]["url"].startswith("https://junction.example/hooks/")
    assert hook["config"]["secret"] == listener_secret(listener)
    assert (listener.state, listener.external_id) == ("active", number)
    assert github.notify(number, "ping", {"zen": "Keep it simple."}).status_code == 202
    work_off()
    Notification.objects.all().delete()
    assert github.notify(number, "issue_comment", comment()).status_code == 202
    assert github.notify(number, "issue_comment", comment()).status_code == 200  # once more, by the same id
    work_off()
    assert [message["data"]["comment"] for message in receiver.got] == [{"body": "Hello"}]
    assert receiver.got[0]["type"] == "issue_comment.created"
    api.delete(f"/v1/subscription/{subscription.id}?userId={USER}")
    assert github.hooks
    work_off()
    assert not github.hooks
    assert not Listener.objects.exists()
    assert not WorkItem.objects.exists()


def test_a_call_that_is_not_signed_with_the_listeners_secret_is_refused(api, github):
    listen(api)
    ((number, hook),) = github.hooks.items()
    hook["config"]["secret"] = "guessed"
    assert github.notify(number, "issue_comment", comment()).status_code == 401
    assert not Notification.objects.exists()


def test_what_the_provider_refuses_is_not_kept(api, github):
    github.down = 422
    answer = api.post(
        f"/v1/connector/github/trigger/issue_comment.created/subscription?userId={USER}", {"variables": REPO}
    )
    assert answer.status_code == 502
    assert "Not now." in answer.json()["error"]
    assert not Subscription.objects.exists()
    assert not Listener.objects.exists()
    assert not WorkItem.objects.exists()


def test_without_a_public_address_a_webhook_cannot_be_registered(api, github, settings):
    settings.PUBLIC_URL = ""
    answer = api.post(
        f"/v1/connector/github/trigger/issue_comment.created/subscription?userId={USER}", {"variables": REPO}
    )
    assert answer.status_code == 422
    assert "JUNCTION_PUBLIC_URL" in answer.json()["error"]
    assert not github.hooks


def test_a_process_that_died_while_registering_is_stepped_in_for(api, github):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listeners, "register", lambda listener: None)  # it died here
        listen(api)
    assert Listener.objects.get().state == "registering"
    assert not github.hooks
    make_due()
    work_off()
    assert Listener.objects.get().state == "active"
    assert len(github.hooks) == 1


def test_the_reconciler_makes_again_what_the_provider_lost(api, github, receiver, organization):
    listen(api, receiver.url)
    api.post("/v1/subscriptions", {"url": receiver.url, "events": ["trigger.repaired"]})
    make_due()
    work_off()
    assert Listener.objects.get().repairs == 0
    github.hooks.clear()
    make_due()
    work_off()
    listener = Listener.objects.get()
    assert (listener.repairs, listener.state) == (1, "active")
    assert list(github.hooks) == [listener.external_id]
    work_off()
    (told,) = receiver.got
    assert (told["type"], told["data"]["repairs"]) == ("trigger.repaired", 1)
    github.down = 500
    make_due()
    work_off()
    listener.refresh_from_db()
    assert (listener.state, listener.failures) == ("active", 1)
    github.down = 0
    make_due()
    work_off()
    listener.refresh_from_db()
    assert (listener.failures, listener.repairs, len(github.hooks)) == (0, 1, 1)


def test_taking_back_is_tried_until_the_provider_answers(api, github):
    subscription = listen(api)
    github.down = 500
    assert api.delete(f"/v1/subscription/{subscription.id}?userId={USER}").json() == ""
    work_off()
    assert Listener.objects.get().state == "ending"
    github.down = 0
    make_due()
    work_off()
    assert not github.hooks
    assert not Listener.objects.exists()


def test_taking_back_is_given_up_in_the_end(api, github):
    subscription = listen(api)
    github.down = 500
    api.delete(f"/v1/subscription/{subscription.id}?userId={USER}")
    for _ in range(keeping.TRIES):
        assert Listener.objects.exists()
        make_due()
        work_off()
    assert not Listener.objects.exists()
    assert not WorkItem.objects.exists()


def issue(number, *, created="2999-01-01T00:00:00Z", updated=None, **more):
    moments = {"created_at": created, "updated_at": updated or created}
    return {"id": number, "number": number, "title": f"#{number}", **moments, **more}


def test_a_polled_trigger_tells_each_item_once_and_keeps_its_cursor(api, github, receiver):
    listen(api, receiver.url, trigger="issue.created")
    github.issues = [
        issue(1, created="2001-01-01T00:00:00Z", updated="2999-01-01T00:00:00Z"),  # old, only changed
        issue(2),
        issue(3, updated="2999-01-02T00:00:00Z"),
        issue(4, pull_request={}),
    ]
    work_off()
    assert sorted(message["data"]["number"] for message in receiver.got) == [2, 3]
    listener = Listener.objects.get()
    assert listener.cursor == "2999-01-02T00:00:00Z"
    assert listener.polled_at is not None
    github.issues.append(issue(5, created="2999-01-02T00:00:00Z"))
    make_due()
    work_off()
    assert sorted(message["data"]["number"] for message in receiver.got) == [2, 3, 5]
    assert WorkItem.objects.get().reason == "until the next poll"


def test_a_poll_that_fails_keeps_the_cursor_waits_longer_and_catches_up(api, github, receiver):
    listen(api, receiver.url, trigger="issue.created")
    work_off()
    github.down = 500
    waits = []
    for _ in range(3):
        make_due()
        work_off()
        waits.append((WorkItem.objects.get().due_at - clock.now()).total_seconds())
    assert [round(seconds / 10) * 10 for seconds in waits] == [300, 600, 1200]
    assert Listener.objects.get().failures == 3
    github.down, github.issues = 0, [issue(1), issue(2)]
    make_due()
    work_off()
    assert len(receiver.got) == 2
    assert Listener.objects.get().failures == 0


def test_many_new_items_are_read_to_the_end(api, github, receiver):
    listen(api, receiver.url, trigger="issue.created")
    moments = [f"2999-01-01T{number // 60:02}:{number % 60:02}:00Z" for number in range(250)]
    github.issues = [issue(number + 1, created=moment) for number, moment in enumerate(moments)]
    work_off()
    assert len(receiver.got) == 250
    assert len(github.system.made("GET /repos/Acme/shop/issues")) == 3


def test_a_poll_waits_for_a_connection_that_is_offline(api, github, receiver):
    listen(api, receiver.url, trigger="issue.created")
    Connection.objects.update(offline_since=clock.now(), offline_reason="away")
    work_off()
    item = WorkItem.objects.get(kind="poll")
    assert item.parked_on == f"connection:{Connection.objects.get().id}"
    assert not github.system.calls


def test_what_a_hook_has_missed_is_polled_and_what_it_told_is_not_told_again(api, crm, system, receiver, organization):
    connector = make_connector(organization, base_url=system.url, name="desk")
    items = []
    system.routes["GET /tickets"] = lambda call: items
    logic = {
        "create": {"output": {"id": "h1"}},
        "poll": {
            "steps": [{"name": "found", "request": {"url": "/tickets"}}],
            "output": {"items": "{{ steps.found.body }}", "cursor": "{{ steps.found.body | length }}"},
        },
    }
    make_trigger(connector, "ticket.opened", logic, schema={"x-poll": {"every": 3600}})
    route = {"trigger": "ticket.opened", "item": "{{ input.data.id }}"}
    make_event(connector, "any", logic={"route": {"output": route}})
    subscribe(api, receiver.url, connector="desk", trigger="ticket.opened")
    work_off()
    listener = Listener.objects.get()
    address = f"/hooks/{listener.hook.token}/{listener.hex_id}"
    items.append({"id": 1})
    Client().post(address, data=b'{"id": 1}', content_type="application/json")
    work_off()
    assert [message["data"] for message in receiver.got] == [{"id": 1}]
    items.append({"id": 2})  # its notification got lost
    make_due()
    work_off()
    assert [message["data"] for message in receiver.got] == [{"id": 1}, {"id": 2}]
    Client().post(address, data=b'{"id": 2}', content_type="application/json")  # it comes late
    work_off()
    assert len(receiver.got) == 2
    assert SeenItem.objects.count() == 2


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("text", "must give at most"),
        ({"items": 5}, "must give at most"),
        ({"items": [], "cursor": {"a": "b"}}, ""),
    ],
)
def test_a_poll_that_gives_nonsense_is_told_on_the_listener(api, crm, output, says):
    make_trigger(crm, "odd", {"trigger": {"output": output}}, schema={"x-poll": {"every": 60}})
    subscribe(api, trigger="odd")
    work_off()
    listener = Listener.objects.get()
    assert says in listener.reason
    assert bool(listener.reason) == bool(says)


def test_items_hold_what_a_database_cannot_and_are_told_all_the_same(api, crm, receiver):
    source = "function execute(scope) { return {items: [{id: 'a', text: 'x\\u0000y', n: 0/0}], cursor: '\\u0000'} }"
    logic = {"trigger": {"language": "javascript", "source": source}}
    make_trigger(crm, "odd", logic, schema={"x-poll": {"every": 60}})
    subscribe(api, receiver.url, trigger="odd")
    work_off()
    assert [message["data"] for message in receiver.got] == [{"id": "a", "text": "xy", "n": None}]
    assert Event.objects.count() == 1
