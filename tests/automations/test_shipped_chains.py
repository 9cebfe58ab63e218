"""Each automation that the vendor ships, sent to the API unchanged, and its chain to the end: what plugins write, what
is suggested, what a person applies, what follows from that; every target compared whole.
"""

import json

import pytest

from apps.executions.models import Execution, Step
from tests.api import Api
from tests.conftest import SHARED

pytestmark = pytest.mark.django_db(transaction=True)

TEXT, MOMENT, FLAG, COUNT = (
    {"type": "string"},
    {"type": "string", "format": "date-time"},
    {"type": "boolean"},
    {"type": "integer"},
)
TEXTS = {"type": "array", "items": TEXT}
STATUS = {
    "enum": ["Open", "In progress", "Merged", "Closed", "Pending", "Success", "Failed", "Acknowledged", "Resolved"]
}
# What the rules write to; a deployment's link, for one, must be a text and its duration a number.
TARGETS = {
    "service": {
        "readme": TEXT, "repoLink": TEXT, "language": TEXT, "languages": TEXTS, "mainBranch": TEXT,
        "numRequiredApprovals": COUNT, "incidentManagementLink": TEXT, "currentOnCalls": TEXTS,
        "onCallScheduleLink": TEXT, "activeOnCallSchedules": TEXTS, "escalationPolicies": TEXTS,
    },
    "team": {
        "links": TEXTS, "incidentManagementLink": TEXT, "currentOnCalls": TEXTS, "escalationPolicies": TEXTS,
        "activeOnCallSchedules": TEXTS,
    },
    "pull_request": {
        "link": TEXT, "status": STATUS, "summary": TEXT, "createdAt": MOMENT, "updatedAt": MOMENT, "closedAt": MOMENT,
        "createdBy": TEXT, "reviewers": TEXTS, "assignees": TEXTS, "firstReviewActivityAt": MOMENT, "additions": COUNT,
        "sourceBranch": TEXT, "targetBranch": TEXT, "sourceCommit": TEXT,
    },
    "issue": {
        "source": TEXT, "link": TEXT, "status": STATUS, "summary": TEXT, "createdAt": MOMENT, "updatedAt": MOMENT,
        "resolvedAt": MOMENT, "createdBy": TEXT, "assignees": TEXTS,
    },
    "environment": {"labels": TEXTS},
    "running_service_instance": {},
    "deployment": {
        "link": TEXT, "status": STATUS, "createdAt": MOMENT, "updatedAt": MOMENT, "closedAt": MOMENT, "duration": COUNT,
        "sourceCommit": TEXT, "triggeredBy": TEXT, "successful": FLAG, "failureReason": TEXT,
    },
    "incident": {
        "source": TEXT, "link": TEXT, "status": STATUS, "isActive": FLAG, "severity": TEXT, "createdAt": MOMENT,
        "updatedAt": MOMENT, "closedAt": MOMENT,
    },
}  # fmt: skip
DAY = [f"2026-01-0{number}T00:00:00Z" for number in range(1, 10)]


class Vendor:
    """The vendor's agent and a person, both at the API; and a worker."""

    def __init__(self, shop):
        self.shop = shop
        self.api = Api(shop.owner, prefix="/api/v1/")
        for name, properties in TARGETS.items():
            self.blueprint(name, {"type": "object", "properties": properties})

    def blueprint(self, name, schema=None):
        document = {"id": name, "title": name, "schemaProperties": schema or {}}
        assert Api(self.shop.owner).post("/v1/blueprints", document).status_code == 201

    def load(self, name, *plugin):
        """The shipped file, one by one, and the blueprints that come with it."""
        for blueprint in plugin:
            self.blueprint(f"{name}.v1.{blueprint}")
        self.documents = json.loads((SHARED / "samples" / "rely" / f"{name}.json").read_text())
        for document in self.documents:
            answer = self.api.post("flows", document)
            assert answer.status_code == 200, answer.content
            stored = self.api.get(f"flows/{document['id']}").json()
            assert {member: stored[member] for member in document} == document

    def send(self, blueprint, id, title, properties=None, **relations):
        document = {
            "id": id, "blueprintId": blueprint, "title": title, "description": f"About {title}",
            "properties": properties or {}, "relations": {name: {"value": value} for name, value in relations.items()},
        }  # fmt: skip
        answer = self.api.put(f"entities/{id}", document)
        assert answer.status_code == 200, answer.content
        self.shop.work()

    def target(self, id):
        """(properties, relations) of an entity, or None."""
        answer = self.api.get(f"entities/{id}")
        if answer.status_code == 404:
            return None
        shown = answer.json()
        return shown["properties"], {name: relation["value"] for name, relation in shown["relations"].items()}

    def open(self):
        """{target's id: the suggestion} of all that a person has not taken yet."""
        items = self.api.get("suggestions").json()["items"]
        return {one["targetId"]: one for one in items if one["additionalInfo"]["state"] == "open"}

    def apply(self, target_id):
        answer = self.api.post(f"suggestions/{self.open()[target_id]['id']}/apply", {})
        assert answer.status_code == 200, answer.content
        self.shop.work()

    def switch_on(self, name):
        """And let it catch up with what there is."""
        document = next(one for one in self.documents if one["id"] == name)
        assert document["isActive"] is False
        assert self.api.put(f"flows/{name}?trigger=true", {**document, "isActive": True}).status_code == 200
        self.shop.work()

    def assert_all_was_run(self, *, failed=()):
        """Nothing else failed, and each action of each automation was carried out at least once."""
        runs = Execution.objects.filter(organization=self.shop.organization, kind="automation")
        assert [(run.target_name, run.state, run.reason) for run in runs.exclude(state="succeeded")] == list(failed)
        done = set(
            Step.objects.filter(execution__in=runs, state="succeeded").values_list("execution__target_name", "path")
        )
        wanted = {
            (document["title"], f"actions[{number}]")
            for document in self.documents
            for number, _ in enumerate(document["actions"])
        }
        assert wanted - done == set()


@pytest.fixture
def vendor(shop):
    return Vendor(shop)


def test_what_a_github_repository_leads_to(vendor):
    vendor.load("github", "repository", "team", "pullrequest", "environment", "deployment", "workflowrun", "teammember")
    vendor.send("environment", "prod.environment", "Production", {"labels": ["production", "live"]})
    vendor.send("github.v1.teammember", "ada", "Ada")

    vendor.send("github.v1.team", "core", "Core", {"url": "https://gh/core"})
    assert vendor.target("core.team") is None
    vendor.apply("core.team")
    assert vendor.target("core.team") == ({"links": ["https://gh/core"]}, {"GithubTeam": "core"})

    pull_request = {
        "link": "https://gh/pr1", "status": "open", "summary": "Add it", "createdAt": DAY[0], "updatedAt": DAY[1],
        "mergedAt": DAY[4], "firstReviewAt": DAY[2], "additions": 7, "deletions": 2,
    }  # fmt: skip
    vendor.send(
        "github.v1.pullrequest", "pr1", "Add it", pull_request, repository="web", creator="ada", reviewers=["bob"]
    )
    assert vendor.target("pr1.pull_request") is None, "what it belongs to is no service yet"

    repository = {
        "readme": "# Web", "link": "https://gh/web", "primaryLanguage": "Go", "languages": ["Go", "SQL"],
        "defaultBranch": "main",
    }  # fmt: skip
    vendor.send("github.v1.repository", "web", "Web", repository)
    assert vendor.open()["web.service"]["sourceId"] == "web"
    vendor.apply("web.service")
    service = {
        "readme": "# Web", "repoLink": "https://gh/web", "language": "Go", "languages": ["Go", "SQL"],
        "mainBranch": "main",
    }  # fmt: skip
    assert vendor.target("web.service") == (service, {"GithubRepository": "web"})
    # That it feeds a service now has cascaded to what came before it.
    assert vendor.target("pr1.pull_request") == (
        {
            "link": "https://gh/pr1", "status": "Open", "summary": "Add it", "createdAt": DAY[0], "updatedAt": DAY[1],
            "closedAt": DAY[4], "createdBy": "ada", "reviewers": ["bob"], "firstReviewActivityAt": DAY[2],
            "additions": 7, "deletions": 2,
        },
        {"service": "web.service", "GithubPullRequest": "pr1"},
    )  # fmt: skip

    vendor.send("github.v1.environment", "e1", "LIVE", repository="web")
    running = ({}, {"service": "web.service", "environment": "prod.environment", "GithubEnvironment": "e1"})
    assert vendor.target("e1.running_service_instance") == running
    vendor.send(
        "github.v1.workflowrun", "w9", "Build", {"commitSHA": "abc123", "link": "https://gh/w9"}, repository="web"
    )
    deployment = {
        "link": "https://gh/d1", "status": "success", "createdAt": DAY[0], "updatedAt": DAY[1], "commitSha": "abc123",
        "successful": True,
    }  # fmt: skip
    vendor.send("github.v1.deployment", "d1", "v1", deployment, repository="web", environment="e1", triggeredBy="ada")
    assert vendor.target("d1.deployment") == (
        {
            "link": "https://gh/w9", "status": "Success", "createdAt": DAY[0], "updatedAt": DAY[1],
            "sourceCommit": "abc123", "triggeredBy": "Ada", "successful": True,
        },
        {
            "service": "web.service", "targetEnvironment": "prod.environment", "GithubDeployment": "d1",
            "GithubWorkflowRun": "w9",
        },
    )  # fmt: skip

    run = {
        "link": "https://gh/w1", "status": "success", "createdAt": DAY[0], "updatedAt": DAY[1], "commitSHA": "0123",
        "successful": True,
    }  # fmt: skip
    for id, title, branch in (
        ("w1", "my-prod-deployment-workflow", "release/1.0"),
        ("w2", "my-dev-deployment-workflow", "main"),
        ("w3", "my-prod-deployment-workflow", "main"),
    ):
        vendor.send(
            "github.v1.workflowrun", id, title, {**run, "branch": branch}, repository="web", triggeringActor="ada"
        )
        assert vendor.target(f"{id}.deployment") is None, "shipped switched off"
    for where, id in (("prod", "w1"), ("dev", "w2")):
        vendor.switch_on(f"rely.github.v1.workflow-run-to-deployment-in-{where}-based-on-branch")
        assert vendor.target(f"{id}.deployment") == (
            {
                "link": "https://gh/w1", "status": "Success", "createdAt": DAY[0], "updatedAt": DAY[1],
                "sourceCommit": "0123", "successful": True, "triggeredBy": "ada",
            },
            {"service": "web.service", "targetEnvironment": f"{where}.environment", "GithubWorkflowRun": id},
        )  # fmt: skip
    assert vendor.target("w3.deployment") is None, "a branch of neither"

    # Once it feeds the service, what changes is written, not suggested.
    vendor.send("github.v1.repository", "web", "Web two", {**repository, "readme": "# New"})
    assert vendor.target("web.service")[0]["readme"] == "# New"
    assert vendor.open() == {}
    vendor.assert_all_was_run()


def test_what_a_gitlab_repository_leads_to(vendor):
    vendor.load(
        "gitlab", "group", "repository", "issue", "mergerequest", "environment", "deployment", "pipeline", "groupmember"
    )
    vendor.send("environment", "prod.environment", "Production", {"labels": ["production"]})
    for id, title in (("m1", "Ada"), ("m2", "Bob"), ("m3", "Cy")):
        vendor.send("gitlab.v1.groupmember", id, title)
    vendor.send("gitlab.v1.group", "core", "Core", {"url": "https://gl/core"})
    vendor.apply("core.team")
    assert vendor.target("core.team") == ({"links": ["https://gl/core"]}, {"GitlabGroup": "core"})

    issue = {"url": "https://gl/7", "state": "opened", "summary": "It leaks", "createdAt": DAY[0], "updatedAt": DAY[1]}
    vendor.send("gitlab.v1.issue", "7", "It leaks", issue, repository="web", createdBy="m1", assignees=["m1", "m2"])
    request = {
        "url": "https://gl/mr1", "state": "merged", "summary": "Mend it", "mergedAt": DAY[5], "createdAt": DAY[0],
        "updatedAt": DAY[1], "sourceBranch": "mend", "targetBranch": "main", "commitSHA": "abc123",
        "firstApprovalAt": DAY[3], "firstNonAuthorCommentAt": DAY[2], "diffStats": {"additions": 3, "deletions": 1},
    }  # fmt: skip
    vendor.send(
        "gitlab.v1.mergerequest", "mr1", "Mend it", request, repository="web", author="m1", reviewers=["m2", "m3"],
        assignees=["m1"],
    )  # fmt: skip
    assert vendor.target("issue-7") is None and vendor.target("mr1.pull_request") is None
    reviews = {
        "allBranchesRequiredReviews": 1,
        "protectedBranchesRequiredReviews": 2,
        "defaultBranchRequiredReviews": 0,
    }
    repository = {"url": "https://gl/web", "languages": ["Go", "SQL"], "defaultBranch": "main", **reviews}
    vendor.send("gitlab.v1.repository", "web", "Web", repository)
    vendor.apply("web.service")
    assert vendor.target("web.service") == (
        {
            "readme": None, "repoLink": "https://gl/web", "language": "Go", "languages": ["Go", "SQL"],
            "mainBranch": "main", "numRequiredApprovals": 2,
        },
        {"GitlabRepository": "web"},
    )  # fmt: skip
    assert vendor.target("issue-7") == (
        {
            "source": "Gitlab", "link": "https://gl/7", "status": "Open", "summary": "It leaks", "createdAt": DAY[0],
            "updatedAt": DAY[1], "resolvedAt": None, "createdBy": "Ada", "assignees": ["Ada", "Bob"],
        },
        {"GitlabIssue": "7", "service": "web.service"},
    )  # fmt: skip
    assert vendor.target("mr1.pull_request") == (
        {
            "link": "https://gl/mr1", "status": "Merged", "summary": "Mend it", "closedAt": DAY[5], "createdAt": DAY[0],
            "updatedAt": DAY[1], "sourceBranch": "mend", "targetBranch": "main", "sourceCommit": "abc123",
            "createdBy": "Ada", "reviewers": ["Bob", "Cy"], "assignees": ["Ada"], "firstReviewActivityAt": DAY[2],
            "additions": 3, "deletions": 1,
        },
        {"service": "web.service", "GitlabMergeRequest": "mr1"},
    )  # fmt: skip

    vendor.send("gitlab.v1.environment", "e1", "Production", repository="web")
    running = ({}, {"service": "web.service", "environment": "prod.environment", "GitlabEnvironment": "e1"})
    assert vendor.target("e1.running_service_instance") == running
    deployment = {
        "jobLink": "https://gl/j1", "status": "SUCCESS", "createdAt": DAY[0], "updatedAt": DAY[1],
        "finishedAt": DAY[2], "commit": "abc123",
    }  # fmt: skip
    vendor.send(
        "gitlab.v1.deployment", "d1", "v1", deployment, repository="web", environment="e1", triggeredBy="m2",
        pipeline="p9",
    )  # fmt: skip
    assert vendor.target("d1.deployment") == (
        {
            "link": "https://gl/j1", "status": "Success", "createdAt": DAY[0], "updatedAt": DAY[1], "closedAt": DAY[2],
            "sourceCommit": "abc123", "triggeredBy": "Bob", "successful": True,
        },
        {
            "service": "web.service", "targetEnvironment": "prod.environment", "GitlabDeployment": "d1",
            "GitlabPipeline": "p9",
        },
    )  # fmt: skip

    pipeline = {
        "webUrl": "https://gl/p", "status": "failed", "duration": 61.5, "createdAt": DAY[0], "finishedAt": DAY[2],
        "updatedAt": DAY[1], "commitSHA": "0123", "failureReason": "no disk", "successful": False,
    }  # fmt: skip
    for id, branch in (("p1", "release/1.0"), ("p2", "main"), ("p3", "feature")):
        vendor.send("gitlab.v1.pipeline", id, id, {**pipeline, "branch": branch}, repository="web", triggeredBy="m3")
        assert vendor.target(f"{id}.deployment") is None, "shipped switched off"
    # The rule for production takes its target's blueprint from the pipeline's status: it is shipped so.
    vendor.switch_on("rely.gitlab.v1.pipeline-to-deployment-in-prod-based-on-branch")
    vendor.switch_on("rely.gitlab.v1.pipeline-to-deployment-in-dev-based-on-branch")
    assert vendor.target("p1.deployment") is None
    vendor.blueprint("failed")
    vendor.send(
        "gitlab.v1.pipeline", "p1", "p1", {**pipeline, "branch": "release/1.1"}, repository="web", triggeredBy="m3"
    )
    for where, id in (("prod", "p1"), ("dev", "p2")):
        assert vendor.target(f"{id}.deployment") == (
            {
                "link": "https://gl/p", "status": "Failed", "duration": 61, "createdAt": DAY[0], "closedAt": DAY[2],
                "updatedAt": DAY[1], "sourceCommit": "0123", "failureReason": "no disk", "successful": False,
                "triggeredBy": "Cy",
            },
            {"service": "web.service", "targetEnvironment": f"{where}.environment", "GitlabPipeline": id},
        )  # fmt: skip
    assert vendor.target("p3.deployment") is None, "a branch of neither"
    assert vendor.open() == {}
    prod = "Gitlab Pipeline to Deployment (Prod) based on branch nomenclature"
    vendor.assert_all_was_run(failed=[(prod, "failed", "actions[2]: Blueprint with id failed not found")])


def test_what_a_pagerduty_service_and_team_lead_to(vendor):
    vendor.load("pagerduty", "team", "service", "user", "escalation_policy", "incident")
    vendor.send("pagerduty.v1.user", "u1", "Ada", {"currentlyOnCall": True}, teams=["t1"])
    vendor.send("pagerduty.v1.user", "u2", "Bob", {"currentlyOnCall": False}, teams=["t1"])
    vendor.send("pagerduty.v1.user", "u3", "Cy", {"currentlyOnCall": True}, teams=["t2"])
    vendor.send("pagerduty.v1.escalation_policy", "p1", "Policy", {"link": "https://pd/p1"}, teams=["t1"])
    incident = {
        "link": "https://pd/i1", "status": "triggered", "priority": "P1", "createdAt": DAY[0], "updatedAt": DAY[1],
    }  # fmt: skip
    vendor.send("pagerduty.v1.incident", "i1", "Down", incident, teams=["t1"], service="s1")
    team = {"link": "https://pd/t1", "onCallSchedules": ["https://pd/schedule"]}
    vendor.send("pagerduty.v1.team", "t1", "Core", team)
    vendor.send("pagerduty.v1.service", "s1", "Web", {"link": "https://pd/s1"}, teams=["t1"], escalationPolicy="p1")
    assert set(vendor.open()) == {"t1.team", "s1.service"}
    vendor.apply("t1.team")
    on_call = {"currentOnCalls": ["Ada"], "escalationPolicies": ["https://pd/p1"]}
    schedules = {"activeOnCallSchedules": ["https://pd/schedule"]}
    assert vendor.target("t1.team") == (
        {"incidentManagementLink": "https://pd/t1", **on_call, **schedules},
        {"PagerDutyTeam": "t1"},
    )
    assert vendor.target("i1.incident")[1]["responders"] == ["t1.team"]
    vendor.apply("s1.service")
    assert vendor.target("s1.service") == (
        {"incidentManagementLink": "https://pd/s1", "onCallScheduleLink": "https://pd/t1", **on_call, **schedules},
        {"PagerDutyService": "s1"},
    )
    # Two upserts of one target, one a link: neither takes away what the other wrote.
    assert vendor.target("i1.incident") == (
        {
            "source": "PagerDuty", "link": "https://pd/i1", "status": "Open", "isActive": True, "severity": "P1",
            "createdAt": DAY[0], "updatedAt": DAY[1], "closedAt": None,
        },
        {"PagerDutyIncident": "i1", "responders": ["t1.team"], "impactedServices": ["s1.service"]},
    )  # fmt: skip
    done = {**incident, "status": "resolved", "resolvedAt": DAY[3]}
    vendor.send("pagerduty.v1.incident", "i1", "Down", done, teams=["t1"], service="s1")
    after = vendor.target("i1.incident")[0]
    assert (after["status"], after["isActive"], after["closedAt"]) == ("Resolved", False, DAY[3])
    assert vendor.open() == {}
    vendor.assert_all_was_run()
