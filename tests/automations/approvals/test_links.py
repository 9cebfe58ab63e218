"""The link in the mail: opening it changes nothing, its form answers, for the one it was mailed to."""

from datetime import timedelta

import pytest
import time_machine
from django.core import signing
from django.test import Client

from apps.accounts.models import Membership, User
from apps.audit.models import AuditEntry
from apps.automations.approvals import links
from apps.automations.approvals.services import answer_approval
from apps.core.clock import now

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser():
    """Without a session, and strict about CSRF, as a browser that comes from a mail."""
    return Client(enforce_csrf_checks=True)


def link(row, person, word):
    return f"/approvals/{links.seal(row, user_id=person.user.id, approve=word == 'approve')}"


def states(row):
    row.refresh_from_db()
    return row.state


def test_opening_a_link_answers_nothing(asking, ann, browser):
    row = asking(message="May we?")
    for _ in range(3):
        for word in ("approve", "reject"):
            page = browser.get(link(row, ann, word))
            assert page.status_code == 200
            assert "May we?" in page.content.decode() and "Set the owner" in page.content.decode()
            assert browser.head(link(row, ann, word)).status_code == 200
            for method in ("put", "patch", "delete", "options"):
                assert getattr(browser, method)(link(row, ann, word)).status_code == 405
    assert states(row) == "waiting"


def test_its_form_approves(asking, ann, browser):
    row = asking()
    page = browser.post(link(row, ann, "approve"), {"reason": "fine"})
    assert page.status_code == 200 and "Assign an owner goes on now." in page.content.decode()
    assert states(row) == "approved"
    assert (row.answered_by, row.reason, row.channel) == (ann.user, "fine", "email")
    entry = AuditEntry.objects.filter(resource_type="approval", event="approve").get()
    assert (entry.user, entry.source) == (ann.user, "email")


def test_its_form_rejects_with_a_reason(asking, ann, browser):
    row = asking()
    page = browser.post(link(row, ann, "reject"), {"reason": " "})
    assert page.status_code == 422 and "Say why it is rejected." in page.content.decode()
    assert states(row) == "waiting"
    assert browser.post(link(row, ann, "reject"), {"reason": "not on a Friday"}).status_code == 200
    assert states(row) == "rejected" and row.reason == "not on a Friday"


def test_a_second_answer_is_409_and_says_who_was_first(asking, ann, bob, browser):
    row = asking()
    assert browser.post(link(row, ann, "approve")).status_code == 200
    for person, word in ((ann, "approve"), (ann, "reject"), (bob, "approve"), (bob, "reject")):
        for page in (browser.get(link(row, person, word)), browser.post(link(row, person, word), {"reason": "no"})):
            assert page.status_code == 409
            assert "It was approved by ann@acme.example at" in page.content.decode()
    assert states(row) == "approved"


def test_a_link_that_is_too_old_is_410(asking, ann, browser):
    row = asking()
    address = link(row, ann, "approve")
    with time_machine.travel(now() + links.LIFE + timedelta(minutes=1)):
        assert browser.get(address).status_code == 410
        assert browser.post(address).status_code == 410
    assert states(row) == "waiting"


def test_a_question_whose_time_is_over_is_409_and_closed_by_the_visit(asking, ann, browser):
    row = asking(timeoutSeconds=60, onTimeout="reject")
    with time_machine.travel(now() + timedelta(seconds=61)):
        page = browser.get(link(row, ann, "approve"))
    assert page.status_code == 409 and "Nobody answered in time" in page.content.decode()
    assert states(row) == "rejected"


def test_a_link_is_good_for_its_person_alone(asking, ann, bob, owner, browser):
    row = asking(requester=owner)
    browser.force_login(owner.user)
    for page in (browser.get(link(row, ann, "approve")), browser.post(link(row, ann, "approve"))):
        assert page.status_code == 403
        assert "mailed to somebody else" in page.content.decode()
    assert states(row) == "waiting"
    browser.force_login(ann.user)
    assert browser.post(link(row, ann, "approve")).status_code == 200


def test_whoever_asked_cannot_answer_by_a_link_either(asking, ann, browser):
    row = asking(requester=ann)
    for page in (browser.get(link(row, ann, "approve")), browser.post(link(row, ann, "approve"))):
        assert page.status_code == 403
    assert states(row) == "waiting"


def test_a_person_who_left_or_was_set_back_answers_nothing(asking, ann, bob, monitor, browser):
    row = asking()
    User.objects.filter(pk=ann.user.pk).update(is_active=False)
    Membership.objects.filter(user=bob.user).delete()
    for person in (ann, bob, monitor):
        assert browser.post(link(row, person, "approve")).status_code == 403
    assert states(row) == "waiting"


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-2], lambda t: "x" + t, lambda t: t * 20, lambda t: "%00", lambda t: "a:b:c"]
)
def test_what_was_not_sealed_is_404(spoil, asking, ann, browser):
    row = asking()
    address = f"/approvals/{spoil(links.seal(row, user_id=ann.user.id, approve=True))}"
    assert browser.get(address).status_code == 404
    assert browser.post(address).status_code == 404


def test_a_link_to_what_is_gone_is_404(asking, ann, browser):
    row = asking()
    address = link(row, ann, "approve")
    row.delete()
    assert browser.get(address).status_code == 404


def test_another_seal_of_ours_is_no_link(asking, ann, browser):
    row = asking()
    token = signing.dumps([row.hex_id, ann.user.hex_id, "approve"], salt="downloads")
    assert browser.post(f"/approvals/{token}").status_code == 404
    assert states(row) == "waiting"


def test_the_page_stays_out_of_frames_and_caches(asking, ann, browser):
    page = browser.get(link(asking(), ann, "approve"))
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert page["X-Frame-Options"] == "DENY"
    assert page["Referrer-Policy"] == "no-referrer" and page["Cache-Control"] == "no-store"
    assert "<script" not in page.content.decode()


def test_what_others_wrote_is_no_markup(asking, ann, browser):
    row = asking(message="<img src=x onerror=alert(1)>", plan={"args": {"a": "<b>"}, "actions": [{"type": "<i>"}]})
    text = browser.get(link(row, ann, "approve")).content.decode()
    assert "<img" not in text and "<b>" not in text and "<i>" not in text


def test_an_answer_given_meanwhile_is_told_to_who_had_the_page_open(asking, ann, bob, browser):
    row = asking()
    assert browser.get(link(row, bob, "reject")).status_code == 200
    answer_approval(actor=ann.actor, approval=row, approve=True)
    assert browser.post(link(row, bob, "reject"), {"reason": "no"}).status_code == 409
