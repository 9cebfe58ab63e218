"""The settings of an automation's approvals, and what they are refused with."""

import pytest

from apps.accounts.models import Membership
from apps.automations.approvals.policy import Policy, check_members, read_policy
from apps.core.errors import ValidationError
from apps.integrations.models import Integration, Share
from tests.conftest import make_person


def test_nothing_said_asks_whoever_may_approve_and_waits_for_ever():
    assert read_policy(None) == read_policy({}) == Policy()


def test_all_of_it_is_read():
    found = read_policy(
        {
            "roles": ["owner"],
            "members": [" Ann@Acme.example "],
            "timeoutSeconds": 3600,
            "onTimeout": "reject",
            "remindAfterSeconds": 60,
            "message": "May we?",
        }
    )
    assert found.roles == ("owner",) and found.members == ("ann@acme.example",)
    assert (found.timeout_seconds, found.on_timeout, found.remind_after_seconds) == (3600, "reject", 60)
    assert found.message == "May we?"


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "approval"),
        ("yes", "approval"),
        ({"role": ["owner"]}, "approval.role"),
        ({"roles": "owner"}, "approval.roles"),
        ({"roles": ["owner", "monitor"]}, "approval.roles[1]"),
        ({"roles": [7]}, "approval.roles[0]"),
        ({"roles": [["owner"]]}, "approval.roles[0]"),
        ({"members": ["ann"]}, "approval.members[0]"),
        ({"members": ["a@b.example\n"]}, "approval.members[0]"),
        ({"members": ["a@b.example"] * 51}, "approval.members"),
        ({"timeoutSeconds": 0}, "approval.timeoutSeconds"),
        ({"timeoutSeconds": True}, "approval.timeoutSeconds"),
        ({"timeoutSeconds": 1.5}, "approval.timeoutSeconds"),
        ({"timeoutSeconds": 10**12}, "approval.timeoutSeconds"),
        ({"onTimeout": "retry"}, "approval.onTimeout"),
        ({"onTimeout": ["fail"]}, "approval.onTimeout"),
        ({"remindAfterSeconds": -1}, "approval.remindAfterSeconds"),
        ({"timeoutSeconds": 60, "remindAfterSeconds": 60}, "approval.remindAfterSeconds"),
        ({"message": 7}, "approval.message"),
        ({"message": "x" * 4001}, "approval.message"),
        ({"message": "a\0b"}, "approval.message"),
    ],
)
def test_what_cannot_be_meant_names_its_member(document, field):
    with pytest.raises(ValidationError) as caught:
        read_policy(document)
    assert caught.value.field == field


def test_only_members_who_may_approve_are_named(organization, owner, monitor, stranger):
    check_members(read_policy({"members": ["OWNER@acme.example"]}), organization_id=organization.id)
    for email in ("monitor@acme.example", "stranger@umbrella.example", "nobody@acme.example"):
        named = read_policy({"members": ["owner@acme.example", email]})
        with pytest.raises(ValidationError, match=email) as caught:
            check_members(named, organization_id=organization.id)
        assert caught.value.field == "approval.members[1]"


def test_a_guest_who_manages_an_integration_may_be_named(organization):
    guest = make_person(organization=organization, role="", email="guest@partner.example")
    folder = Integration.objects.create(organization=organization, name="Orders")
    membership = Membership.objects.filter(user=guest.user).get()
    Share.objects.create(organization=organization, integration=folder, membership=membership, role="manage")
    check_members(read_policy({"members": ["guest@partner.example"]}), organization_id=organization.id)
