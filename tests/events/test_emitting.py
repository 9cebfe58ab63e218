from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import transaction

from apps.core.ids import id_floor
from apps.events import consumers
from apps.events.consumers import EventConsumer
from apps.events.models import Event
from apps.events.services import News, emit, emit_many, prune_events
from apps.work.models import WorkItem

pytestmark = pytest.mark.django_db


def test_an_event_that_nobody_wants_is_not_written(happen, listen):
    listen("alarms", types=frozenset({"execution.failed"}))
    assert happen("execution.succeeded") is None
    assert not Event.objects.exists()
    assert not WorkItem.objects.exists()


def test_an_event_is_written_with_its_work_item_for_those_who_want_it(happen, listen, organization):
    listen("alarms", types=frozenset({"execution.failed"}))
    listen("automations", prefixes=("order.", "execution."))
    listen("subscriptions")
    listen("nobody", listens=lambda organization_id, type: False)
    event = happen("execution.failed", data={"at": datetime(2026, 1, 2, tzinfo=UTC)}, depth=2)
    event.refresh_from_db()
    assert event.consumers_left == ["alarms", "automations", "subscriptions"]
    assert (event.organization_id, event.depth, event.data) == (organization.id, 2, {"at": "2026-01-02T00:00:00Z"})
    item = WorkItem.objects.get()
    assert (item.kind, item.target_id, item.organization_id) == ("event", event.id, organization.id)


def test_whether_somebody_listens_is_asked_for_the_organization_and_type(happen, listen, organization):
    asked = []

    def listens(organization_id: UUID, type: str) -> bool:
        asked.append((organization_id, type))
        return False

    listen("subscriptions", prefixes=("order.",), listens=listens)
    happen("order.created")
    happen("flow.saved")
    assert asked == [(organization.id, "order.created")]


@pytest.mark.django_db(transaction=True)
def test_an_event_shares_the_fate_of_its_transaction(listen, organization):
    listen("subscriptions")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        emit(organization_id=organization.id, type="order.created")
        raise ZeroDivisionError
    assert not Event.objects.exists()
    assert not WorkItem.objects.exists()
    with pytest.raises(RuntimeError, match="inside the transaction"):
        emit(organization_id=organization.id, type="order.created")


def test_a_consumer_is_registered_once_under_a_plain_name(listen):
    listen("alarms")
    with pytest.raises(ValueError, match="registered twice"):
        listen("alarms")
    with pytest.raises(ValueError, match="no name for a consumer"):
        consumers.register(EventConsumer(name="a,b", deliver=print))


def test_events_are_seen_by_their_own_organization_alone(happen, listen, owner, stranger):
    listen("subscriptions")
    event = happen()
    assert list(Event.objects.for_actor(owner.actor)) == [event]
    assert not Event.objects.for_actor(stranger.actor).exists()


def test_old_dispatched_events_are_forgotten_in_batches(organization):
    moments = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 8)]
    for moment in moments:
        waiting_for = "alarms" if moment.day == 2 else ""
        Event.objects.create(id=id_floor(moment), organization=organization, type="x", waiting_for=waiting_for)
    assert prune_events(before=datetime(2026, 1, 6, tzinfo=UTC), batch=2) == 4
    assert list(Event.objects.order_by("id").values_list("id", flat=True)) == [
        id_floor(moments[1]),
        id_floor(moments[5]),
        id_floor(moments[6]),
    ]


def test_many_are_written_in_order_for_those_who_want_each(listen, organization):
    listen("automations", prefixes=("entity.",))
    listen("alarms", types=frozenset({"entity.delete"}))
    kinds = ["entity.create", "order.created", "entity.delete", "entity.create"]
    news = [
        News(type=kind, subject_kind="entity", subject_id=UUID(int=n), data={"n": n}) for n, kind in enumerate(kinds)
    ]
    with transaction.atomic():
        written = emit_many(organization_id=organization.id, news=news, depth=3)
    rows = list(Event.objects.order_by("id"))
    assert [(row.type, row.data["n"], row.depth) for row in rows] == [
        ("entity.create", 0, 3), ("entity.delete", 2, 3), ("entity.create", 3, 3),
    ]  # fmt: skip
    assert [row.consumers_left for row in rows] == [["automations"], ["automations", "alarms"], ["automations"]]
    assert [row.id for row in written] == [row.id for row in rows]
    assert set(WorkItem.objects.values_list("target_id", flat=True)) == {row.id for row in rows}
