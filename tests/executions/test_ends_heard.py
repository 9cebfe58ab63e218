"""What ends within its caller's request is told to those who listen, and asks nobody where none does."""

import pytest

from apps.core.ids import hex24, new_id
from apps.core.joined import Statement
from apps.events import consumers
from apps.events.consumers import EventConsumer
from apps.events.models import Event
from apps.executions.inline import Inline, run_inline
from apps.executions.models import Execution
from apps.work import sql

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listener(monkeypatch):
    """Whether its organization is among those that listen is a row's matter."""
    monkeypatch.setattr(consumers, "_consumers", {})
    asked = "SELECT 1 FROM accounts_organization WHERE id = %s AND name = 'Hears'"
    consumers.register(
        EventConsumer(
            name="hears",
            deliver=lambda event: None,
            listens=lambda organization_id, type: Statement(asked, [sql.param(organization_id)]),
        )
    )


def end_one(organization) -> Execution:
    what = Inline(organization_id=organization.id, kind="action", target_id=new_id(), target_name="t", input={"a": 1})
    ran = run_inline(what, lambda journal: {"b": 2})
    return Execution.objects.get(pk=ran.execution_id)


def test_each_end_is_told_from_the_moment_that_somebody_listens(listener, organization):
    silent = end_one(organization)
    assert (silent.state, Event.objects.count()) == ("succeeded", 0)
    type(organization).objects.filter(pk=organization.pk).update(name="Hears")
    ended = [end_one(organization) for _ in range(3)]
    assert [row.state for row in ended] == ["succeeded"] * 3 and all(row.ended_at for row in ended)
    told = Event.objects.order_by("id").values_list("type", "data__execution")
    assert list(told) == [("execution.succeeded", hex24(row.id)) for row in ended]


def test_another_organizations_listener_is_not_ones_own(listener, organization, stranger):
    type(organization).objects.filter(pk=organization.pk).update(name="Hears")
    end_one(stranger.organization)
    assert not Event.objects.exists()
    end_one(organization)
    assert Event.objects.get().organization_id == organization.id
