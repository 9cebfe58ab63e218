"""A run's own address in the Rely conventions: approved or rejected there, once, by somebody else."""

import pytest

from apps.core.ids import whole_number
from tests.api import Api

pytestmark = pytest.mark.django_db(transaction=True)
ASKED = {
    "id": "resize", "type": "selfServiceAction", "needsApproval": True,
    "triggers": [{"type": "manual", "inputSchema": {"type": "object"}}],
}  # fmt: skip


@pytest.fixture
def waiting(shop, kind):
    kind()
    shop.automation({"type": "note", "id": "noted", "args": {"size": "{{ args.size }}"}}, **ASKED)
    made = Api(shop.owner).post("/api/v1/flow-runs", {"id": "run-1", "flowId": "resize", "args": {"size": 3}})
    assert made.status_code == 200, made.content
    shop.work()
    return "/api/v1/flow-runs/run-1"


def test_it_waits_is_approved_and_goes_on(waiting, shop, ann):
    shown = Api(ann).get(waiting).json()
    assert (shown["phase"], shown["reviewedBy"], shown["reviewedAt"]) == ("waitingApproval", None, None)
    moved = Api(ann).post(f"{waiting}/approve")
    assert moved.status_code == 200 and moved.json()["reviewedBy"] == whole_number(ann.user.id)
    assert moved.json()["reviewedAt"].endswith("Z")
    shop.work()
    assert Api(ann).get(waiting).json()["phase"] == "succeeded"


def test_its_question_is_found_by_the_id_that_its_automation_was_given(waiting, ann):
    (found,) = Api(ann).get("/v1/approvals?_automationId=resize").json()
    assert found["name"] == "Resize"
    assert Api(ann).get("/v1/approvals?_automationId=other").json() == []


def test_it_is_rejected_and_closed(waiting, shop, ann):
    closed = Api(ann).post(f"{waiting}/reject", {"reason": "too large"})
    assert closed.status_code == 200
    shop.work()
    shown = Api(ann).get(waiting).json()
    assert shown["phase"] == "rejected" and shown["reviewedBy"] == whole_number(ann.user.id)
    assert shown["logs"][-1]["message"] == "Rejected by ann@acme.example: too large"


def test_a_second_review_is_409_as_a_text(waiting, ann, bob):
    assert Api(ann).post(f"{waiting}/approve").status_code == 200
    for verb in ("approve", "reject"):
        again = Api(bob).post(f"{waiting}/{verb}")
        assert again.status_code == 409
        assert again.json()["detail"].startswith("It was approved by ann@acme.example at ")


def test_whoever_asked_for_it_and_a_monitor_are_403(waiting, shop, monitor, stranger):
    for person, status in ((shop.owner, 403), (monitor, 403), (stranger, 404), (None, 401)):
        for verb in ("approve", "reject"):
            assert Api(person).post(f"{waiting}/{verb}").status_code == status
    assert Api(shop.owner).get(waiting).json()["phase"] == "waitingApproval"


@pytest.mark.parametrize("body", [[], "yes", 5, {"reason": 5}, {"reason": "x" * 2000}, b"{"])
def test_no_body_breaks_a_review(body, waiting, ann):
    assert Api(ann).post(f"{waiting}/reject", body).status_code in (200, 400, 422)
