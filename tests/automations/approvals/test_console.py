"""The console's page of approvals: what waits first, a count in the menu, an answer by whoever may give it."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.console.names import address_of, list_url
from apps.automations.approvals.models import Approval
from apps.automations.approvals.services import answer_approval

pytestmark = pytest.mark.django_db


@pytest.fixture
def seen_by():
    def sign_in(person, **options):
        client = Client(**options)
        client.force_login(person.user)
        return client

    return sign_in


def answer(client, row, **body):
    return client.post(address_of(row).replace("/change/", "/answer/"), body, follow=True)


def test_those_that_wait_stand_first(asking, ann, owner, seen_by):
    old, answered, new = asking(), asking(), asking()
    answer_approval(actor=ann.actor, approval=answered, approve=True)
    page = seen_by(owner).get(list_url(Approval)).content.decode()
    places = [page.index(str(row.pk)) for row in (new, old, answered)]
    assert places == sorted(places)
    only = seen_by(owner).get(list_url(Approval, "?state=approved")).content.decode()
    assert str(answered.pk) in only and str(old.pk) not in only


def test_the_menu_counts_those_that_wait(asking, ann, owner, stranger, seen_by):
    row = asking()
    asking()
    menu = re.compile(r"Approvals\s*</span>\s*<span[^>]*>\s*(\d+\+?)\s*</span>")
    assert menu.search(seen_by(owner).get("/console/").content.decode()).group(1) == "2"
    answer_approval(actor=ann.actor, approval=row, approve=True)
    assert menu.search(seen_by(owner).get("/console/").content.decode()).group(1) == "1"
    nothing = re.compile(r"Approvals\s*</span>\s*<span")
    assert nothing.search(seen_by(stranger).get("/console/").content.decode()) is None
    Approval.objects.bulk_create(
        Approval(organization=row.organization, execution=row.execution, path=f"a[{n}]", automation_name="A")
        for n in range(150)
    )
    assert menu.search(seen_by(owner).get("/console/").content.decode()).group(1) == "99+"


def test_its_page_says_what_would_run_and_takes_the_answer(asking, ann, owner, seen_by):
    row = asking(requester=owner, message="May checkout change hands?", timeoutSeconds=3600, onTimeout="reject")
    client = seen_by(ann)
    page = client.get(address_of(row)).content.decode()
    for words in ("May checkout change hands?", "Set the owner", "fetchResource", "checkout", "owner@acme.example",
                  "it is rejected", "Who was told", "ann@acme.example"):  # fmt: skip
        assert words in page, words
    assert "Say why it is rejected." in answer(client, row, answer="reject", reason=" ").content.decode()
    assert "Say whether it is approved" in answer(client, row, answer="maybe").content.decode()
    page = answer(client, row, answer="reject", reason="not on a Friday").content.decode()
    assert "Rejected: it will not go on." in page and "not on a Friday" in page and "the console" in page
    assert "It was rejected by ann@acme.example" in answer(client, row, answer="approve").content.decode()
    row.refresh_from_db()
    assert (row.state, row.channel) == ("rejected", "ui")


def test_who_may_not_answer_is_told_why_and_has_no_form(asking, ann, monitor, seen_by):
    row = asking(requester=ann)
    for person, words in ((ann, "may not approve or reject it themselves"), (monitor, "access level does not allow")):
        page = seen_by(person).get(address_of(row)).content.decode()
        assert words in page and 'value="approve"' not in page
        assert words in answer(seen_by(person), row, answer="approve").content.decode()
    row.refresh_from_db()
    assert row.state == "waiting"


def test_a_run_shows_what_it_has_asked(asking, ann, owner, seen_by):
    row = asking(message="May we?")
    answer_approval(actor=ann.actor, approval=row, approve=False, reason="not on a Friday")
    page = seen_by(owner).get(address_of(row.execution)).content.decode()
    for words in ("May we?", "rejected", "ann@acme.example", "not on a Friday", address_of(row)):
        assert words in page, words


def test_an_answer_needs_a_post_and_a_token(asking, ann, stranger, seen_by):
    row = asking()
    address = address_of(row).replace("/change/", "/answer/")
    assert seen_by(ann).get(address).status_code == 405
    assert seen_by(ann, enforce_csrf_checks=True).post(address, {"answer": "approve"}).status_code == 403
    assert seen_by(stranger).post(address, {"answer": "approve"}).status_code == 404
    row.refresh_from_db()
    assert row.state == "waiting"


def test_a_page_of_many_costs_what_a_page_of_one_costs(asking, owner, seen_by):
    row, client = asking(requester=owner), seen_by(owner)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(list_url(Approval)).status_code == 200
        return len(captured)

    client.get(list_url(Approval))
    one = queries()
    Approval.objects.bulk_create(
        Approval(
            organization=row.organization, execution=row.execution, path=f"a[{n}]", automation_name="A",
            requester=row.requester, answered_by=row.requester,
        )
        for n in range(100)
    )  # fmt: skip
    assert queries() == one
