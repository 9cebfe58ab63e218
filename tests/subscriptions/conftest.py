"""A provider and a subscriber on loopback, and workers that drain the lanes by hand."""

from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from django.db import transaction
from standardwebhooks import Webhook

from apps.connectors import services as connectors
from apps.events.services import emit
from apps.inbound import receiving, routing
from apps.inbound.models import Hook
from apps.inbound.routing import Origin, Route
from apps.subscriptions import secrets
from apps.subscriptions.models import Delivery, Subscription
from apps.work import claims, drain
from apps.work.models import Lane, WorkItem
from tests.api import Api
from tests.connections.making import make_connector, make_end_user
from tests.connections.target import serving

USER = "ada@example.com"


@dataclass
class Subscriber:
    """Somebody's receiver: keeps what came, answers as it is told."""

    target: object = None
    answers: list[int] = field(default_factory=list)  # in turn; then 200

    @property
    def url(self):
        return f"{self.target.url}/in"

    @property
    def got(self):
        return [seen.json for seen in self.target.seen]

    def verified(self, secret):
        """Each message, once the public package has verified it."""
        return [Webhook(secret).verify(seen.body, seen.headers) for seen in self.target.seen]

    def message_ids(self):
        return [
            {name.lower(): value for name, value in seen.headers.items()}["webhook-id"] for seen in self.target.seen
        ]


@pytest.fixture
def receivers():
    """Makes subscribers."""
    with ExitStack() as stack:

        def make(*answers, seconds=0.0):
            one = Subscriber(answers=list(answers))

            def answer(seen):
                return (one.answers.pop(0) if one.answers else 200), {}, {}

            one.target = stack.enter_context(serving(answer, seconds=seconds))
            return one

        yield make


@pytest.fixture
def receiver(receivers):
    return receivers()


@pytest.fixture(autouse=True)
def commits(request, monkeypatch):
    """Tests run in a transaction that is taken back, which is quick; what waits for a commit must not wait for that."""
    if "transactional_db" not in request.fixturenames:
        monkeypatch.setattr(transaction, "on_commit", lambda then, robust=False: then())


@pytest.fixture(autouse=True)
def reached(settings):
    settings.PUBLIC_URL = "https://junction.example"
    receiving.forget_addresses()


@pytest.fixture
def api(owner):
    return Api(owner)


@pytest.fixture
def crm(organization):
    """A connector with a trigger `lead.created` that anybody may listen to."""
    connector = make_connector(organization)
    make_trigger(connector, "lead.created", {})
    make_end_user(organization, USER)
    return connector


def make_trigger(connector, name, logic, *, schema=None, **fields):
    return connectors.create_component(
        connector=connector, kind="trigger", name=name, logic=logic, schema=schema or {}, published=True, **fields
    )


def make_event(connector, name, *, config=None, logic=None):
    return connectors.create_component(
        connector=connector, kind="event", name=name, logic=logic or {}, published=True,
        document={"type": "webhook", "config": config or {}},
    )  # fmt: skip


def subscribe(api, url=None, *, trigger="lead.created", connector="crm", user=USER, **body):
    answer = api.post(
        f"/v1/connector/{connector}/trigger/{trigger}/subscription?userId={user}",
        {**({"url": url} if url else {}), **body},
    )
    assert answer.status_code == 200, answer.content
    return Subscription.objects.get(pk=answer.json()["id"])


def secret_of(subscription):
    subscription.refresh_from_db()
    return secrets.unseal(subscription).current


def fire(connector, *, trigger="lead.created", data=None, keys=(), item=""):
    """What routing a notification ends in."""
    hook = Hook.objects.get(connector=connector)
    with transaction.atomic():
        return routing.fire(Origin(hook), [Route(trigger=trigger, data=data or {"id": 1}, keys=tuple(keys), item=item)])


def happen(organization, type="execution.failed", **values):
    with transaction.atomic():
        return emit(organization_id=organization.id, type=type, **values)


def work_off(*lanes):
    """What workers do that are woken, until nothing is due."""
    handled = 0
    for _ in range(10_000):
        found = 0
        for lane in lanes or (Lane.INTERACTIVE, Lane.DELIVERIES, Lane.HOUSEKEEPING):
            found += drain.handle(claims.claim_next(lane), float("inf"))
        if not found:
            return handled
        handled += found
    raise AssertionError("there is no end of work")


def make_due():
    """Time passes: whatever waits is due again."""
    WorkItem.objects.update(due_at="2000-01-01T00:00:00Z", updated_at="2000-01-01T00:00:00Z")
    Subscription.objects.update(rest_until=None)


def retry_now():
    Delivery.objects.filter(state="pending").update(next_at="2000-01-01T00:00:00Z")
    make_due()


def states():
    return sorted(Delivery.objects.values_list("state", flat=True))
