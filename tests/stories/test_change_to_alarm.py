"""An entity changes; an automation asks a person, who answers by a mailed link after the process was killed; a
connector's action is executed, a suggestion applied; and when the action fails, somebody is told, and told of its end.
"""

import re
from urllib.parse import urlsplit

from standardwebhooks import Webhook

from tests.stories.conftest import until
from tests.systems import Answer

SECRET = "whsec_" + "c2VjcmV0" * 4
USER = "ann@customer.example"
ACTING = f"userId={USER}"
CREATE_TICKET = {
    "execute": {
        "steps": [{"name": "made", "request": {"method": "POST", "url": "/tickets", "body": "{{ input.data }}"}}],
        "output": "{{ steps.made.body }}",
    }
}
FORM = "application/x-www-form-urlencoded"
NIGHT, APPROVER = "night@acme.example", "owner@acme.example"


def automation():
    ticket = {"connector": "desk", "action": "ticket.create", "userId": USER, "input": {"subject": "{{ data.title }}"}}
    team = {
        "id": "{{ data.id }}.team", "blueprintId": "team", "title": "Team of {{ data.title }}",
        "properties": {"ticket": "{{ actions.ticket.output.number }}"},
    }  # fmt: skip
    return {
        "id": "page-the-owner", "title": "Page the owner", "type": "automation", "needsApproval": True,
        "triggers": [{
            "type": "onEvent", "event": {"resource": "entity", "action": ["create", "update"]},
            "conditions": [
                {"field": "data.blueprintId", "operator": "eq", "value": "service"},
                {"field": "data.properties.tier", "operator": "eq", "value": 1},
            ],
        }],
        "actions": [
            {"id": "ticket", "type": "executeAction", "args": ticket},
            {"id": "team", "type": "upsertResource", "args": {"createSuggestion": True, "data": team}},
        ],
        "outputs": {"ticket": "{{ actions.ticket.output.number }}"},
    }  # fmt: skip


def test_a_change_is_approved_executed_suggested_and_its_failure_told(junction, letters, system):
    system.take("/alarms")
    system.routes["POST /tickets"] = lambda call: {"number": len(system.made("POST /tickets"))}
    furnish(junction, system)

    # A change that the conditions let through asks a person, and an alarm tells of the question that waits.
    change(junction, "payments", tier=2)
    change(junction, "payments", tier=1)
    question = until(lambda: letter_to(letters, APPROVER), what="the question is mailed")
    waits = until(lambda: subject_to(letters, NIGHT, "Approval waiting"), what="the waiting question is told")
    assert waits == "[My organization] Approval waiting: automation Page the owner"
    assert system.made("POST /tickets") == []

    # The process is killed; the link of the mail still answers, once, and only when it is asked to.
    junction.kill()
    junction.up()
    approve = link_of(question, junction)
    status, page = junction.send("GET", approve, key="")
    assert status == 200 and "Page the owner" in page
    assert system.made("POST /tickets") == []
    assert junction.send("POST", approve, "reason=go+on", key="", **{"Content-Type": FORM})[0] == 200
    assert junction.send("POST", approve, "", key="", **{"Content-Type": FORM})[0] == 409

    # The connector's action is executed with her credential, and what comes of it is suggested, not written.
    run = until(lambda: newest_run(junction, "succeeded"), what="the run goes through")
    assert run["outputs"] == {"ticket": 1}
    [ticket] = system.made("POST /tickets")
    assert (ticket.json, ticket.headers["Authorization"]) == ({"subject": "Payments"}, "Bearer anns-key")
    [suggestion] = junction.call("GET", "/api/v1/suggestions")["items"]
    assert junction.send("GET", "/api/v1/entities/payments.team")[0] == 404
    path = f"/api/v1/suggestions/{suggestion['id']}/apply"
    assert junction.call("POST", f"{path}?dry_run=true", {})["newState"]["properties"] == {"ticket": 1}
    applied = junction.call("POST", path, {})
    assert (applied["previousState"], applied["newState"]["title"]) == (None, "Team of Payments")
    assert junction.call("GET", "/api/v1/entities/payments.team") == applied["newState"]
    until(lambda: subject_to(letters, NIGHT, "Recovered"), what="that nobody waits any more is told")

    # The other system fails: told once, by mail and signed webhook, with where to look.
    system.routes["POST /tickets"] = lambda call: Answer(500, {"message": "the desk is on fire"})
    ask_and_approve(junction, letters, "search")
    failed = until(lambda: letter_to(letters, NIGHT, "Execution failed"), what="the failure is told")
    text = failed.get_body().get_content()
    assert failed["Subject"] == "[My organization] Execution failed: automation Page the owner"
    assert "the desk is on fire" in text
    execution = re.search(r"/console/executions/execution/([0-9a-f]{24})/change/", text)
    assert execution is not None
    assert junction.call("GET", f"/v1/executions/{execution.group(1)}")["state"] == "failed"

    # It works again, and that is told too.
    system.routes["POST /tickets"] = lambda call: {"number": 99}
    ask_and_approve(junction, letters, "billing")
    until(lambda: len(told(system)) == 2, what="the recovery is told")
    failure = "Execution failed: automation Page the owner"
    until(lambda: any(failure in subject for subject in recoveries(letters)), what="the recovery is mailed")
    assert told(system) == [
        ("alarm.firing", "automation Page the owner"),
        ("alarm.recovered", "automation Page the owner"),
    ]
    subjects = [str(letter["Subject"]) for letter in letters.letters if letter["X-Envelope-To"] == NIGHT]
    assert sum("] Execution failed" in subject for subject in subjects) == 1
    [recovered] = [subject for subject in recoveries(letters) if "Execution failed" in subject]
    assert recovered.endswith(failure)


def furnish(junction, system):
    """Blueprints, a connector with an account on it, the automation, and three alarms."""
    for id in ("service", "team"):
        junction.call("POST", "/v1/blueprints", {"id": id, "title": id.title()})
    junction.call("POST", "/v1/user", {"userId": USER, "name": "Ann"})
    junction.call("POST", f"/v1/connector?{ACTING}", {"name": "desk"})
    junction.call("POST", f"/v1/connector/desk/version?{ACTING}", {"name": "1.0.0", "setting": {"baseUrl": system.url}})
    key = {"type": "apiKey", "config": {"scheme": "Bearer"}}
    security = junction.call("POST", f"/v1/connector/desk/security?{ACTING}", key)["id"]
    junction.call("POST", f"/v1/connector/desk/action?{ACTING}", {"name": "ticket.create", "logic": CREATE_TICKET})
    junction.call("POST", "/v1/connector/desk/publish?contributor_id=ann", {})
    account = {"name": "hers", "connectorSecurityId": security, "key": {"key": "anns-key"}}
    junction.call("POST", f"/v1/user/{USER}/token", account)
    junction.call("PUT", "/api/v1/flows/page-the-owner", automation())
    mail = {"type": "email", "to": [NIGHT]}
    signed = {"type": "webhook", "url": f"{system.url}/alarms", "secret": SECRET}
    junction.make("alarms", {"name": "Waits", "kind": "approval_waiting", "window": 0, "channels": [mail]})
    junction.make("alarms", {"name": "Fails", "kind": "execution_failed", "channels": [mail, signed]})


def change(junction, id, *, tier):
    entity = {"id": id, "blueprintId": "service", "title": id.title(), "properties": {"tier": tier}}
    junction.call("PUT", f"/api/v1/entities/{id}", entity)


def ask_and_approve(junction, letters, id):
    known = len(letters_to(letters, APPROVER))
    change(junction, id, tier=1)
    until(lambda: len(letters_to(letters, APPROVER)) > known, what="the next question is mailed")
    link = link_of(letters_to(letters, APPROVER)[-1], junction)
    assert junction.send("POST", link, "", key="", **{"Content-Type": FORM})[0] == 200


def letters_to(letters, address, word=""):
    return [one for one in letters.letters if one["X-Envelope-To"] == address and word in str(one["Subject"])]


def recoveries(letters):
    return [str(letter["Subject"]) for letter in letters_to(letters, NIGHT, "Recovered after")]


def letter_to(letters, address, word=""):
    return next(iter(letters_to(letters, address, word)), None)


def subject_to(letters, address, word):
    found = letter_to(letters, address, word)
    return str(found["Subject"]) if found is not None else ""


def link_of(letter, junction):
    """The path of the first of a mail's two links: the one that approves."""
    text = letter.get_body(("plain",)).get_content()
    return urlsplit(re.search(rf"{re.escape(junction.url)}/approvals/\S+", text).group(0)).path


def newest_run(junction, phase):
    runs = junction.call("GET", "/api/v1/flow-runs")["items"]
    return next((run for run in runs if run["phase"] == phase), None)


def told(system):
    found = [Webhook(SECRET).verify(call.body, call.headers) for call in system.made("POST /alarms")]
    return [(message["type"], message["data"]["firings"][0]["title"]) for message in found]
