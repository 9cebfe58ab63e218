"""Who is mailed, what stands in it, and what happens when it cannot be sent."""

import re
from datetime import timedelta

import pytest
import time_machine

from apps.accounts.models import Membership
from apps.automations.approvals import mail
from apps.automations.approvals.models import ApprovalNotice
from apps.automations.approvals.services import answer_approval
from apps.core.clock import now
from apps.work.models import WorkItem
from tests.automations.approvals.conftest import work_off

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = "2000-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def server(mailbox):
    """Every test here sends over SMTP."""
    return mailbox


def sent(mailbox):
    return sorted(((letter["To"], letter) for letter in mailbox.letters), key=lambda pair: pair[0])


def body(letter, kind="plain"):
    return letter.get_body((kind,)).get_content().replace("\r\n", "\n")


def links_of(letter):
    return re.findall(r"https://junction\.example/approvals/\S+", body(letter))


def test_those_who_may_answer_are_mailed_each_with_links_of_their_own(asking, mailbox, owner, ann, bob):
    asking(requester=owner, message="May checkout change hands?", timeoutSeconds=3600, onTimeout="reject")
    work_off("deliveries")
    (to_ann, letter), (to_bob, other) = sent(mailbox)
    assert (to_ann, to_bob) == ("ann@acme.example", "bob@acme.example")
    assert letter["Subject"] == "Approval needed: Assign an owner"
    for text in (body(letter), body(letter, "html")):
        for words in (
            "May checkout change hands?", "started by owner@acme.example", "Gives a service its owner.", "checkout",
            "targetBlueprintId", "fetch_team", "fetchResource", "Set the owner", "Writes the team.",
            "it is rejected",
        ):  # fmt: skip
            assert words in text, (words, text)
    assert len(set(links_of(letter) + links_of(other))) == 4
    assert letter["Message-ID"] != other["Message-ID"]
    assert ApprovalNotice.objects.filter(sent_at__isnull=True).count() == 0
    assert not WorkItem.objects.filter(kind="approval_mail").exists()


def test_what_others_wrote_is_no_markup_and_no_second_header(asking, mailbox, ann):
    row = asking(plan={"args": {"note": "<script>alert(1)</script>"}, "actions": []})
    row.automation_name = "Pay\r\nBcc: x@evil.example <b>now</b>"
    row.save()
    work_off("deliveries")
    (_, letter), *_ = sent(mailbox)
    assert "\n" not in letter["Subject"] and "Bcc" not in letter
    html = body(letter, "html")
    assert "<script>" not in html and "<b>now" not in html
    assert "<script>alert(1)</script>" in body(letter)


def test_only_those_whom_the_settings_name_are_mailed(asking, mailbox, owner, ann, bob):
    asking(members=["bob@acme.example"])
    work_off("deliveries")
    assert [to for to, _ in sent(mailbox)] == ["bob@acme.example"]


def test_without_a_public_address_the_mail_leads_to_the_console(asking, mailbox, ann, settings):
    settings.PUBLIC_URL = ""
    row = asking()
    work_off("deliveries")
    (_, letter), *_ = sent(mailbox)
    assert row.hex_id in body(letter) and "http" not in body(letter)


def test_a_reminder_goes_out_once_and_only_while_it_waits(asking, mailbox, ann, bob):
    row = asking(members=["ann@acme.example"], remindAfterSeconds=60)
    answered = asking(members=["bob@acme.example"], remindAfterSeconds=60)
    work_off("deliveries")
    answer_approval(actor=bob.actor, approval=answered, approve=True)
    mailbox.letters.clear()
    with time_machine.travel(now() + timedelta(seconds=61)):
        for _ in range(2):
            WorkItem.objects.filter(kind="approval").update(due_at=LONG_AGO)
            work_off("interactive")
            work_off("deliveries")
    ((to, letter),) = sent(mailbox)
    assert (to, letter["Subject"]) == ("ann@acme.example", "Still waiting for approval: Assign an owner")
    row.refresh_from_db()
    assert row.reminded_at is not None and row.state == "waiting"
    assert not WorkItem.objects.exclude(kind="execution").exists()


def test_a_reminder_leaves_the_timeout_where_it_is(asking, mailbox, ann):
    row = asking(remindAfterSeconds=60, timeoutSeconds=120)
    with time_machine.travel(now() + timedelta(seconds=61)):
        WorkItem.objects.filter(kind="approval").update(due_at=LONG_AGO)
        work_off("interactive")
    item = WorkItem.objects.filter(kind="approval").get()
    assert abs(item.due_at - row.timeout_at) < timedelta(seconds=1)


def test_who_may_not_any_more_and_what_is_answered_is_not_mailed(asking, mailbox, ann, bob):
    row, other = asking(), asking()
    Membership.objects.filter(user=ann.user).update(role="monitor")
    answer_approval(actor=bob.actor, approval=other, approve=True)
    work_off("deliveries")
    assert [(to, row.hex_id in body(letter)) for to, letter in sent(mailbox)] == [("bob@acme.example", False)]
    told = ApprovalNotice.objects.filter(approval=row, user=ann.user).get()
    assert (told.sent_at, told.message) == (None, "not needed any more")


def test_a_mail_server_that_is_away_is_tried_again_and_holds_up_no_timeout(asking, mailbox, ann, settings):
    settings.EMAIL_PORT = 1
    row = asking(members=["ann@acme.example"], timeoutSeconds=60)
    work_off("deliveries")
    notice = row.notices.get()
    assert (notice.attempts, notice.sent_at) == (1, None)
    assert "cannot be reached" in notice.message
    settings.EMAIL_PORT = mailbox.port
    WorkItem.objects.filter(kind="approval_mail").update(due_at=LONG_AGO)
    work_off("deliveries")
    assert [to for to, _ in sent(mailbox)] == ["ann@acme.example"]
    notice.refresh_from_db()
    assert (notice.attempts, notice.message) == (2, "") and notice.sent_at is not None


def test_a_mail_server_that_stays_away_is_given_up_and_the_notice_says_why(asking, mailbox, ann, settings):
    settings.EMAIL_PORT = 1
    row = asking(members=["ann@acme.example"])
    for _ in range(20):
        WorkItem.objects.filter(kind="approval_mail").update(due_at=LONG_AGO)
        work_off("deliveries")
    notice = row.notices.get()
    assert (notice.attempts, notice.sent_at) == (8, None) and "cannot be reached" in notice.message
    assert not WorkItem.objects.filter(kind="approval_mail").exists()


def test_a_mail_that_its_worker_did_not_note_is_sent_again_under_the_same_id(asking, mailbox, ann):
    row = asking(members=["ann@acme.example"])
    for _ in range(2):
        mail.send(row.notices.select_related("approval", "user").get())
    one, other = (letter["Message-ID"] for letter in mailbox.letters)
    assert one == other and one.endswith("@junction.example>")


def test_an_address_that_the_server_refuses_is_given_up_at_once(asking, mailbox, ann):
    mailbox.answers = ["550 no such box"]
    row = asking(members=["ann@acme.example"])
    work_off("deliveries")
    notice = row.notices.get()
    assert (notice.attempts, notice.sent_at) == (1, None) and "550" in notice.message
    assert not WorkItem.objects.filter(kind="approval_mail").exists()
