"""The approval of an automation, set in a form: the same members and the same refusals as through the API."""

import pytest

from apps.accounts.console.names import address_of
from apps.automations.models import Automation
from tests.automations.actions.conftest import step
from tests.conftest import make_person
from tests.console.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(owner):
    return signed_in(owner)


@pytest.fixture
def ann(organization):
    return make_person(organization=organization, role="manage", email="ann@acme.example")


@pytest.fixture
def rule(shop):
    return shop.automation(step("delay", hours=1), secrets={"token": "s3cr3t"}, concurrencyKey="one")


def form_of(rule):
    return f"{address_of(rule)[:-7]}approval/"


def fill(console, rule, **fields):
    rule.refresh_from_db()
    given = {"revision": str(rule.version_id), "needed": "1", "outcome": "fail", "timeout_unit": "hours",
             "remind_unit": "hours", **fields}  # fmt: skip
    return console.post(form_of(rule), given, follow=True)


def document_of(rule):
    return Automation.objects.select_related("version").get(pk=rule.pk).version.document


def test_what_is_filled_in_is_saved_as_a_version_and_shown_again(console, rule, ann):
    before = document_of(rule)
    answer = fill(
        console, rule, roles=["owner", "administrator"], members="ann@acme.example\n", timeout="2", timeout_unit="days",
        outcome="reject", remind="90", remind_unit="minutes", message="May {{ data.id }} go?",
    )  # fmt: skip
    assert "The approval of Rule is saved." in answer.content.decode()
    saved = document_of(rule)
    assert saved["approval"] == {
        "roles": ["owner", "administrator"], "members": ["ann@acme.example"], "timeoutSeconds": 172800,
        "onTimeout": "reject", "remindAfterSeconds": 5400, "message": "May {{ data.id }} go?",
    }  # fmt: skip
    assert saved["needsApproval"] is True
    untouched = ("actions", "triggers", "secrets", "concurrencyKey")
    assert {name: saved[name] for name in untouched} == {name: before[name] for name in untouched}
    page = console.get(form_of(rule)).content.decode()
    assert 'value="2"' in page and "<option selected>days</option>" in page
    assert 'value="90"' in page and "<option selected>minutes</option>" in page
    assert "May {{ data.id }} go?" in page


def test_an_empty_form_takes_the_settings_back(console, rule, ann):
    fill(console, rule, roles=["owner"], timeout="1")
    fill(console, rule, needed="")
    saved = document_of(rule)
    assert (saved["needsApproval"], saved["approval"]) == (False, None)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"members": "nobody@acme.example"}, "nobody@acme.example is no member who may approve here."),
        ({"roles": ["monitor"]}, "Must be a role that may approve"),
        ({"timeout": "soon"}, "approval.timeoutSeconds: must be a whole number"),
        ({"timeout": "1", "timeout_unit": "moons"}, "approval.timeoutSeconds: must be a whole number"),
        ({"timeout": "0"}, "Must be a whole number from 1"),
        ({"timeout": "1", "remind": "2"}, "A reminder must come before the timeout."),
        ({"outcome": "shrug"}, "Must be one of"),
        ({"message": "{{ data.id"}, "approval.message"),
        ({"revision": "older"}, "Somebody has saved this meanwhile."),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_saved(console, rule, fields, told):
    answer = fill(console, rule, **fields)
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert "approval" not in document_of(rule)


def test_who_may_not_edit_has_no_form(rule, monitor, stranger):
    for person in (monitor, stranger):
        client = signed_in(person)
        assert client.get(form_of(rule)).status_code == 404
        assert client.post(form_of(rule), {"needed": "1"}).status_code == 404
    assert "approval" not in document_of(rule)


def test_a_trigger_that_nothing_fires_yet_says_so(console, shop):
    waiting = shop.automation(id="waiting", triggers=[{"type": "onInteraction"}])
    page = console.get(address_of(waiting)).content.decode()
    assert "the trigger onInteraction starts nothing yet" in page
