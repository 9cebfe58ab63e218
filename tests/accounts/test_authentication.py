"""One key, four spellings, proved over a socket with the shipped server; what is no key is 401."""

import http.client
from datetime import timedelta

import pytest

from apps.accounts import services
from apps.accounts.models import ApiKey
from apps.core.clock import now
from apps.core.ids import hex24
from tests.api import Api, codes_of


def call(served, headers, path="/v1/tokenInfo"):
    connection = http.client.HTTPConnection(served.removeprefix("http://"), timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_every_spelling_of_the_key_arrives(served, owner):
    spellings = [
        {"Authorization": f"Bearer {owner.key}"},
        {"Authorization": f"bearer {owner.key}"},
        {"Authorization": f"Token {owner.key}"},
        {"api_key": owner.key},
        {"api-key": owner.key},
    ]
    assert [call(served, headers)[0] for headers in spellings] == [200] * len(spellings)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer default"},
        {"api-key": "default"},
        {"api-key": ""},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer " + "x" * 5000},
        {"Authorization": "Bearer \xe9\xff"},
    ],
)
def test_what_is_no_key_is_401(client, owner, headers):
    answer = client.get("/v1/tokenInfo", headers=headers)
    assert answer.status_code == 401
    assert codes_of(answer) == ["unauthorized"]
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.django_db
def test_the_key_of_the_samples_is_never_valid_even_if_a_row_has_it(owner):
    ApiKey.objects.update(digest=services.digest("default"))
    assert services.actor_of_key("default") is None


@pytest.mark.django_db
def test_a_key_is_dead_the_moment_it_is_revoked_or_its_person_leaves(owner):
    api = Api(owner)
    assert api.get("/v1/tokenInfo").json() == {"_userId": hex24(owner.user.id), "scope": "owner"}
    owner.user.is_active = False
    owner.user.save()
    assert api.get("/v1/tokenInfo").status_code == 401
    owner.user.is_active = True
    owner.user.save()
    services.revoke_api_key(actor=owner.actor, api_key=ApiKey.objects.get(user=owner.user))
    assert api.get("/v1/tokenInfo").status_code == 401


@pytest.mark.django_db
def test_a_key_never_has_more_than_its_own_role(owner):
    _, key = services.create_api_key(organization=owner.organization, user=owner.user, name="low", role="monitor")
    assert services.actor_of_key(key).role == "monitor"
    assert Api(type(owner)(owner.organization, owner.user, key)).get("/v1/connections").status_code == 403


@pytest.mark.django_db
def test_a_key_costs_one_query_and_notes_its_use_once_a_minute(owner, django_assert_num_queries):
    with django_assert_num_queries(2):
        services.actor_of_key(owner.key)
    with django_assert_num_queries(1):
        services.actor_of_key(owner.key)
    noted = ApiKey.objects.get(user=owner.user).last_used_at
    assert now() - noted < timedelta(seconds=30)
    ApiKey.objects.update(last_used_at=noted - timedelta(seconds=61))
    with django_assert_num_queries(2):
        services.actor_of_key(owner.key)
