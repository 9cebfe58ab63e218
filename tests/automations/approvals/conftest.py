"""A run that asks and waits, who is asked, and the work that approvals make."""

import pytest

from apps.automations.approvals import services
from apps.automations.approvals.models import Approval
from apps.automations.approvals.policy import read_policy
from apps.core.ids import new_id
from apps.executions.services import NewExecution, start_new
from apps.work import claims, drain
from tests.conftest import make_person

PLAN = {
    "description": "Gives a service its owner.",
    "args": {"service": "checkout", "reason": "on call"},
    "arguments": {"targetBlueprintId": "service"},
    "actions": [
        {"id": "fetch_team", "type": "fetchResource", "args": {"resourceType": "entity"}},
        {"id": "own", "type": "upsertResource", "title": "Set the owner", "description": "Writes the team."},
    ],
}


@pytest.fixture(autouse=True)
def address(settings):
    settings.PUBLIC_URL = "https://junction.example"


@pytest.fixture
def ann(organization):
    return make_person(organization=organization, role="manage", email="ann@acme.example")


@pytest.fixture
def bob(organization):
    return make_person(organization=organization, role="administrator", email="bob@acme.example")


@pytest.fixture
def asking(organization):
    """Starts a run of an automation and asks; settings as in its `approval`."""

    def ask(*, requester=None, plan=PLAN, path="", integration_id=None, **settings) -> Approval:
        execution = start_new(
            NewExecution(
                organization_id=organization.id, kind="flow", target_id=new_id(), target_name="Assign an owner",
                integration_id=integration_id, input={"exports": {}, "imports": {}},
            )
        )  # fmt: skip
        question = services.Question(
            execution=execution,
            policy=read_policy(settings),
            path=path,
            automation_id=execution.target_id,
            automation_name="Assign an owner",
            requester_id=requester.user.id if requester else None,
            plan=plan,
        )
        return services.ask(question)

    return ask


def work_off(lane):
    """Does what is due in a lane until nothing is."""
    for _ in range(1000):
        if not drain.handle(claims.claim_next(lane), float("inf")):
            return
    raise AssertionError("there is no end of work")
