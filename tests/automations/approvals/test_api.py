"""/v1/approvals: who reads and answers what, and how it is refused."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.automations.approvals.models import Approval
from apps.automations.approvals.services import answer_approval
from tests.api import Api, codes_of, fields_of

pytestmark = pytest.mark.django_db


def test_those_that_wait_are_listed_and_one_is_read_with_what_would_run(asking, owner, ann, bob):
    row = asking(
        requester=owner, members=["ann@acme.example"], timeoutSeconds=60, onTimeout="reject", message="May we?"
    )
    answered = asking()
    answer_approval(actor=bob.actor, approval=answered, approve=True, reason="fine")
    api = Api(ann)
    (listed,) = api.get("/v1/approvals?state=waiting").json()
    assert listed["_id"] == row.hex_id and "plan" not in listed
    assert [one["_id"] for one in api.get(f"/v1/approvals?_automationId={answered.execution.target_id}").json()] == [
        answered.hex_id
    ]
    assert [one["_id"] for one in api.get(f"/v1/approvals?_executionId={row.execution.hex_id}").json()] == [row.hex_id]
    assert len(api.get("/v1/approvals").json()) == 2
    shown = api.get(f"/v1/approvals/{row.hex_id}").json()
    assert shown["requestedBy"] == "owner@acme.example" and shown["members"] == ["ann@acme.example"]
    assert shown["message"] == "May we?" and shown["onTimeout"] == "reject" and shown["timeoutAt"].endswith("Z")
    assert shown["plan"]["actions"][1]["title"] == "Set the owner" and shown["mayAnswer"] is True
    assert Api(bob).get(f"/v1/approvals/{row.hex_id}").json()["mayAnswer"] is False
    done = api.get(f"/v1/approvals/{answered.hex_id}").json()
    assert (done["state"], done["answeredBy"], done["reason"]) == ("approved", "bob@acme.example", "fine")
    assert done["mayAnswer"] is False


def test_it_is_approved_and_a_second_answer_is_409(asking, ann, bob):
    row = asking()
    done = Api(ann).post(f"/v1/approvals/{row.hex_id}/approve")
    assert done.status_code == 200 and done.json()["state"] == "approved"
    for verb in ("approve", "reject"):
        again = Api(bob).post(f"/v1/approvals/{row.hex_id}/{verb}", {"reason": "no"})
        assert (again.status_code, codes_of(again)) == (409, ["already_answered"])
        assert "It was approved by ann@acme.example at" in again.json()["errors"][0]["message"]


def test_it_is_rejected_with_a_reason(asking, ann):
    row = asking()
    for body, status in ((None, 422), ({}, 422), ({"reason": ""}, 422), ({"reason": 5}, 422), ({"reason": None}, 422)):
        refused = Api(ann).post(f"/v1/approvals/{row.hex_id}/reject", body)
        assert (refused.status_code, fields_of(refused)) == (status, ["reason"]), body
    assert Api(ann).post(f"/v1/approvals/{row.hex_id}/reject", []).status_code == 400
    done = Api(ann).post(f"/v1/approvals/{row.hex_id}/reject", {"reason": "not now"})
    assert done.status_code == 200 and done.json()["reason"] == "not now"


def test_a_call_that_is_repeated_under_its_key_is_answered_the_same(asking, ann):
    row = asking()
    first, second = (Api(ann).post(f"/v1/approvals/{row.hex_id}/approve", {}, Idempotency_Key="once") for _ in range(2))
    assert first.status_code == second.status_code == 200 and first.json() == second.json()


@pytest.mark.parametrize("verb", ["", "/approve", "/reject"])
def test_each_role_may_do_what_its_row_says(verb, asking, owner, monitor, stranger):
    row = asking()
    address = f"/v1/approvals/{row.hex_id}{verb}"

    def call(person):
        api = Api(person) if person else Api()
        return api.post(address, {"reason": "no"}) if verb else api.get(address)

    assert call(None).status_code == 401
    assert call(stranger).status_code == 404
    assert call(monitor).status_code == (403 if verb else 200)
    assert call(owner).status_code == 200
    assert Api(stranger).get("/v1/approvals").json() == []


def test_whoever_asked_is_403(asking, ann):
    row = asking(requester=ann)
    refused = Api(ann).post(f"/v1/approvals/{row.hex_id}/approve", {})
    assert (refused.status_code, codes_of(refused)) == (403, ["own_request"])


def test_bad_queries_and_ids_are_named(asking, ann):
    asking()
    api = Api(ann)
    refused = api.get("/v1/approvals?state=open")
    assert (refused.status_code, fields_of(refused)) == (400, ["state"])
    assert api.get("/v1/approvals?_automationId=nothing").json() == []
    for text in ("x", "0" * 24, "%00", "٣" * 24):
        for address in (f"/v1/approvals/{text}", f"/v1/approvals/{text}/approve"):
            assert (api.post(address, {}) if address.endswith("approve") else api.get(address)).status_code == 404


def test_five_hundred_that_wait_cost_no_more_queries_than_one(asking, ann):
    row = asking(requester=ann)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            found = Api(ann).get("/v1/approvals?state=waiting").json()
        return len(captured), len(found)

    queries()  # the first call notes that the key was used
    one, _ = queries()
    Approval.objects.bulk_create(
        Approval(
            organization=row.organization, execution=row.execution, path=f"actions[{number}]", automation_name="A",
            requester=row.requester,
        )
        for number in range(499)
    )  # fmt: skip
    many, count = queries()
    assert count == 500 and many == one
