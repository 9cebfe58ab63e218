"""An organization with people to wake, a mail server, a receiver of webhooks, and workers that drain by hand."""

import pytest
from django.db import transaction
from standardwebhooks import Webhook

from apps.alarms import services
from apps.alarms.models import Alarm, Message
from apps.core.ids import new_id, parse_id
from apps.events import queue as events
from apps.events.services import emit
from apps.executions.models import Execution, State
from apps.executions.services import finish_execution, start_execution
from apps.work import claims, drain
from apps.work.models import Lane, WorkItem
from tests.api import Api

SECRET = "whsec_" + "c2VjcmV0" * 4
LANES = (Lane.INTERACTIVE, Lane.HOUSEKEEPING)


@pytest.fixture(autouse=True)
def commits(request, monkeypatch):
    """Tests run in a transaction that is taken back, which is quick; what waits for a commit must not wait for that."""
    if "transactional_db" not in request.fixturenames:
        monkeypatch.setattr(transaction, "on_commit", lambda then, robust=False: then())


@pytest.fixture(autouse=True)
def reached(settings):
    settings.PUBLIC_URL = "https://junction.example"


@pytest.fixture
def api(owner):
    return Api(owner)


@pytest.fixture
def receiver(system):
    """Takes signed webhooks at /alarms and Slack's at /slack."""
    system.take("/alarms")
    system.take("/slack")
    return system


@pytest.fixture
def make(api):
    """Makes an alarm through the API; `email=False` leaves out the letter."""

    def one(kind="execution_failed", *, channels=None, **members):
        document = {"name": kind.replace("_", " ").capitalize(), "kind": kind, **members}
        document["channels"] = channels or [{"type": "email", "to": ["night@acme.example"]}]
        answer = api.post("/v1/alarms", document)
        assert answer.status_code == 201, answer.content
        work_off()
        return Alarm.objects.get(pk=parse_id(answer.json()["_id"]))

    return one


def webhook(receiver, secret=SECRET):
    return {"type": "webhook", "url": f"{receiver.url}/alarms", "secret": secret}


def slack(receiver):
    return {"type": "slack", "url": f"{receiver.url}/slack"}


def received(receiver, secret=SECRET):
    """Each webhook's message, once the public package has verified it."""
    return [Webhook(secret).verify(call.body, call.headers) for call in receiver.made("POST /alarms")]


def run(organization, *, name="Orders", target=None, state=State.FAILED, reason="The shop answered 503.", **values):
    """An execution that has ended, as its kind would end it."""
    with transaction.atomic():
        execution = start_execution(
            organization_id=organization.id, kind="flow", target_id=target or new_id(), target_name=name, **values
        )
        WorkItem.objects.filter(target_id=execution.id).delete()
        assert end(execution, state=state, reason=reason)
    return execution


def end(execution, *, state, reason):
    rows = Execution.objects.filter(pk=execution.pk)
    found = finish_execution(execution, state=state, reason=reason)
    rows.update(state=state)
    return found


def happen(organization, type, **values):
    with transaction.atomic():
        return emit(organization_id=organization.id, type=type, **values)


def work_off(*lanes):
    """What workers do that are woken, until nothing is due."""
    handled = 0
    for _ in range(10_000):
        found = 0
        for lane in lanes or LANES:
            found += drain.handle(claims.claim_next(lane), float("inf"))
        if not found:
            return handled
        handled += found
    raise AssertionError("there is no end of work")


def dispatch():
    """Events reach their consumers, and nothing else is done."""
    while found := claims.claim_kind("event", limit=10):
        events.handle(found)


def look():
    """The scheduler's duty, and the workers that it wakes."""
    services.look()
    work_off()


def make_due():
    """Time passes: whatever waits is due again."""
    WorkItem.objects.update(due_at="2000-01-01T00:00:00Z", updated_at="2000-01-01T00:00:00Z")


def told():
    """What was told, oldest first: (what, subject)."""
    return list(Message.objects.order_by("id").values_list("what", "subject"))
