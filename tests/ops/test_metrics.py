"""/metrics: for owners, administrators and a token; it tells of work, executions, nodes and requests."""

import uuid
from datetime import timedelta

import pytest

from apps.core.clock import now
from apps.executions.models import Execution
from apps.work.models import Node, WorkItem
from tests.conftest import make_person

pytestmark = pytest.mark.django_db


def read(client, **headers: str):
    return client.get("/metrics", headers=headers)


def value(body: str, name: str) -> float:
    found = [line for line in body.splitlines() if line.startswith(name + " ")]
    assert found, f"{name} is not in\n{body}"
    return float(found[0].split()[-1])


def add_work(organization, **fields):
    defaults = {"organization": organization, "lane": "flows", "kind": "x", "target_id": uuid.uuid4(), "due_at": now()}
    return WorkItem.objects.create(**{**defaults, **fields})


def test_strangers_are_not_told(client):
    answer = read(client)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("administrator", 200), ("manage", 401), ("monitor", 401)]
)
def test_a_key_opens_it_for_owners_and_administrators(client, organization, role, status):
    person = make_person(organization=organization, role=role, email=f"{role}@acme.example")
    assert read(client, **person.headers).status_code == status


def test_a_revoked_key_does_not_open_it(client, owner):
    from apps.accounts.models import ApiKey
    from apps.accounts.services import revoke_api_key
    from apps.core.actors import system_actor

    key = ApiKey.objects.get()
    revoke_api_key(actor=system_actor(key.organization_id), api_key=key)
    assert read(client, **owner.headers).status_code == 401


def test_the_deployments_token_opens_it_and_an_empty_one_does_not(client, settings):
    assert read(client, Authorization="Bearer ").status_code == 401
    settings.JUNCTION_METRICS_TOKEN = "a-token"
    assert read(client, Authorization="Bearer a-token").status_code == 200
    assert read(client, Authorization="Bearer another").status_code == 401
    assert read(client, Authorization="Bearer ").status_code == 401


def test_it_tells_of_work_by_lane_and_age(client, owner):
    organization = owner.organization
    add_work(organization, due_at=now() - timedelta(seconds=90))
    add_work(organization, due_at=now() + timedelta(hours=1))
    add_work(organization, due_at=now() + timedelta(seconds=60), lease_until=now() + timedelta(seconds=60))
    add_work(organization, due_at=now() - timedelta(days=1), parked_on="connection:1")
    body = read(client, **owner.headers).content.decode()
    for state in ("due", "held", "parked", "waiting"):
        assert value(body, f'junction_work_items{{lane="flows",state="{state}"}}') == 1
    assert 89 < value(body, 'junction_work_oldest_due_seconds{lane="flows"}') < 120
    assert value(body, 'junction_work_oldest_due_seconds{lane="interactive"}') == 0


def test_it_tells_of_executions_by_state(client, owner):
    for state, ended in [("running", None), ("failed", now()), ("failed", now() - timedelta(hours=3))]:
        Execution.objects.create(
            organization=owner.organization, kind="flow", root_id=uuid.uuid4(), state=state, ended_at=ended
        )
    body = read(client, **owner.headers).content.decode()
    assert value(body, 'junction_executions_open{state="running"}') == 1
    assert value(body, 'junction_executions_ended_recently{state="failed"}') == 1


def test_it_tells_of_living_nodes_only(client, owner):
    for name, roles, age in [("a:1", "web,worker,scheduler", 1), ("b:2", "worker", 5), ("c:3", "worker", 300)]:
        Node.objects.create(name=name, roles=roles, started_at=now(), seen_at=now() - timedelta(seconds=age))
    body = read(client, **owner.headers).content.decode()
    assert [value(body, f'junction_nodes{{role="{r}"}}') for r in ("web", "worker", "scheduler")] == [1, 2, 1]


def test_it_counts_requests_by_route_not_by_path(client, owner):
    client.get("/healthz")
    client.get(f"/nowhere/{uuid.uuid4().hex}")
    body = read(client, **owner.headers).content.decode()
    assert value(body, 'junction_http_requests_total{method="GET",route="healthz",status="200"}') >= 1
    assert value(body, 'junction_http_requests_total{method="GET",route="unknown",status="404"}') >= 1
    assert "nowhere" not in body
