"""Customers' people by their own ids, their groups and memberships, as the Interactor documents have them."""

import uuid
from urllib.parse import quote

import pytest

from apps.accounts.models import EndUser, Group, GroupMembership
from apps.audit.models import AuditEntry
from apps.core.ids import hex24
from tests.api import Api

ADA = "ada+crm@acme.example"


@pytest.fixture
def api(owner):
    return Api(owner, prefix="/v1")


@pytest.fixture
def ada(api):
    return api.post("/user", {"userId": ADA, "email": "ada@acme.example", "name": "Ada"}).json()["id"]


def error_of(answer):
    assert list(answer.json()) == ["error"]
    return answer.json()["error"]


def test_a_user_is_found_by_the_callers_id_and_by_ours(api, ada):
    for text in (quote(ADA), ADA, ada, hex24(uuid.UUID(ada))):
        answer = api.get(f"/user/{text}")
        assert (answer.status_code, answer.json()) == (200, {"id": ada, "name": "Ada"})


@pytest.mark.parametrize("text", ["2", "testUser", "a.b.c", "834b068c-x", "Ünal ☃", "x" * 255, "0" * 24])
def test_any_text_is_an_id(api, text):
    made = api.post("/user", {"userId": text})
    assert made.status_code == 200
    assert api.get(f"/user/{quote(text)}").json() == {"id": made.json()["id"], "name": None}


@pytest.mark.parametrize("text", ["nobody", "834b068c-d2c8-4c8e-9d8b-000000000000", "0" * 24, "%00", "a%00b", "-" * 36])
def test_an_unknown_user_is_404_whatever_its_id_looks_like(api, text):
    for method in ("get", "put", "delete"):
        body = {} if method == "put" else None
        assert api.send(method, f"/user/{text}", body).status_code == 404


def test_an_update_is_partial_and_ignores_what_was_read_before(api, ada):
    body = {"id": str(uuid.uuid4()), "userId": "other", "createdBy": 5, "name": "Countess"}
    for method in ("put", "patch"):
        answer = api.send(method, f"/user/{ADA}", body)
        assert (answer.status_code, answer.content) == (200, b'""')
    row = EndUser.objects.get()
    assert (str(row.id), row.external_id, row.email, row.name) == (ada, ADA, "ada@acme.example", "Countess")
    api.put(f"/user/{ADA}", {"email": None})
    assert EndUser.objects.get().email is None


def test_ids_and_emails_are_unique_and_no_email_is_not(api, ada):
    for body in ({"userId": ADA}, {"userId": "x", "email": "ADA@acme.example"}):
        assert api.post("/user", body).status_code == 409
    for text in ("one", "two"):
        assert api.post("/user", {"userId": text, "email": ""}).status_code == 200
    refused = api.put("/user/one", {"email": "ada@acme.example"})
    assert refused.status_code == 409
    assert "ada@acme.example" in error_of(refused)
    assert api.put(f"/user/{ADA}", {"email": "ada@acme.example"}).status_code == 200


WRONG = [
    ({}, 400, "userId"),
    ({"userId": None}, 400, "userId"),
    ([], 400, "object"),
    ({"userId": ""}, 422, "userId"),
    ({"userId": "  "}, 422, "userId"),
    ({"userId": 5}, 422, "userId"),
    ({"userId": "x" * 256}, 422, "userId"),
    ({"userId": "u\0"}, 400, "userId"),
    ({"userId": "u", "email": "no address"}, 422, "email"),
    ({"userId": "u", "email": 10**30}, 400, "email"),
    ({"userId": "u", "name": ["n"]}, 422, "name"),
    ({"userId": "u", "name": "n" * 201}, 422, "name"),
]


@pytest.mark.parametrize("body, status, words", WRONG, ids=str)
def test_a_bad_user_is_refused_by_the_members_name(api, body, status, words):
    answer = api.post("/user", body)
    assert answer.status_code == status
    assert words in error_of(answer)


def test_a_user_goes_with_their_memberships(api, ada):
    group = api.post("/group", {"name": "staff"}).json()["id"]
    api.post(f"/group/{group}/user", {"userId": ADA, "role": "member"})
    answer = api.delete(f"/user/{ADA}")
    assert (answer.status_code, answer.content) == (200, b'""')
    assert not GroupMembership.objects.exists()
    assert api.get(f"/user/{ADA}").status_code == 404
    events = list(AuditEntry.objects.filter(resource_type="enduser").order_by("id").values_list("event", flat=True))
    assert events == ["create", "delete"]


def test_a_group_is_read_as_it_was_written(api, owner):
    made = api.post("/group", {"name": "my_group", "source": "remote", "Authorization": {"a": [1]}})
    assert list(made.json()) == ["id"]
    for text in (made.json()["id"], "my_group"):
        shown = api.get(f"/group/{text}").json()
        assert (shown["name"], shown["source"], shown["authorization"]) == ("my_group", "remote", {"a": [1]})
        assert shown["createdBy"] == shown["updatedBy"] == str(owner.user.id)
        assert len(shown["insertedAt"]) == len("2024-07-24T02:40:39")
    assert api.put("/group/my_group", {"authorization": {"b": 1}, "createdBy": None}).content == b'""'
    assert api.patch("/group/my_group", {"name": "renamed"}).status_code == 200
    row = Group.objects.get()
    assert (row.name, row.source, row.authorization) == ("renamed", "remote", {"b": 1})
    assert api.delete("/group/renamed").content == b'""'
    assert api.get("/group").json() == []


def test_a_groups_name_is_unique_and_its_source_one_of_two_words(api):
    api.post("/group", {"name": "a"})
    api.post("/group", {"name": "b"})
    assert api.post("/group", {"name": "a"}).status_code == 409
    assert api.put("/group/b", {"name": "a"}).status_code == 409
    refused = api.post("/group", {"name": "c", "source": "elsewhere"})
    assert (refused.status_code, "source" in error_of(refused)) == (422, True)
    assert api.post("/group", {}).status_code == 400
    assert api.put("/group/b", {"authorization": "all"}).status_code == 422


def test_a_membership_names_both_by_our_ids(api, ada):
    group = api.post("/group", {"name": "staff"}).json()["id"]
    assert api.post("/group/staff/user", {"userId": ADA, "role": "member"}).content == b'""'
    assert api.post("/group/staff/user", {"userId": ada, "role": "admin"}).status_code == 409
    shown = api.get(f"/group/staff/user/{ADA}").json()
    assert (shown["userId"], shown["groupId"], shown["role"]) == (ada, group, "member")
    assert api.get(f"/group/{group}/user").json() == [shown]
    changed = api.put(f"/group/{group}/user/{ada}", {"role": "admin", "userId": "echo"})
    assert changed.json()["role"] == "admin"
    assert api.delete(f"/group/{group}/user/{ada}").content == b'""'
    assert api.get(f"/group/{group}/user/{ada}").status_code == 404


def test_a_membership_needs_a_known_user_a_group_and_a_role(api, ada):
    api.post("/group", {"name": "staff"})
    assert api.post("/group/staff/user", {"userId": "nobody", "role": "x"}).status_code == 404
    assert api.post("/group/none/user", {"userId": ADA, "role": "x"}).status_code == 404
    assert api.post("/group/staff/user", {"userId": ADA}).status_code == 400
    assert api.post("/group/staff/user", {"userId": ADA, "role": " "}).status_code == 422


def test_another_organization_sees_none_of_it_and_may_use_the_same_ids(api, ada, stranger, monitor):
    api.post("/group", {"name": "staff"})
    theirs = Api(stranger, prefix="/v1")
    assert theirs.get(f"/user/{ada}").status_code == 404
    assert theirs.delete("/group/staff").status_code == 404
    assert theirs.get("/group").json() == []
    assert theirs.post("/user", {"userId": ADA, "email": "ada@acme.example"}).status_code == 200
    watching = Api(monitor, prefix="/v1")
    assert watching.get(f"/user/{ADA}").status_code == 200
    assert watching.delete(f"/user/{ADA}").status_code == 403
    assert watching.post("/group", {"name": "x"}).status_code == 403
    assert Api(prefix="/v1").get("/group").status_code == 401


def test_lists_cost_the_same_however_long_they_are(api, ada, django_assert_num_queries):
    for number in range(12):
        api.post("/group", {"name": f"g{number}"})
        api.post("/user", {"userId": f"u{number}"})
        api.post("/group/g0/user", {"userId": f"u{number}", "role": "member"})
    with django_assert_num_queries(2):  # the key, the page
        assert len(api.get("/group").json()) == 12
    with django_assert_num_queries(3):
        assert len(api.get("/group/g0/user").json()) == 12
