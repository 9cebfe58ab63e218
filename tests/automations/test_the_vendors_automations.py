"""The automations that the vendor ships, loaded unchanged, run their whole chains over entities made for them."""

import json

import pytest

from apps.automations import services
from apps.catalog.blueprints import save_blueprint
from apps.catalog.models import Entity, Suggestion
from apps.catalog.services import save_entity
from apps.catalog.suggestions import apply_suggestion
from apps.executions.models import Execution, State
from tests.conftest import SHARED

pytestmark = pytest.mark.django_db(transaction=True)

SERVICE = {"properties": {"currentOnCalls": {"type": "array"}, "escalationPolicies": {"type": "array"}}}
INCIDENT = {
    "properties": {"status": {"enum": ["Open", "Acknowledged", "Resolved", "Closed"]}, "isActive": {"type": "boolean"}}
}
DEPLOYMENT = {"properties": {"status": {"enum": ["Pending", "Success", "Failed"]}, "successful": {"type": "boolean"}}}
SCHEMAS = {"team": SERVICE, "service": SERVICE, "incident": INCIDENT, "deployment": DEPLOYMENT}


class Catalogue:
    def __init__(self, shop):
        self.shop = shop
        self.actor = shop.owner.actor

    def blueprint(self, *ids):
        for id in ids:
            save_blueprint(actor=self.actor, id=id, fields={"title": id, "schema": SCHEMAS.get(id, {})})

    def load(self, name):
        """A shipped file, as it is."""
        documents = json.loads((SHARED / "samples" / "rely" / f"{name}.json").read_text())
        for document in documents:
            services.create_automation(actor=self.actor, document=document)
        return documents

    def save(self, blueprint, id, *, title="", properties=None, **relations):
        save_entity(
            organization_id=self.shop.organization.id, actor=None, id=id, blueprint_id=blueprint,
            title=title or id, properties=properties or {}, relations={k: {"value": v} for k, v in relations.items()},
        )  # fmt: skip
        self.shop.work()

    def entity(self, id):
        return Entity.objects.get(organization=self.shop.organization, natural_id=id)

    def apply_all(self):
        """A person takes every open suggestion."""
        for one in Suggestion.objects.filter(organization=self.shop.organization).open():
            apply_suggestion(actor=self.actor, suggestion=one)
        self.shop.work()

    def failures(self):
        rows = Execution.objects.filter(organization=self.shop.organization).exclude(state=State.SUCCEEDED)
        return [(row.target_name, row.state, row.reason) for row in rows]


@pytest.fixture
def catalogue(shop):
    return Catalogue(shop)


def test_a_pagerduty_team_becomes_a_team_and_its_incidents_follow(catalogue):
    plugin = [f"pagerduty.v1.{name}" for name in ("team", "service", "user", "escalation_policy", "incident")]
    catalogue.blueprint("team", "service", "incident", *plugin)
    catalogue.load("pagerduty")
    catalogue.save("pagerduty.v1.user", "u1", title="Ada", properties={"currentlyOnCall": True}, teams=["t1"])
    catalogue.save("pagerduty.v1.user", "u2", title="Bob", properties={"currentlyOnCall": False}, teams=["t1"])
    catalogue.save("pagerduty.v1.escalation_policy", "p1", properties={"link": "https://pd/p1"}, teams=["t1"])
    catalogue.save("pagerduty.v1.incident", "i1", properties={"status": "triggered"}, teams=["t1"])
    catalogue.save("pagerduty.v1.team", "t1", title="Core", properties={"link": "https://pd/t1"})
    suggestion = Suggestion.objects.get(organization=catalogue.shop.organization)
    assert suggestion.data["properties"] == {
        "incidentManagementLink": "https://pd/t1", "currentOnCalls": ["Ada"], "escalationPolicies": ["https://pd/p1"],
        "activeOnCallSchedules": [],
    }  # fmt: skip
    assert suggestion.data["relations"] == {"PagerDutyTeam": {"value": "t1"}}
    before = catalogue.entity("i1.incident")
    assert before.relations["responders"] == {"value": []}
    assert before.properties["status"] == "Open" and before.properties["isActive"] is True
    catalogue.apply_all()
    team = catalogue.entity("t1.team")
    assert "pagerduty.v1.team.t1" in team.sources
    assert catalogue.entity("i1.incident").relations["responders"] == {"value": ["t1.team"]}
    assert catalogue.failures() == []
    catalogue.save("pagerduty.v1.team", "t1", title="Core two", properties={"link": "https://pd/t1"})
    assert catalogue.entity("t1.team").title == "Core two", "once it is fed, updates are written"
    assert not Suggestion.objects.filter(organization=catalogue.shop.organization).open().exists()


def test_a_github_repository_becomes_a_service_and_everything_of_it_follows(catalogue):
    plugin = ("repository", "team", "pullrequest", "environment", "deployment", "workflowrun", "teammember")
    targets = ("service", "team", "pull_request", "running_service_instance", "deployment", "environment")
    catalogue.blueprint(*targets, *(f"github.v1.{name}" for name in plugin))
    catalogue.load("github")
    catalogue.save("environment", "prod", title="Production", properties={"labels": ["production"]})
    catalogue.save("github.v1.environment", "e1", title="Production", repository="web")
    catalogue.save("github.v1.pullrequest", "pr1", properties={"status": "open"}, repository="web")
    assert not Entity.objects.filter(natural_id="pr1.pull_request").exists(), "it has no service yet"
    catalogue.save(
        "github.v1.repository", "web", title="Web", properties={"languages": ["go"], "link": "https://gh/web"}
    )
    assert Suggestion.objects.get().data["properties"]["languages"] == ["go"]
    catalogue.apply_all()
    assert catalogue.entity("pr1.pull_request").relations["service"] == {"value": "web.service"}
    catalogue.save("github.v1.environment", "e1", title="Production", properties={"seen": 1}, repository="web")
    running = catalogue.entity("e1.running_service_instance")
    assert running.title == "Web (Production)"
    catalogue.save(
        "github.v1.deployment", "d1", properties={"status": "success", "successful": True, "link": "https://gh/d1"},
        repository="web", environment="e1",
    )  # fmt: skip
    deployment = catalogue.entity("d1.deployment")
    assert deployment.properties["status"] == "Success" and deployment.properties["successful"] is True
    assert deployment.properties["link"] == "https://gh/d1"
    assert deployment.relations["targetEnvironment"] == {"value": "prod"}
    assert catalogue.failures() == []


def test_a_gitlab_repository_becomes_a_service_and_its_issues_follow(catalogue):
    plugin = ("group", "repository", "issue", "mergerequest", "environment", "deployment", "pipeline", "groupmember")
    targets = ("team", "service", "issue", "pull_request", "running_service_instance", "deployment")
    catalogue.blueprint(*targets, *(f"gitlab.v1.{name}" for name in plugin))
    catalogue.load("gitlab")
    catalogue.save("gitlab.v1.groupmember", "m1", title="Ada")
    catalogue.save("gitlab.v1.groupmember", "m2", title="Bob")
    catalogue.save(
        "gitlab.v1.issue", "7", title="It leaks", properties={"state": "opened"}, repository="web", createdBy="m1",
        assignees=["m1", "m2"],
    )  # fmt: skip
    reviews = {f"{which}RequiredReviews": 1 for which in ("allBranches", "protectedBranches", "defaultBranch")}
    catalogue.save("gitlab.v1.repository", "web", title="Web", properties=reviews)
    catalogue.apply_all()
    assert catalogue.failures() == []
    issue = catalogue.entity("issue-7")
    assert issue.properties["createdBy"] == "Ada" and issue.properties["assignees"] == ["Ada", "Bob"]
    assert issue.relations["service"] == {"value": "web.service"}
    assert catalogue.failures() == []
