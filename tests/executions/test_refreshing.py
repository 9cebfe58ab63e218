"""refreshVariables: the valid values of one input, now that others are filled in."""

import pytest

from apps.core.ids import hex24
from tests.api import Api
from tests.connections.making import make_action, make_connector

pytestmark = pytest.mark.django_db
FIELDS = {
    "type": "object",
    "properties": {
        "project": {"type": "string", "x-datatype": "projects", "x-onChange": {"refreshVariables": True}},
        "issueType": {"type": "string", "x-datatype": {"name": "issue.types"}},
        "priority": {"type": "string", "enum": ["low", "high"]},
        "place": {"type": "object", "properties": {"city": {"type": "string", "x-datatype": "cities"}}},
        "title": {"type": "string"},
        "lost": {"type": "string", "x-datatype": "gone"},
    },
}
ASKED = {"type": "object", "properties": {"project": {"type": "string", "x-required": True}}}
ASKED["additionalProperties"] = False


@pytest.fixture
def refresh(owner, organization):
    crm = make_connector(organization)
    action = make_action(crm, "issue.create", {"output": 1}, variables=FIELDS)
    make_action(crm, "projects", {"output": ["APP", "WEB"]}, kind="datatype")
    types = {"output": ["{{ input.data.project }}-bug", "{{ input.data.project }}-task"]}
    make_action(crm, "issue.types", types, kind="datatype", variables=ASKED)
    make_action(crm, "cities", {"output": "{{ input.data }}"}, kind="datatype")

    def call(target, *, last="refreshVariables", action_id="issue.create", **values):
        step = [{"name": name, "value": value} for name, value in values.items()]
        body = {"step": step, "targetField": target}
        return Api(owner).post(f"/v1/connector/crm/action/{action_id}/{last}?userId=", body)

    call.action = action
    return call


def test_a_members_datatype_is_run_with_the_values_so_far(refresh):
    answer = refresh("issueType", project="APP", title="Broken")
    assert answer.status_code == 200
    assert answer.json() == {"input": {"project": "APP", "title": "Broken"}, "output": ["APP-bug", "APP-task"]}
    assert refresh("project").json()["output"] == ["APP", "WEB"]
    assert refresh("place.city", project="APP").json()["output"] == {"project": "APP"}


def test_a_list_in_the_schema_says_its_values_itself(refresh):
    assert refresh("priority").json()["output"] == ["low", "high"]


def test_its_guessed_addresses_and_ids_all_lead_to_it(refresh):
    for last in ("refreshVariables", "refresh", "variable/refresh"):
        for action_id in ("issue.create", str(refresh.action.id), hex24(refresh.action.component_id)):
            assert refresh("project", last=last, action_id=action_id).json()["output"] == ["APP", "WEB"]


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        (None, 400, "targetField is required"),
        ("nope", 422, "crm.issue.create has no input nope"),
        (7, 422, "has no input 7"),
        ("title", 422, "nothing computes values of title"),
        ("lost", 422, "Datatype gone was not found"),
        ("issueType", 422, "input.project"),
    ],
)
def test_what_cannot_be_refreshed_is_said(refresh, target, status, words):
    answer = refresh(target)
    assert answer.status_code == status
    assert words in answer.json()["error"]


@pytest.mark.parametrize(
    ("step", "status", "words"),
    [
        (None, 400, "step is required"),
        ("x", 422, "step must be a list"),
        ([5], 422, "step[0] must be an object"),
        ([{"value": 1}], 422, "step[0].name must be text"),
    ],
)
def test_steps_are_names_and_values(refresh, owner, step, status, words):
    body = {"step": step, "targetField": "project"}
    answer = Api(owner).post("/v1/connector/crm/action/issue.create/refreshVariables", body)
    assert (answer.status_code, words in answer.json()["error"]) == (status, True)
