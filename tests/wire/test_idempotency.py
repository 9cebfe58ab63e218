"""An Idempotency-Key makes a call happen once, whatever the network does."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction

from apps.core.clock import now
from apps.flows.models import Script
from apps.wire.idempotency import purge_expired
from apps.wire.models import IdempotencyRecord
from tests.api import Api, codes_of
from tests.conftest import make_person

SCRIPT = {"name": "s", "content": "function f() { return 'a secret of theirs' }"}


@pytest.mark.django_db
def test_the_same_call_is_answered_from_the_first(owner):
    api = Api(owner)
    first = api.post("/v1/scripts", SCRIPT, Idempotency_Key="once")
    again = api.post("/v1/scripts", SCRIPT, Idempotency_Key="once")
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert again["Idempotent-Replayed"] == "true"
    assert again["Content-Type"] == "application/json"
    assert Script.objects.count() == 1


@pytest.mark.django_db
def test_an_answer_without_a_body_is_repeated_without_one(owner):
    api = Api(owner)
    row = api.post("/v1/scripts", SCRIPT).json()
    for _ in range(2):
        answer = api.delete(f"/v1/scripts/{row['_id']}", Idempotency_Key="gone")
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.django_db
def test_another_body_under_the_same_key_is_refused(owner):
    api = Api(owner)
    api.post("/v1/scripts", SCRIPT, Idempotency_Key="once")
    answer = api.post("/v1/scripts", {**SCRIPT, "name": "t"}, Idempotency_Key="once")
    assert answer.status_code == 422
    assert codes_of(answer) == ["idempotency_key_reused"]


@pytest.mark.django_db
def test_an_answer_is_repeated_to_nobody_else(owner, organization):
    Api(owner).post("/v1/scripts", SCRIPT, Idempotency_Key="once")
    for role in ("monitor", "owner"):
        other = make_person(organization=organization, role=role, email=f"{role}2@acme.example")
        answer = Api(other).post("/v1/scripts", SCRIPT, Idempotency_Key="once")
        assert answer.status_code == 422 and codes_of(answer) == ["idempotency_key_reused"]
        assert "a secret of theirs" not in answer.content.decode()


@pytest.mark.django_db
def test_an_answer_is_not_repeated_to_a_key_that_has_lost_its_rights(owner):
    Api(owner).post("/v1/scripts", SCRIPT, Idempotency_Key="once")
    owner.user.memberships.update(role="monitor")
    assert Api(owner).post("/v1/scripts", SCRIPT, Idempotency_Key="once").status_code == 422


@pytest.mark.django_db
def test_a_key_stands_for_one_address_of_one_organization(owner, stranger):
    Api(owner).post("/v1/scripts", SCRIPT, Idempotency_Key="once")
    assert Api(stranger).post("/v1/scripts", SCRIPT, Idempotency_Key="once").status_code == 201
    assert Api(owner).post("/v1/integrations", {"name": "i"}, Idempotency_Key="once").status_code == 201
    assert Script.objects.count() == 2


@pytest.mark.django_db
def test_a_refused_call_leaves_its_key_free(owner):
    api = Api(owner)
    assert api.post("/v1/scripts", {"name": "s"}, Idempotency_Key="once").status_code == 422
    assert api.post("/v1/scripts", SCRIPT, Idempotency_Key="once").status_code == 201


@pytest.mark.django_db
def test_the_answer_is_kept_encrypted(owner):
    Api(owner).post("/v1/scripts", SCRIPT, Idempotency_Key="once")
    assert b"a secret of theirs" not in bytes(IdempotencyRecord.objects.get().answer)


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_1_to_255_characters(owner, key):
    assert Api(owner).post("/v1/scripts", SCRIPT, Idempotency_Key=key).status_code == 400


@pytest.mark.django_db
def test_a_twin_that_runs_is_409_until_its_lease_ends(owner):
    api = Api(owner)
    api.post("/v1/scripts", SCRIPT, Idempotency_Key="once")
    rows = IdempotencyRecord.objects.filter(key="once")
    rows.update(status=None, answer=b"")
    answer = api.post("/v1/scripts", SCRIPT, Idempotency_Key="once")
    assert answer.status_code == 409
    assert codes_of(answer) == ["idempotency_key_in_use"]
    rows.update(lease_until=now() - timedelta(seconds=1))
    assert api.post("/v1/scripts", SCRIPT, Idempotency_Key="once").status_code == 201


@pytest.mark.django_db
def test_a_day_later_the_key_is_new(owner):
    api = Api(owner)
    first = api.post("/v1/scripts", SCRIPT, Idempotency_Key="once").json()
    IdempotencyRecord.objects.update(created_at=now() - timedelta(hours=25))
    assert api.post("/v1/scripts", SCRIPT, Idempotency_Key="once").json()["_id"] != first["_id"]
    IdempotencyRecord.objects.update(created_at=now() - timedelta(hours=25))
    assert purge_expired() == 1


@pytest.mark.django_db(transaction=True)
def test_twins_that_race_have_one_effect(owner):
    answers = []
    together = threading.Barrier(4)

    def call():
        together.wait()
        try:
            answers.append(Api(owner).post("/v1/scripts", SCRIPT, Idempotency_Key="race"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Script.objects.count() == 1
    made = {answer.json()["_id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}


@pytest.mark.django_db(transaction=True)
def test_the_answer_commits_with_the_effect_or_not_at_all(owner, monkeypatch):
    from apps.wire import idempotency

    seen = []

    def keep(record, response):
        seen.append(connection.in_atomic_block)
        raise RuntimeError("the process dies here")

    monkeypatch.setattr(idempotency, "keep", keep)
    assert Api(owner).post("/v1/scripts", SCRIPT, Idempotency_Key="once").status_code == 500
    assert seen == [True]
    assert not Script.objects.exists()
    with transaction.atomic():
        assert not IdempotencyRecord.objects.exists()
